"""Where a report lies, from the door through triage to the case: landmarks, and cells that change with time."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from qipan.access import Role
from qipan.contracts.events import Outcome
from qipan.tenancy import load_district
from qipan.tenancy.grid_desk import GridDesk
from qipan.territory.geojson import write_cells
from qipan.testing import Databases
from services.intake import store
from services.intake.desk import Desk
from services.intake.held import held_report
from tests.integration.intake_here import CONTACTS, NOON, ROOT, SANDUN, build_intake, opened, xihu
from tests.integration.intake_office import Office


@pytest.fixture
def office(database_url: Databases) -> Iterator[Office]:
    with opened(database_url(build_intake)) as here:
        yield Office(here, Desk(xihu()))


def named(office: Office, words: str, address: str) -> tuple[str, str]:
    """Post a report that says where by name; its tenant and id."""
    answer = office.here.http.post("/v1/reports", json={"text": words, "address": address})
    assert answer.status_code == 201, answer.text
    return answer.json()["tenant"], answer.json()["report_id"]


def test_a_report_at_a_landmark_is_filed_and_its_case_knows_how_it_was_found(office: Office) -> None:
    _, report_id = named(office, "门口暴露垃圾无人清理", "灵隐寺")
    office.triage()
    assert office.outcome(report_id) == Outcome.FILE
    [told] = office.here.said()
    place = told["data"]["place"]
    assert place["located"]["name"] == "灵隐寺"
    assert place["cells"].keys() >= {"town", "duty"}


def test_a_place_that_is_too_large_waits_for_a_person_who_sees_why(office: Office) -> None:
    tenant, report_id = named(office, "湖边暴露垃圾无人清理", "西湖")
    office.triage()
    assert office.outcome(report_id) == Outcome.HOLD
    with office.here.database.begin() as work:
        [row] = store.held(work.conn, tenant, 10, None)
    held = held_report(row, CONTACTS)
    assert (held.reason, held.address) == ("uncertain-place", "西湖")
    assert held.located is not None
    assert held.located.metres > 500


def test_an_emergency_is_filed_however_large_the_place(office: Office) -> None:
    _, report_id = named(office, "水管爆裂，路面积水", "西湖")
    office.triage()
    assert office.outcome(report_id) == Outcome.FILE


def test_reports_that_name_the_same_large_place_are_not_one(office: Office) -> None:
    """All who name a campus have its point: that is no sign of the same rubbish. The control is below."""
    _, first = named(office, "食堂门口暴露垃圾成堆", "黄龙体育中心")
    _, second = named(office, "食堂门口暴露垃圾成堆！", "黄龙体育中心")
    office.triage()
    assert {office.outcome(first), office.outcome(second)} == {Outcome.FILE}


def test_reports_with_the_same_coordinates_are(office: Office) -> None:
    first, second = office.report("食堂门口暴露垃圾成堆"), office.report("食堂门口暴露垃圾成堆！")
    office.triage()
    assert {office.outcome(first), office.outcome(second)} == {Outcome.FILE, Outcome.MERGE}


def test_a_case_keeps_the_cells_of_its_day(office: Office, tmp_path: Path) -> None:
    """A version is published: what was triaged stays, what came in before is located as before, the rest anew."""
    pack = tmp_path / "xihu"
    shutil.copytree(ROOT / "districts/xihu", pack)
    office.desk = Desk(load_district(pack))
    early = office.report("小区门口暴露垃圾无人清理")
    office.triage()
    old = office.row(early).cells["duty"]

    grids = GridDesk(pack, office.here.clock)
    cells = [replace(c, valid_from=None, valid_until=None) for c in grids.cells_on("duty", grids.today)]
    renumbered = [replace(cell, code=f"{old[:-3]}999") if cell.code == old else cell for cell in cells]
    write_cells(tmp_path / "new.geojson", renumbered, "renumbered")
    draft, _ = grids.draft("duty", tmp_path / "new.geojson")
    _, begins = grids.publish(draft)
    assert begins == NOON.astimezone(ZoneInfo("Asia/Shanghai")).date() + timedelta(days=1)

    waiting = office.report("路灯不亮一整晚", lon=SANDUN["lon"], lat=SANDUN["lat"])
    received = [one for one in office.received() if one.data.report_id == waiting]
    office.here.clock.set(NOON + timedelta(days=1))
    office.desk = Desk(load_district(pack))
    office.triage(received)
    late = office.report("人行道上井盖缺失")
    office.triage()
    assert office.row(early).cells["duty"] == old
    assert office.row(waiting).cells["duty"] == old
    assert office.row(late).cells["duty"] == f"{old[:-3]}999"


LAMP = "33010601037000001"
"""A street lamp of Xihu's sample, in Sandun."""


