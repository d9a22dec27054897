"""Triage: what a report is taken for, and how it follows its case."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from qipan.access import Role
from qipan.contracts.case import Stage
from qipan.contracts.events import (
    CaseAccepted,
    CaseClosed,
    CaseFiled,
    Outcome,
)
from qipan.messaging.received import Received
from qipan.testing import Databases
from services.intake.desk import Desk
from services.intake.story import story_of
from tests.integration.intake_here import NOON, SANDUN, build_intake, opened, xihu
from tests.integration.intake_office import RUBBISH, Office, case


@pytest.fixture
def office(database_url: Databases) -> Iterator[Office]:
    with opened(database_url(build_intake)) as here:
        yield Office(here, Desk(xihu()))


def test_what_is_told_of_a_report_names_nobody_who_wrote_it(office: Office) -> None:
    """The acceptor's row keeps the words; the summary and address, which lists and searches show, do not."""
    report_id = office.report("暴露垃圾，打0571-87654321", address="丰潭路1号 13812345678", matter=RUBBISH)
    office.triage()
    [told] = [said["data"] for said in office.here.said() if said["subject"] == report_id]
    assert (told["summary"], told["place"]["address"]) == ("暴露垃圾，打***", "丰潭路1号 ***")
    row = office.row(report_id)
    assert (row.text, row.address) == ("暴露垃圾，打0571-87654321", "丰潭路1号 13812345678")


def test_a_plain_report_is_filed_with_its_matter_and_cells(office: Office) -> None:
    report_id = office.report("小区门口暴露垃圾无人清理")
    office.triage()
    [told] = office.here.said()
    assert told["data"]["outcome"] == Outcome.FILE
    assert told["data"]["matter"] == RUBBISH
    assert told["data"]["place"]["cells"].keys() >= {"town", "community", "duty"}
    assert (office.row(report_id).status, office.row(report_id).decided_by) == ("filed", "rules")


def test_the_matter_that_the_reporter_named_is_taken(office: Office) -> None:
    report_id = office.report("看一下", matter="s:01037")
    office.triage()
    assert (office.row(report_id).status, office.row(report_id).matter) == ("filed", "s:01037")


def test_what_nobody_understands_is_held(office: Office) -> None:
    report_id = office.report("嗯嗯嗯")
    office.triage()
    assert (office.outcome(report_id), office.row(report_id).status) == ("hold", "held")


def test_the_same_thing_said_again_is_merged_into_the_first(office: Office) -> None:
    first = office.report("文三路口暴露垃圾成堆，气味很大")
    office.triage()
    office.received()
    second = office.report("文三路口暴露垃圾成堆，气味大")
    office.triage()
    assert (office.outcome(second), office.row(second).merged_into) == ("merge", first)
    assert office.row(second).status == "merged"


def test_within_one_batch_too(office: Office) -> None:
    first, second = office.report("文三路口暴露垃圾成堆"), office.report("文三路口暴露垃圾成堆！")
    office.triage()
    assert {office.outcome(first), office.outcome(second)} == {"file", "merge"}
    assert office.row(second).merged_into == first


@pytest.mark.parametrize(
    "other",
    [
        {"lon": SANDUN["lon"] + 0.002},
        {"matter": "s:06011"},
        {"text": "完全是另外一回事：灌木丛里有人偷倒建材"},
    ],
    ids=["far", "another matter", "other words"],
)
def test_what_is_only_nearly_the_same_is_filed(office: Office, other: dict[str, Any]) -> None:
    office.report("文三路口暴露垃圾成堆", matter=RUBBISH)
    words = other.pop("text", "文三路口暴露垃圾成堆")
    second = office.report(words, **{"matter": RUBBISH, **other})
    office.triage()
    assert office.outcome(second) == "file"


