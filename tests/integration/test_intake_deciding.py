"""What a person decides about a report, and what becomes of one that nobody decides about."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from qipan.contracts.commands import DecideReport, SplitReport
from qipan.contracts.errors import IllegalTransition, Invalid, NotFound, UnknownMatter
from qipan.contracts.events import Outcome
from qipan.contracts.waiting import ReportWaiting
from qipan.storage import Timer
from qipan.storage.timers import take_due
from qipan.testing import Databases
from services.intake import store
from services.intake.awaiting import ACCEPT_DUE
from services.intake.contacts import Contacts
from services.intake.decide import decide_held, file_waited, split, tell_overdue
from services.intake.desk import Desk
from services.intake.held import held_report
from services.intake.sealing import Keyring
from services.intake.story import story_of
from services.intake.town_policy import HOLD_MINUTES
from services.intake.triage_batch import HELD_DUE
from tests.integration.intake_here import NOON, build_intake, opened, xihu
from tests.integration.intake_office import RUBBISH, Office


@pytest.fixture
def office(database_url: Databases) -> Iterator[Office]:
    with opened(database_url(build_intake)) as here:
        yield Office(here, Desk(xihu()))


def test_what_may_be_the_same_is_proposed_merged_by_a_person_and_split_again(office: Office) -> None:
    """Less alike than is merged by itself, but alike: a person sees why, and decides; and may decide otherwise."""
    first = office.report("小区北门口暴露垃圾无人清理，味道大")
    office.triage()
    again = office.report("小区南门口暴露垃圾没有人清理")
    other = office.report("桥下暴露垃圾")
    office.triage()
    assert (office.row(again).status, office.row(again).reason) == ("held", "likely-duplicate")
    assert office.outcome(other) == Outcome.FILE  # the control: not alike
    contacts = Contacts(Keyring.parse(""))
    [proposed] = held_report(office.row(again), contacts).duplicates
    assert proposed.report_id == first
    assert 0.5 <= proposed.likeness < 0.6
    assert (proposed.metres, proposed.minutes) == (0, 0)
    assert "同" in proposed.reasons["zh"]

    def decide(**fields: Any) -> str:
        with office.here.database.begin() as work:
            asked = DecideReport(report_id=again, **{"outcome": Outcome.MERGE, **fields})
            return decide_held(work, "sandun", asked, [RUBBISH], "acceptor.1", {}, office.desk)

    def split_again() -> str:
        with office.here.database.begin() as work:
            return split(
                work, "sandun", SplitReport(report_id=again, reason="两处"), "acceptor.2", office.desk
            )

    for into in (None, again, "nobody"):
        with pytest.raises(Invalid) as refused:
            decide(into=into)
        assert refused.value.faults[0].allowed
    with pytest.raises(Invalid):
        decide(outcome=Outcome.FILE, into=first)
    with pytest.raises(IllegalTransition):
        split_again()
    assert decide(into=first) == "merged"
    assert office.row(again).merged_into == first
    assert split_again() == "held"
    assert (office.row(again).merged_into, office.row(again).reason) == (None, "两处")
    assert decide(outcome=Outcome.FILE) == "filed"
    told = [said["data"] for said in office.here.said() if said["subject"] == again]
    outcomes = sorted((one["outcome"], one.get("merged_into")) for one in told if one["outcome"] != "hold")
    assert outcomes == [("file", None), ("merge", first)]
    assert len(told) == 4
    with office.here.database.begin() as work:
        story = story_of(work.conn, "sandun", again)
    decided = [one for one in story if one.what == "triaged"]
    assert [(one.who, one.detail["reason"]) for one in decided] == [
        ("rules", "likely-duplicate"),
        ("acceptor.1", "by-acceptor"),
        ("acceptor.2", "两处"),
        ("acceptor.1", "by-acceptor"),
    ]
    assert decided[1].detail["merged_into"] == first
    for change in ("UPDATE intake.decisions SET who = 'x'", "DELETE FROM intake.decisions"):
        with pytest.raises(DBAPIError, match="only ever added to"), office.here.database.begin() as work:
            work.conn.execute(text(change))


def test_an_acceptor_files_a_held_report(office: Office) -> None:
    report_id = office.report("嗯嗯嗯")
    office.triage()
    office.received()
    with pytest.raises(Invalid):
        office.decide(report_id, outcome=Outcome.FILE)
    with pytest.raises(UnknownMatter):
        office.decide(report_id, outcome=Outcome.FILE, matter="s:99999")
    held_at = office.row(report_id).held_at
    until = office.desk.accept_clock("sandun", report_id, None, "嗯嗯嗯", held_at).due_at
    assert office.decide(report_id, outcome=Outcome.FILE, matter=RUBBISH) == "filed"
    told = [said["data"] for said in office.here.said() if said["subject"] == report_id]
    assert datetime.fromisoformat(told[-1]["due_at"]) == until > held_at
    assert (office.outcome(report_id), office.row(report_id).decided_by) == ("file", "sandun.acceptor.1")
    with pytest.raises(IllegalTransition):
        office.decide(report_id, outcome=Outcome.FILE, matter=RUBBISH)


def test_held_reports_are_listed_longest_waiting_first_page_by_page(office: Office) -> None:
    waiting = []
    for number in range(5):
        waiting.append(office.report("嗯" * (number + 1), headers={"Idempotency-Key": f"k{number}"}))
        office.triage()
        office.here.clock.advance(timedelta(minutes=1))
    listed: list[str] = []
    after = None
    with office.here.database.begin() as work:
        while page := store.held(work.conn, "sandun", 2, after):
            listed += [row.report_id for row in page]
            after = (page[-1].later, page[-1].held_at, page[-1].report_id)
        assert store.held(work.conn, "liuxia", 2, None) == []
    assert listed == waiting


def test_an_acceptor_declines_for_a_reason(office: Office) -> None:
    report_id = office.report("嗯嗯嗯")
    office.triage()
    with pytest.raises(Invalid):
        office.decide(report_id, outcome=Outcome.DECLINE)
    assert office.decide(report_id, outcome=Outcome.DECLINE, reason="不知所云") == "declined"
    assert office.row(report_id).reason == "不知所云"
    with pytest.raises(NotFound):
        office.decide("nobody", outcome=Outcome.DECLINE, reason="x")


def test_a_held_report_has_an_accept_clock_and_somebody_is_told(office: Office) -> None:
    """An urgent one is told of at once, whatever still waits when its time is over once; who decides stops it."""
    urgent = office.report("救命，快来，打13812345678")
    dull, decided = office.report("嗯嗯嗯"), office.report("哦哦哦")
    batch = office.received()
    office.triage(batch)
    office.triage(batch)  # delivered twice

    def heard() -> dict[str, ReportWaiting]:
        said = [one for one in office.here.said() if one["type"] == ReportWaiting.type]
        assert {one["tenant"] for one in said} <= {"sandun"}
        assert len({one["subject"] for one in said}) == len(said)
        return {one["subject"]: ReportWaiting(**one["data"]) for one in said}

    def pass_time(minutes: int) -> dict[str, ReportWaiting]:
        office.received()  # forgets what was told
        office.here.clock.advance(timedelta(minutes=minutes))
        with office.here.database.begin() as work:
            due = take_due(work.conn, "intake", ACCEPT_DUE, office.here.clock.now("sandun"))
            tell_overdue(work, due, office.desk)
        return heard()

    [(told_of, at_once)] = heard().items()
    assert (told_of, at_once.urgent, at_once.overdue, at_once.reason) == (urgent, True, False, "no-matter")
    assert at_once.due_at - at_once.held_at == timedelta(minutes=5)
    assert at_once.summary == "救命，快来，打***"
    contacts = Contacts(Keyring.parse(""))
    listed = held_report(office.row(urgent), contacts, office.desk)
    assert (listed.waits_for, listed.due_at) == (at_once.waits_for, at_once.due_at)
    assert (listed.reason, listed.urgent, listed.held_at) == ("no-matter", True, at_once.held_at)
    assert str(listed.waits_for).startswith("sandun.acceptor.")
    assert pass_time(4) == {}
    [late] = pass_time(2).values()
    assert late == at_once.model_copy(update={"overdue": True})
    assert office.decide(decided, outcome=Outcome.DECLINE, reason="不知所云") == "declined"
    assert pass_time(20) == {}
    overdue = pass_time(5)
    assert {id: (one.urgent, one.overdue) for id, one in overdue.items()} == {dull: (False, True)}
    assert pass_time(60) == {}
    assert office.row(dull).status == "held"


def test_a_clock_that_outlives_its_report_tells_nobody_and_a_split_one_is_due_anew(office: Office) -> None:
    first, again = office.report("文三路口暴露垃圾成堆"), office.report("文三路口暴露垃圾成堆！")
    office.triage()
    office.received()
    merged, into = (again, first) if office.row(again).status == "merged" else (first, again)
    with office.here.database.begin() as work:
        now = work.now("sandun")
        for report_id in (first, again):
            work.set_timer(tenant="sandun", kind=ACCEPT_DUE, ref=report_id, due_at=now)
        tell_overdue(work, [Timer("sandun", ACCEPT_DUE, id, now, {}) for id in (merged, into)], office.desk)
    assert office.here.said() == []
    with office.here.database.begin() as work:
        split(work, "sandun", SplitReport(report_id=merged, reason="两处"), "acceptor.2", office.desk)
    with office.here.database.begin() as work:
        later = now + timedelta(minutes=30)
        due = take_due(work.conn, "intake", ACCEPT_DUE, later)
    assert {one.ref: one.due_at for one in due} == {into: now, merged: later}


def test_a_held_report_with_a_likely_matter_is_filed_when_nobody_decides(office: Office) -> None:
    unsure, unknown = office.report("暴露垃圾旁边乱停车、路灯不亮"), office.report("嗯嗯嗯")
    office.triage()
    assert {office.outcome(unsure), office.outcome(unknown)} == {"hold"}
    with office.here.database.begin() as work:
        work.conn.execute(text("DELETE FROM intake.outbox"))

    def pass_time(minutes: int) -> None:
        office.here.clock.advance(timedelta(minutes=minutes))
        with office.here.database.begin() as work:
            now = office.here.clock.now("sandun")
            file_waited(work, take_due(work.conn, "intake", HELD_DUE, now))

    pass_time(HOLD_MINUTES - 1)
    assert office.here.said() == []
    pass_time(2)
    assert (office.outcome(unsure), office.row(unsure).decided_by) == ("file", "waited")
    assert office.row(unknown).status == "held"


def test_a_decision_made_in_time_stops_the_waiting(office: Office) -> None:
    report_id = office.report("暴露垃圾旁边乱停车、路灯不亮")
    office.triage()
    office.decide(report_id, outcome=Outcome.DECLINE, reason="已联系")
    with office.here.database.begin() as work:
        assert take_due(work.conn, "intake", HELD_DUE, NOON + timedelta(days=1)) == []
