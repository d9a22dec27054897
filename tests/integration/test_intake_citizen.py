"""The page of a report: what its reporter sees of it, and what may be added, with nothing but the token."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from qipan.access import Role
from qipan.contracts.case import Stage
from qipan.contracts.errors import Forbidden
from qipan.contracts.events import CaseAccepted, CaseClosed, CaseFiled
from qipan.contracts.queries import TellReport
from qipan.testing import Databases
from tests.case_samples import case
from tests.integration.intake_counter import Counter
from tests.integration.intake_here import COMMENTS_AN_HOUR, NOON, SANDUN, Here, build_intake, opened

RUBBISH = "路边垃圾成堆没人清理"


@pytest.fixture
def here(database_url: Databases) -> Iterator[Here]:
    with opened(database_url(build_intake)) as door:
        yield door


def report(here: Here, words: str = RUBBISH, **fields: Any) -> dict[str, Any]:
    answer = here.http.post("/v1/reports", json={"text": words, **SANDUN, **fields})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def page(here: Here, of: dict[str, Any]) -> dict[str, Any]:
    return dict(here.http.get(of["links"]["self"]).json())


def comment(here: Here, of: dict[str, Any], words: str, **options: Any) -> Any:
    return here.http.post(of["links"]["comments"], json={"text": words}, **options)


def step(of: dict[str, Any], kind: type[Any], stage: Stage, version: int, minutes: dict[Stage, int]) -> Any:
    times = {stage: NOON + timedelta(minutes=after) for stage, after in minutes.items()}
    state = case(
        "c1", report_id=of["report_id"], stage=stage, version=version, filed_at=NOON, stage_times=times
    )
    return kind(case=state)


def test_a_reporter_sees_what_happened_in_plain_words(here: Here) -> None:
    mine, counter = report(here), Counter.open(here)
    assert [one["status"] for one in page(here, mine)["timeline"]] == ["received"]
    counter.triage()
    assert [one["status"] for one in page(here, mine)["timeline"]] == ["received", "filed"]
    counter.follow(step(mine, CaseFiled, Stage.OFFERED, 1, {Stage.OFFERED: 1}))
    counter.follow(step(mine, CaseAccepted, Stage.ACCEPTED, 2, {Stage.OFFERED: 1, Stage.ACCEPTED: 30}))
    seen = page(here, mine)
    assert [one["status"] for one in seen["timeline"]] == ["received", "filed", "offered", "accepted"]
    last = seen["timeline"][-1]
    assert last["words"] == {"zh": "处置人员已接单，正在处置", "en": "Somebody is working on it."}
    assert last["at"].startswith("2026-03-05T04:30:00")
    assert "sandun/sweep" not in str(seen)  # who works on it is not the page's to tell


def test_an_older_step_changes_nothing(here: Here) -> None:
    mine, counter = report(here), Counter.open(here)
    counter.follow(step(mine, CaseClosed, Stage.CLOSED, 7, {Stage.CLOSED: 90}))
    counter.follow(step(mine, CaseAccepted, Stage.ACCEPTED, 2, {Stage.ACCEPTED: 30}))
    assert [one["status"] for one in page(here, mine)["timeline"]] == ["received", "filed", "closed"]


def test_a_joined_reports_reporter_sees_the_earlier_ones_progress_and_nothing_of_its_reporter(
    here: Here,
) -> None:
    first, counter = report(here, contact={"name": "王芳", "phone": "13800138000"}), Counter.open(here)
    counter.triage()
    comment(here, first, "我就住在旁边")
    second = report(here)
    counter.triage()
    assert page(here, second)["status"] == "merged"
    counter.follow(step(first, CaseClosed, Stage.CLOSED, 3, {Stage.CLOSED: 60}))
    seen = page(here, second)
    assert [one["status"] for one in seen["timeline"]] == ["received", "merged", "filed", "closed"]
    assert (seen["original_status"], seen["original_words"]["en"]) == ("closed", "Closed.")
    assert seen["comments"] == []
    assert "王芳" not in str(seen)
    assert "我就住在旁边" not in str(seen)
    comment(here, second, "还没干净")
    [told] = [said for said in here.said() if said["data"].get("text") == "还没干净"]
    assert (told["data"]["case_id"], told["data"]["report_id"]) == ("c1", second["report_id"])


def test_a_comment_is_stored_shown_and_told(here: Here) -> None:
    mine = report(here)
    answer = comment(here, mine, "  气味很大 ")
    assert answer.status_code == 201, answer.text
    [shown] = page(here, mine)["comments"]
    assert (shown["text"], shown["comment_id"]) == ("气味很大", answer.json()["comment_id"])
    [told] = [said for said in here.said() if said["type"] == "report.commented.v1"]
    assert (told["tenant"], told["subject"]) == ("sandun", mine["report_id"])
    assert (told["data"]["text"], told["data"]["comment_id"]) == ("气味很大", shown["comment_id"])
    counter, ask = Counter.open(here), TellReport(subject=mine["report_id"])
    story = counter.ask(ask, Role.DISPATCHER).happenings
    assert [(one.what, one.detail.get("text")) for one in story] == [
        ("received", None),
        ("commented", "气味很大"),
    ]
    complained_about: list[tuple[Role, dict[str, Any]]] = [
        (Role.HANDLER, {"units": frozenset({"sandun/sweep"})}),
        (Role.DISPATCHER, {"of": "traffic-police"}),
    ]
    for role, traits in complained_about:
        with pytest.raises(Forbidden):
            counter.ask(ask, role, **traits)


def test_a_repeat_is_one_comment_and_other_words_a_conflict(here: Here) -> None:
    mine, key = report(here), {"Idempotency-Key": "k1"}
    first, again = (comment(here, mine, "气味很大", headers=key) for _ in range(2))
    assert first.json() == again.json()
    assert comment(here, mine, "没有气味", headers=key).json()["type"] == "urn:qipan:problem:key-reused"
    other = report(here, "路灯不亮")
    assert comment(here, other, "没有气味", headers=key).status_code == 201
    assert len(here.rows("comments")) == 2


def test_a_report_takes_so_many_comments_an_hour_and_no_more_even_at_once(here: Here) -> None:
    mine = report(here)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: comment(here, mine, f"第{number}条"), range(8)))
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [201] * COMMENTS_AN_HOUR + [429] * (8 - COMMENTS_AN_HOUR)
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["type"] == "urn:qipan:problem:too-many-requests"
    assert 3000 < int(refused.headers["Retry-After"]) <= 3600
    assert len(here.rows("comments")) == COMMENTS_AN_HOUR
    other = report(here, "路灯不亮")
    assert comment(here, other, "别的事").status_code == 201
    with here.database.begin() as work:
        work.conn.execute(text("UPDATE intake.comments SET real_at = real_at - interval '61 minutes'"))
    assert comment(here, mine, "一小时以后").status_code == 201


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"text": "字" * 1001}, 422, "too-long"),
        ({"text": "  "}, 422, "invalid"),
        ({}, 422, "invalid"),
        ({"text": "a\x00b"}, 422, "invalid"),
        ({"text": "x", "phone": "13800138000"}, 422, "unknown-field"),
    ],
)
def test_a_bad_comment_is_a_problem_document(
    here: Here, body: dict[str, Any], status: int, code: str
) -> None:
    mine = report(here)
    answer = here.http.post(mine["links"]["comments"], json=body)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:qipan:problem:{code}")
    assert here.rows("comments") == []


def test_all_faults_of_a_comment_are_told(here: Here) -> None:
    mine = report(here)
    answer = here.http.post(
        mine["links"]["comments"], json={"text": "", "colour": "red"}, headers={"Idempotency-Key": "k" * 129}
    )
    assert {fault["where"] for fault in answer.json()["faults"]} == {"Idempotency-Key", "text", "colour"}


def test_a_thousand_characters_are_taken(here: Here) -> None:
    assert comment(here, report(here), "字" * 1000).status_code == 201


def test_only_the_reports_own_token_comments(here: Here) -> None:
    mine, other = report(here), report(here, "路灯不亮")
    path = f"/v1/reports/{mine['report_id']}/comments"
    for token in ("", other["token"], mine["token"][:-1]):
        assert here.http.post(path, params={"token": token}, json={"text": "x"}).status_code == 404
    assert here.rows("comments") == []


def test_a_signed_in_citizen_may_report_anonymously(here: Here) -> None:
    citizen = here.token("li.lei", "sandun", Role.CITIZEN)
    for anonymous in (False, True):
        body = {"text": RUBBISH, **SANDUN, "anonymous": anonymous}
        assert here.http.post("/v1/reports", json=body, headers=citizen).status_code == 201
    assert sorted(row.client for row in here.rows()) == ["anonymous", "li.lei"]


def test_anonymous_with_a_contact_or_in_office_is_refused(here: Here) -> None:
    body = {"text": RUBBISH, **SANDUN, "anonymous": True, "contact": {"phone": "13800138000"}}
    worker = here.token("w1", "sandun", Role.GRID_WORKER)
    answer = here.http.post("/v1/reports", json=body, headers=worker)
    assert answer.status_code == 422
    assert {fault["where"] for fault in answer.json()["faults"]} == {"anonymous", "contact"}
    assert here.rows() == []