def test_what_was_said_long_ago_is_filed_again(office: Office) -> None:
    office.report("文三路口暴露垃圾成堆")
    office.triage()
    office.received()
    office.here.clock.advance(timedelta(hours=3))
    second = office.report("文三路口暴露垃圾成堆")
    office.triage()
    assert office.outcome(second) == "file"


def test_what_was_closed_is_no_original_any_more(office: Office) -> None:
    first = office.report("文三路口暴露垃圾成堆")
    office.triage()
    office.received()
    office.follow(CaseClosed(case=case(first, 7, Stage.CLOSED)))
    second = office.report("文三路口暴露垃圾成堆")
    office.triage()
    assert office.outcome(second) == "file"


def test_a_grid_worker_disposes_small_matters_on_the_spot(office: Office) -> None:
    small = next(code for code, matter in xihu().matters_of("sandun").items() if matter.self_disposable)
    large = next(code for code, matter in xihu().matters_of("sandun").items() if not matter.self_disposable)
    worker = office.here.token("sandun.grid-worker.1", "sandun", Role.GRID_WORKER)
    done = office.report("已清理", matter=small, self_disposed=True, headers=worker)
    not_done = office.report("已修好", matter=large, self_disposed=True, headers=worker)
    office.triage()
    assert (office.outcome(done), office.outcome(not_done)) == ("self-dispose", "file")
    assert office.row(done).channel == "grid"


def test_a_message_that_comes_twice_is_decided_about_once(office: Office) -> None:
    office.report("小区门口暴露垃圾")
    batch = office.received()
    office.triage(batch)
    office.triage(batch)
    assert len(office.here.said()) == 1


def test_a_report_that_the_door_never_stored_is_not_told_of(office: Office) -> None:
    office.report("小区门口暴露垃圾")
    [message] = office.received()
    forged = message.data.model_copy(update={"report_id": "nobody-stored-this"})
    office.triage([Received(forged, "m2", "sandun", "intake", NOON)])
    assert office.here.said() == []


def test_a_report_shows_the_newest_step_of_its_case(office: Office) -> None:
    report_id = office.report("小区门口暴露垃圾")
    office.triage()
    accepted = CaseAccepted(case=case(report_id, 3, Stage.ACCEPTED))
    filed = CaseFiled(case=case(report_id, 1, Stage.OFFERED))
    office.follow(accepted, filed)
    assert office.row(report_id).status == "accepted"
    office.follow(filed)
    assert (office.row(report_id).status, office.row(report_id).case_id) == ("accepted", "c1")
    office.follow(CaseClosed(case=case(report_id, 5, Stage.CLOSED)))
    assert (office.row(report_id).status, office.row(report_id).bucket) == ("closed", None)


def test_the_merged_report_shows_how_far_the_first_has_come(office: Office) -> None:
    first, second = office.report("文三路口暴露垃圾成堆"), office.report("文三路口暴露垃圾成堆！")
    office.triage()
    office.follow(CaseClosed(case=case(first, 5, Stage.CLOSED)))
    token = office.here.door._tokens.token("sandun", second)
    seen = office.here.http.get(f"/v1/reports/{second}", params={"token": token}).json()
    assert (seen["status"], seen["original_status"], seen["merged_into"]) == ("merged", "closed", first)
    rated = office.here.http.post(f"/v1/reports/{second}/rating", params={"token": token}, json={"rating": 4})
    assert rated.status_code == 201
    [told] = [said for said in office.here.said() if said["type"] == "report.rated.v1"]
    assert (told["data"]["case_id"], told["data"]["report_id"]) == ("c1", first)


def test_the_story_of_a_report_names_its_steps(office: Office) -> None:
    report_id = office.report("小区门口暴露垃圾")
    office.triage()
    with office.here.database.begin() as work:
        story = story_of(work.conn, "sandun", report_id)
        assert story_of(work.conn, "liuxia", report_id) == ()
    assert [(one.what, one.who) for one in story] == [("received", "anonymous"), ("triaged", "rules")]
    assert story[0].traceparent is not None