def lamp() -> dict[str, float]:
    component = xihu().components.by_id[LAMP]
    return {"lon": component.lon, "lat": component.lat}


def test_anybody_may_ask_what_a_component_is(office: Office) -> None:
    http = office.here.http
    answer = http.get(f"/v1/components/{LAMP}")
    assert answer.status_code == 200
    assert answer.json() == {
        "id": LAMP,
        "kind": "s:01037",
        "name": {"zh": "1号路灯（示例）", "en": "Street lamp 1 (sample)"},
        "town": "sandun",
        "synthetic": True,
        **lamp(),
    }
    assert http.get("/v1/components/none").status_code == 404
    signed_in = office.here.token("li", "liuxia", Role.CITIZEN)
    assert http.get(f"/v1/components/{LAMP}", headers=signed_in).status_code == 200


@pytest.mark.parametrize("said", [{}, SANDUN, {"address": "灵隐寺"}], ids=["alone", "point", "address"])
def test_a_report_that_names_a_component_lies_where_that_stands(office: Office, said: dict[str, Any]) -> None:
    body = {"text": "看一下", "component": LAMP, **said}
    answer = office.here.http.post("/v1/reports", json=body)
    assert answer.status_code == 201, answer.text
    report_id = answer.json()["report_id"]
    [received] = office.here.said()
    assert (received["data"]["component"], received["data"]["matter"]) == (LAMP, "s:01037")
    office.triage()
    [told] = office.here.said()
    place = told["data"]["place"]
    assert (told["data"]["outcome"], place["component"]) == (Outcome.FILE, LAMP)
    assert {"lon": place["lon"], "lat": place["lat"]} == lamp()
    assert (office.row(report_id).component, office.row(report_id).place) == (LAMP, None)


def test_the_matter_given_goes_before_the_components(office: Office) -> None:
    body = {"text": "看一下", "component": LAMP, "matter": "s:06010"}
    office.here.http.post("/v1/reports", json=body)
    [received] = office.here.said()
    assert received["data"]["matter"] == "s:06010"


def near(metres: float) -> dict[str, float]:
    """South of the lamp: the next one stands 30 m to its north."""
    return {"lon": lamp()["lon"], "lat": lamp()["lat"] - metres / 111_195}


def test_the_nearest_component_of_the_matter_is_taken_for_the_one_meant(office: Office) -> None:
    report_id = office.report("路灯不亮", **near(6))
    office.triage()
    [told] = office.here.said()
    place = told["data"]["place"]
    assert place["component"] == LAMP
    assert {"lon": place["lon"], "lat": place["lat"]} == lamp()
    assert place["located"]["by"] == "component"
    assert place["located"]["metres"] == pytest.approx(6, abs=0.2)
    assert 0.5 < place["located"]["confidence"] < 1
    row = office.row(report_id)
    assert (row.component, row.lat, row.place["component"]) == (None, near(6)["lat"], LAMP)


@pytest.mark.parametrize(
    ("words", "metres"), [("路灯不亮", 16), ("小区门口暴露垃圾", 6)], ids=["far", "matter"]
)
def test_what_is_too_far_or_another_matter_is_not_taken(office: Office, words: str, metres: float) -> None:
    office.report(words, **near(metres))
    office.triage()
    [told] = office.here.said()
    assert (told["data"]["outcome"], told["data"]["place"].get("component")) == (Outcome.FILE, None)


def test_a_held_report_keeps_the_component_unless_it_is_about_something_else(office: Office) -> None:
    """Triage was not sure of the matter; the acceptor is."""
    words = "路灯不亮、乱停车、流动摊贩"
    ids = [office.report(words, matter=None, **near(6)) for _ in range(2)]
    office.triage()
    guesses = {id: office.row(id).matter for id in ids}
    assert {office.outcome(id) for id in ids} == {Outcome.HOLD}
    if set(guesses.values()) != {"s:01037"}:
        pytest.fail(f"the words were to be about the lamp first: {guesses}")
    office.received()
    office.decide(ids[0], outcome=Outcome.FILE)
    office.decide(ids[1], outcome=Outcome.FILE, matter="s:06010")
    places = {said["subject"]: said["data"]["place"] for said in office.here.said()}
    assert places[ids[0]]["component"] == LAMP
    assert {"lon": places[ids[1]]["lon"], "lat": places[ids[1]]["lat"]} == near(6)
    assert (places[ids[1]].get("component"), office.row(ids[1]).place) == (None, None)
