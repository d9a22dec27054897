"""Photos through the door: taken in, given out to whom they concern, and never a row without its file."""

import os
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from qipan.access import Role
from qipan.contracts.case import Handover, HandoverState, Stage, Support, SupportState
from qipan.contracts.errors import Forbidden, NotFound
from qipan.contracts.events import (
    CaseDispatched,
    CaseEvent,
    CaseHandoverAccepted,
    CaseHandoverAsked,
    CaseSupportAsked,
)
from qipan.contracts.queries import ListPhotos
from qipan.testing import Databases
from services.intake import photo_names, photos
from services.intake.photo_files import PhotoFiles
from services.intake.photo_header import Kind
from services.intake.photo_names import PhotoNames, path_of
from tests.case_samples import case
from tests.integration.intake_counter import Counter
from tests.integration.intake_here import (
    NOON,
    PHOTO_LIMITS,
    PHOTOS_A_REPORT,
    SANDUN,
    Here,
    build_intake,
    opened,
)
from tests.unit.photo_corpus import NOT_PHOTOS, picture, png_bomb, telling, written


@pytest.fixture
def here(database_url: Databases) -> Iterator[Here]:
    with opened(database_url(build_intake)) as door:
        yield door


@pytest.fixture
def report(here: Here) -> dict[str, Any]:
    return dict(here.http.post("/v1/reports", json={"text": "路边垃圾成堆", **SANDUN}).json())


def send(here: Here, report: dict[str, Any], content: bytes, **options: Any) -> Any:
    return here.http.post(report["links"]["photos"], content=content, **options)


def different(number: int) -> bytes:
    return picture(Kind.PNG, (20 + number, 20))


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("as_form", [False, True])
def test_the_reporter_adds_a_photo_and_sees_it(
    here: Here, report: dict[str, Any], kind: Kind, as_form: bool
) -> None:
    if as_form:
        files = {"photo": ("my house.exe", telling(kind), "text/html")}
        answer = here.http.post(report["links"]["photos"], files=files)
    else:
        answer = send(here, report, telling(kind), headers={"Content-Type": "application/json"})
    assert answer.status_code == 201, answer.text
    added = answer.json()
    assert (added["media_type"], added["width"], added["height"]) == (kind, 64, 48)
    page = here.http.get(report["links"]["self"]).json()
    assert page["photos"] == [added]
    seen = here.http.get(added["link"])
    assert (seen.status_code, seen.headers["content-type"]) == (200, kind)
    assert seen.headers["x-content-type-options"] == "nosniff"
    assert seen.headers["cache-control"] == "private, no-store"
    assert len(seen.content) == added["bytes"]
    assert b"Nosy Camera" not in seen.content


def test_only_the_reports_own_token_adds_and_opens(here: Here, report: dict[str, Any]) -> None:
    other = here.http.post("/v1/reports", json={"text": "路灯不亮", **SANDUN}).json()
    added = send(here, report, picture()).json()
    path, foreign = added["link"].partition("?")[0], other["report_id"]
    for token in ("", other["token"], report["token"].replace("sandun", "liuxia")):
        assert here.http.get(path, params={"token": token}).status_code == 404
        posted = here.http.post(
            f"/v1/reports/{report['report_id']}/photos", params={"token": token}, content=picture()
        )
        assert posted.status_code == 404
    borrowed = path.replace(report["report_id"], foreign)
    assert here.http.get(borrowed, params={"token": other["token"]}).status_code == 404
    for name in ("0" * 48, "%00", "..%2Fsecret"):
        missing = path.replace(added["photo_id"], name)
        assert here.http.get(missing, params={"token": report["token"]}).status_code == 404
    assert len(here.rows("photos")) == 1


def test_the_same_photo_again_is_the_same_one(here: Here, report: dict[str, Any]) -> None:
    first, again = (send(here, report, picture()).json() for _ in range(2))
    assert first == again
    [row] = here.rows("photos")
    assert (row.tenant, row.report_id) == ("sandun", report["report_id"])


def test_a_report_takes_so_many_and_no_more_even_at_once(here: Here, report: dict[str, Any]) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: send(here, report, different(number)), range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] * PHOTOS_A_REPORT + [422] * (
        8 - PHOTOS_A_REPORT
    )
    assert len(here.rows("photos")) == PHOTOS_A_REPORT
    kept = next(number for number, answer in enumerate(answers) if answer.status_code == 201)
    assert send(here, report, different(kept)).status_code == 201  # a repeat is no further photo


def test_all_faults_are_told_at_once(here: Here, report: dict[str, Any]) -> None:
    for number in range(PHOTOS_A_REPORT):
        send(here, report, different(number))
    answer = send(here, report, png_bomb())
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert [fault["where"] for fault in answer.json()["faults"]] == ["report_id", "photo"]


def refusals() -> list[Any]:
    boundary = {"Content-Type": "multipart/form-data; boundary=x"}
    part = b'--x\r\nContent-Disposition: form-data; name="%b"; filename="a"\r\n\r\nx\r\n'
    return [
        pytest.param(
            NOT_PHOTOS["gif-renamed"], {"Content-Type": "image/jpeg"}, 422, "invalid", id="gif-renamed"
        ),
        pytest.param(b"", {}, 422, "invalid", id="empty"),
        pytest.param(b"x" * (PHOTO_LIMITS.bytes + 1), {}, 413, "too-large", id="too-large"),
        pytest.param(png_bomb(), {}, 422, "invalid", id="bomb"),
        pytest.param(picture(), {"Content-Type": "multipart/form-data"}, 422, "invalid", id="no-boundary"),
        pytest.param(b"--y--", boundary, 422, "invalid", id="another-boundary"),
        pytest.param(b"--x--\r\n", boundary, 422, "invalid", id="empty-form"),
        pytest.param(part % b"file" + b"--x--\r\n", boundary, 422, "invalid", id="another-name"),
        pytest.param(part % b"photo" + part % b"photo" + b"--x--\r\n", boundary, 422, "invalid", id="two"),
        pytest.param((part % b"photo") * 9 + b"--x--\r\n", boundary, 422, "invalid", id="nine"),
        pytest.param(b"x" * (PHOTO_LIMITS.bytes + 20_000), boundary, 413, "too-large", id="too-large-form"),
    ]


@pytest.mark.parametrize(("content", "headers", "status", "code"), refusals())
def test_bad_input_is_a_problem_document_and_stores_nothing(
    here: Here, report: dict[str, Any], content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    answer = send(here, report, content, headers=headers)
    assert (answer.status_code, answer.json().get("type")) == (status, f"urn:qipan:problem:{code}")
    assert answer.json()["faults"]
    assert here.rows("photos") == []
    assert list(here.files.older_than(-60)) == []


def test_photos_are_drawn_off_the_event_loop(
    here: Here, report: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    drew: list[str] = []
    draw = photos.clean

    def watched(*args: Any) -> Any:
        drew.append(threading.current_thread().name)
        return draw(*args)

    monkeypatch.setattr(photos, "clean", watched)
    assert send(here, report, picture()).status_code == 201
    assert drew == ["photos_0"]


def test_a_place_that_is_away_is_503_and_leaves_no_row(
    here: Here, report: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    added = send(here, report, different(0)).json()

    def away(*_: object) -> None:
        raise OSError("no route to the store")

    with monkeypatch.context() as broken:
        broken.setattr(here.files, "keep", away)
        broken.setattr(here.files, "read", away)
        assert send(here, report, different(1)).status_code == 503
        assert here.http.get(added["link"]).status_code == 503
    assert len(here.rows("photos")) == 1
    assert here.http.get(added["link"]).status_code == 200


def test_a_file_comes_before_its_row_and_one_without_a_row_is_swept(
    here: Here, report: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    added = send(here, report, different(0)).json()

    def died(*_: object) -> None:
        raise RuntimeError("killed between the file and the row")

    with monkeypatch.context() as dying:
        dying.setattr(here.photos, "_know", died)
        assert send(here, report, different(1)).status_code == 500
    here.files.keep("somebody/else's.txt", b"not ours")
    assert len(here.rows("photos")) == 1
    assert len(list(here.files.older_than(-60))) == 3
    assert here.photos.sweep() == 0  # young: its row may be on the way
    monkeypatch.setattr(photos, "SWEPT_AFTER_SECONDS", -60.0)
    assert here.photos.sweep() == 1
    assert len(list(here.files.older_than(-60))) == 2
    assert here.http.get(added["link"]).status_code == 200


def test_a_folder_is_its_owners_and_holds_whole_files_only(tmp_path: Path) -> None:
    files = PhotoFiles.of("", tmp_path)
    assert stat.S_IMODE((tmp_path / "photos").stat().st_mode) == 0o700
    path = path_of("sandun", "ab" * 24, Kind.PNG)
    for content in (b"first", b"second"):
        files.keep(path, content)
    assert files.read(path) == b"second"
    assert [found.name for found in tmp_path.rglob("*.*")] == [Path(path).name]
    assert not files.is_older_than(path, 60)
    os.utime(tmp_path / "photos" / path, (0, 0))
    assert list(files.older_than(60)) == [path]
    assert files.is_older_than(path, 60)
    files.remove(path)
    files.remove(path)
    assert files.read(path) is None
    assert not files.is_older_than(path, 60)


@pytest.fixture
def office(here: Here, report: dict[str, Any]) -> tuple[Counter, ListPhotos]:
    """A report with a photo whose case lies with the sweepers, and whoever asks about it."""
    assert send(here, report, picture()).status_code == 201
    counter = Counter.open(here)
    counter.triage()
    state = case("c1", report_id=report["report_id"], stage=Stage.OFFERED, unit="sandun/sweep")
    counter.follow(CaseDispatched(case=state))
    return counter, ListPhotos(report_id=report["report_id"])


def test_those_who_may_see_the_case_get_links_that_open(
    here: Here, office: tuple[Counter, ListPhotos]
) -> None:
    counter, ask = office
    [row] = here.rows()
    duty = row.cells["duty"]
    for found in (
        counter.ask(ask, Role.HANDLER, units=frozenset({"sandun/sweep"})),
        counter.ask(ask, Role.GRID_WORKER, cells=frozenset({duty})),
        counter.ask(ask, Role.ACCEPTOR),
        counter.ask(ask, Role.SUPERVISOR),
        counter.ask(ask, Role.DISTRICT_LEAD, of="xihu"),
    ):
        [photo] = found.photos
        seen = here.http.get(photo.link)
        assert (seen.status_code, len(seen.content)) == (200, photo.bytes)
        assert "token=" not in photo.link


def test_those_who_may_not_see_the_case_get_none(office: tuple[Counter, ListPhotos]) -> None:
    counter, ask = office
    strangers: list[tuple[Role, dict[str, Any]]] = [
        (Role.HANDLER, {"units": frozenset({"sandun/water"})}),
        (Role.HANDLER, {}),
        (Role.GRID_WORKER, {"cells": frozenset({"330106109009099"})}),
        (Role.CITIZEN, {}),
        (Role.OPERATOR, {}),
        (Role.MACHINE, {}),
        (Role.ACCEPTOR, {"of": "xixi"}),
        (Role.SUPERVISOR, {"of": "traffic-police"}),
        (Role.HANDLER, {"of": "traffic-police", "units": frozenset({"traffic-police/squad"})}),
        (Role.ACCEPTOR, {"of": "sandun~ex7"}),
    ]
    for role, traits in strangers:
        with pytest.raises(Forbidden):
            counter.ask(ask, role, **traits)
    with pytest.raises(NotFound):
        counter.ask(ListPhotos(report_id="nothing"), Role.ACCEPTOR)


def test_when_a_case_is_given_to_another_unit_the_first_sees_no_more(
    office: tuple[Counter, ListPhotos],
) -> None:
    counter, ask = office
    state = case("c1", report_id=ask.report_id, stage=Stage.OFFERED, unit="sandun/water", version=2)
    counter.follow(CaseDispatched(case=state))
    with pytest.raises(Forbidden):
        counter.ask(ask, Role.HANDLER, units=frozenset({"sandun/sweep"}))
    assert counter.ask(ask, Role.HANDLER, units=frozenset({"sandun/water"})).photos


def test_who_sees_the_case_sees_the_photos_of_all_that_was_joined_to_it(
    here: Here, office: tuple[Counter, ListPhotos]
) -> None:
    counter, ask = office
    joined, apart = (
        here.http.post("/v1/reports", json={"text": words, **SANDUN}).json()
        for words in ("路边垃圾成堆！", "路灯不亮")
    )
    assert send(here, joined, different(1)).status_code == send(here, apart, different(2)).status_code == 201
    counter.triage()
    merged = {row.report_id: row.merged_into for row in here.rows()}
    assert merged == {ask.report_id: None, joined["report_id"]: ask.report_id, apart["report_id"]: None}
    sweepers = {"units": frozenset({"sandun/sweep"})}
    photos = counter.ask(ask, Role.HANDLER, **sweepers).photos
    assert [photo.report_id for photo in photos] == [ask.report_id, joined["report_id"]]
    for photo in photos:
        seen = here.http.get(photo.link)
        assert (seen.status_code, len(seen.content)) == (200, photo.bytes)
    its_own = ListPhotos(report_id=joined["report_id"])
    assert counter.ask(its_own, Role.HANDLER, **sweepers).photos[0].photo_id == photos[1].photo_id
    strangers: list[tuple[Role, dict[str, Any]]] = [
        (Role.HANDLER, {"units": frozenset({"sandun/water"})}),
        (Role.GRID_WORKER, {"cells": frozenset({"330106109009099"})}),
        (Role.SUPERVISOR, {"of": "traffic-police"}),
        (Role.ACCEPTOR, {"of": "xixi"}),
    ]
    for asked in (ask, its_own):
        for role, traits in strangers:
            with pytest.raises(Forbidden):
                counter.ask(asked, role, **traits)
    state = case("c1", report_id=ask.report_id, stage=Stage.OFFERED, unit="sandun/water", version=2)
    counter.follow(CaseDispatched(case=state))
    for asked in (ask, its_own):
        with pytest.raises(Forbidden):
            counter.ask(asked, Role.HANDLER, **sweepers)
    page = here.http.get(f"/v1/reports/{joined['report_id']}", params={"token": joined["token"]}).json()
    assert len(page["photos"]) == 1  # reporters see their own only


def test_a_department_sees_what_is_assigned_to_it(office: tuple[Counter, ListPhotos]) -> None:
    counter, ask = office
    unit, department = "traffic-police/squad", "traffic-police"
    state = case("c1", report_id=ask.report_id, unit=unit, department=department, version=2)
    counter.follow(CaseDispatched(case=state))
    assert counter.ask(ask, Role.HANDLER, of=department, units=frozenset({unit})).photos
    assert counter.ask(ask, Role.SUPERVISOR, of=department).photos
    with pytest.raises(Forbidden):
        counter.ask(ask, Role.HANDLER, of=department, units=frozenset({"traffic-police/other"}))


def supported(report_id: str, **changes: Any) -> CaseSupportAsked:
    """The sweepers' case, with Sandun's traffic unit, of the police, to support it."""
    part = Support(
        task_id="c1.s1",
        unit="sandun/traffic",
        department="traffic-police",
        state=SupportState.ASKED,
        asked_at=NOON,
        changed_at=NOON,
    )
    changes = {"version": 2, "unit": "sandun/sweep", "supports": (part,), **changes}
    return CaseSupportAsked(case=case("c1", report_id=report_id, **changes))


def handed(report_id: str, state: str, holder: str | None = None, **changes: Any) -> CaseEvent:
    """The case as it is handed over to Wenxin, or has been."""
    over = Handover(to="wenxin", state=HandoverState(state), reason="界线", by="d", at=NOON, holder=holder)
    kind = CaseHandoverAccepted if holder else CaseHandoverAsked
    return kind(case=case("c1", report_id=report_id, handover=over, **changes))


def test_who_supports_the_case_sees_its_photos(here: Here, office: tuple[Counter, ListPhotos]) -> None:
    counter, ask = office
    traffic = {"units": frozenset({"sandun/traffic"})}
    with pytest.raises(Forbidden):  # the control: before they are asked to help
        counter.ask(ask, Role.HANDLER, **traffic)
    with pytest.raises(Forbidden):
        counter.ask(ask, Role.DISPATCHER, of="traffic-police")
    counter.follow(supported(ask.report_id))
    for found in (
        counter.ask(ask, Role.HANDLER, **traffic),
        counter.ask(ask, Role.DISPATCHER, of="traffic-police"),
        counter.ask(ask, Role.HANDLER, units=frozenset({"sandun/sweep"})),
    ):
        [photo] = found.photos
        assert here.http.get(photo.link).status_code == 200
    strangers: list[tuple[Role, dict[str, Any]]] = [
        (Role.HANDLER, {"units": frozenset({"sandun/water"})}),
        (Role.HANDLER, {"units": frozenset({"wenxin/traffic"})}),
        (Role.DISPATCHER, {"of": "xixi"}),
    ]
    for role, traits in strangers:
        with pytest.raises(Forbidden):
            counter.ask(ask, role, **traits)
    late = handed(ask.report_id, "asked", version=1)
    counter.follow(late)  # an older step than the one known changes nothing
    assert counter.ask(ask, Role.HANDLER, **traffic).photos
    with pytest.raises(NotFound):
        counter.ask(ask, Role.DISPATCHER, of="wenxin", tenant="wenxin")


def test_who_takes_a_case_over_sees_the_photos_at_home(
    here: Here, office: tuple[Counter, ListPhotos]
) -> None:
    counter, ask = office
    wenxin = {"of": "wenxin", "tenant": "wenxin"}
    mine = frozenset({"wenxin/sweep"})
    with pytest.raises(NotFound):  # the control: it is none of their business yet
        counter.ask(ask, Role.DISPATCHER, **wenxin)
    counter.follow(handed(ask.report_id, "asked", version=2))
    assert counter.ask(ask, Role.DISPATCHER, **wenxin).photos
    with pytest.raises(Forbidden):  # their town is asked, their unit has nothing to do with it
        counter.ask(ask, Role.HANDLER, units=mine, **wenxin)
    counter.follow(handed(ask.report_id, "accepted", "wenxin", version=3, unit="wenxin/sweep"))
    for found in (
        counter.ask(ask, Role.DISPATCHER, **wenxin),
        counter.ask(ask, Role.HANDLER, units=mine, **wenxin),
        counter.ask(ask, Role.ACCEPTOR),  # where it arose
    ):
        [photo] = found.photos
        assert here.http.get(photo.link).status_code == 200
    strangers: list[tuple[Role, dict[str, Any]]] = [
        (Role.HANDLER, {**wenxin, "units": frozenset({"wenxin/water"})}),
        (Role.GRID_WORKER, {**wenxin, "cells": frozenset({"330106013001001"})}),
        (Role.HANDLER, {"units": frozenset({"sandun/sweep"})}),
        (Role.DISPATCHER, {"of": "wenxin"}),  # at home, not in Sandun
    ]
    for role, traits in strangers:
        with pytest.raises(Forbidden):
            counter.ask(ask, role, **traits)
    for elsewhere in ("xixi", "wenxin~ex7"):
        with pytest.raises(NotFound):
            counter.ask(ask, Role.DISPATCHER, of=elsewhere, tenant=elsewhere)


def test_a_link_ends_and_opens_nothing_else(
    here: Here, office: tuple[Counter, ListPhotos], monkeypatch: pytest.MonkeyPatch
) -> None:
    counter, ask = office
    [photo] = counter.ask(ask, Role.ACCEPTOR).photos
    path, _, ticket = photo.link.partition("?ticket=")
    assert here.http.get(path, params={"ticket": ticket}).status_code == 200
    assert here.http.get(path, params={"ticket": ticket[:-1] + "x"}).status_code == 404
    assert here.http.get(path, params={"token": ticket}).status_code == 404
    page = path.rpartition("/photos")[0]
    assert here.http.get(page, params={"token": ticket, "ticket": ticket}).status_code == 404
    late = PhotoNames("secret").ticket("sandun", ask.report_id, photo.photo_id, 1)
    assert here.http.get(path, params={"ticket": late}).status_code == 404
    assert photo_names.TICKET_SECONDS <= 600


def test_a_photos_name_says_nothing_of_its_content(here: Here, report: dict[str, Any]) -> None:
    content = written(Image.new("RGB", (9, 9)), "PNG")
    added = send(here, report, content).json()
    [path] = here.files.older_than(-60)
    assert path == path_of("sandun", added["photo_id"], Kind.PNG)
    seen = here.http.get(added["link"]).content
    assert (
        PhotoNames("another").name("sandun", seen)
        != added["photo_id"]
        == PhotoNames("secret").name("sandun", seen)
    )
