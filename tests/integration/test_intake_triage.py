"""Triage on real tables: what is decided, written and told, once each, in a fixed number of statements."""

import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError

from qipan.access import Role
from qipan.contracts.case import CaseState, Counters, Place, Stage
from qipan.contracts.commands import DecideReport, SplitReport
from qipan.contracts.errors import IllegalTransition, Invalid, NotFound, UnknownMatter
from qipan.contracts.events import (
    CaseAccepted,
    CaseClosed,
    CaseEvent,
    CaseFiled,
    Outcome,
    ReportReceived,
)
from qipan.contracts.level import Level
from qipan.contracts.waiting import ReportWaiting
from qipan.messaging.received import Received
from qipan.storage import Timer
from qipan.storage.timers import take_due
from qipan.tenancy.bodies import answerable
from qipan.testing import Databases
from services.intake import store
from services.intake.awaiting import ACCEPT_DUE
from services.intake.contacts import Contacts
from services.intake.decide import decide_held, file_waited, split, tell_overdue
from services.intake.desk import Desk
from services.intake.follow import follow
from services.intake.held import held_report
from services.intake.sealing import Keyring
from services.intake.story import story_of
from services.intake.town_policy import HOLD_MINUTES
from services.intake.triage_batch import HELD_DUE, triage
from tests.integration.intake_here import NOON, SANDUN, Here, build_intake, opened, xihu

RUBBISH = "s:06010"


@dataclass
class Office:
    """A door and a desk that share the tables; messages are handed from one to the other."""

    here: Here
    desk: Desk

    def received(self) -> list[Received[ReportReceived]]:
        """What the door has told since the last time."""
        told = [said for said in self.here.said() if said["type"] == ReportReceived.type]
        with self.here.database.begin() as work:
            work.conn.execute(text("DELETE FROM intake.outbox"))
        return [
            Received(ReportReceived(**said["data"]), said["id"], said["tenant"], "intake", NOON)
            for said in told
        ]

    def report(self, words: str, **fields: Any) -> str:
        """Post a report of Sandun's."""
        headers = fields.pop("headers", {})
        answer = self.here.http.post("/v1/reports", json={"text": words, **SANDUN, **fields}, headers=headers)
        return str(answer.json()["report_id"])

    def triage(self, batch: Sequence[Received[ReportReceived]] | None = None) -> None:
        with self.here.database.begin() as work:
            triage(work, self.desk, self.received() if batch is None else batch)

    def outcome(self, report_id: str) -> str:
        [told] = [said for said in self.here.said() if said["subject"] == report_id]
        assert told["type"] == "report.triaged.v1"
        return str(told["data"]["outcome"])

    def row(self, report_id: str) -> Any:
        with self.here.database.begin() as work:
            return store.report(work.conn, "sandun", report_id)

    def decide(self, report_id: str, **fields: Any) -> str:
        with self.here.database.begin() as work:
            command = DecideReport(report_id=report_id, **fields)
            return decide_held(
                work,
                "sandun",
                command,
                xihu().matters_of("sandun").keys(),
                "sandun.acceptor.1",
                answerable(xihu(), "sandun"),
                self.desk,
            )

    def follow(self, *events: CaseEvent) -> None:
        batch = [Received(event, str(uuid.uuid4()), "sandun", "dispatch", NOON) for event in events]
        with self.here.database.begin() as work:
            follow(work, batch)


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


def waits_for_a_lock(office: Office) -> bool:
    """Whether some transaction of this database waits at a place where another is."""
    with office.here.database.begin() as work:
        waiting = (
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return bool(work.conn.execute(text(waiting)).scalar_one())


def test_two_replicas_with_the_same_thing_at_once_file_one_case(office: Office) -> None:
    """Neither sees what the other has not committed: the later one waits, also for an emergency.

    Whoever is elsewhere, or has another matter, waits for nobody.
    """
    for words, level, other in (
        ("文三路口暴露垃圾成堆", None, "s:01037"),
        ("路灯不亮，一片漆黑", Level.URGENT, "s:06011"),
    ):
        first = office.report(words)
        [earlier] = office.received()
        earlier = replace(earlier, data=earlier.data.model_copy(update={"level": level}))
        second = office.report(f"{words}！", lon=SANDUN["lon"] + 0.0003)
        same = office.received()
        apart = [office.report(words, lon=SANDUN["lon"] + 0.008), office.report(words, matter=other)]
        others = office.received()
        with ThreadPoolExecutor(1) as replica:
            with office.here.database.begin() as work:
                triage(work, office.desk, [earlier])
                office.triage(others)
                later = replica.submit(office.triage, same)
                while not waits_for_a_lock(office):
                    assert not later.done()  # the control: without the lock it would be through
            later.result(timeout=60)
        told = [office.outcome(report_id) for report_id in (first, second, *apart)]
        assert told == ["file", "merge", "file", "file"]
        assert office.row(second).merged_into == first
        office.received()


def test_a_batch_costs_three_statements_and_an_outbox_insert_however_large(office: Office) -> None:
    for count in (2, 40):
        for number in range(count):
            office.report(f"{number} 号楼前暴露垃圾", lon=SANDUN["lon"] + number % 20 * 0.0004)
        batch = office.received()
        statements: list[tuple[str, Any]] = []

        def note(_conn: Connection, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
            statements.append((statement, parameters))  # noqa: B023 - this round's list is meant

        event.listen(office.here.database.engine, "before_cursor_execute", note)
        office.triage(batch)
        event.remove(office.here.database.engine, "before_cursor_execute", note)
        assert len(statements) == 4, statements
        [places] = [told["places"] for statement, told in statements if "pg_advisory_xact_lock" in statement]
        numbers = [int(number) for number in places.strip("{}").split(",")]
        # In one order, so that replicas never wait for each other in a circle.
        assert numbers == sorted(set(numbers))
        assert len(numbers) > (count > 2) * 3


def test_the_search_for_duplicates_stays_on_its_index(office: Office) -> None:
    with office.here.database.begin() as work:
        work.conn.execute(
            text(
                "INSERT INTO intake.reports (tenant, report_id, client, channel, text, lon, lat, received_at,"
                " status, changed_at, matter, bucket) SELECT 'sandun', 'r' || n, 'c', 'citizen', 'x', 120,"
                " 30, now(), 'filed', now(), 's:06010', n % 50 FROM generate_series(1, 20000) AS n"
            )
        )
        plan = work.conn.execute(
            text(f"EXPLAIN {store.OPEN_NEAR}"),
            {
                "probes": '[{"tenant":"sandun","bucket":7,"matter":"s:06010","since":"2026-01-01T00:00:00Z",'
                '"west":119,"south":29,"east":121,"north":31}]'
            },
        )
        words = "\n".join(row[0] for row in plan)
    assert "reports_open" in words
    assert "Seq Scan on reports" not in words


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


def case(report_id: str, version: int, stage: Stage) -> CaseState:
    return CaseState(
        case_id="c1",
        report_id=report_id,
        tenant="sandun",
        version=version,
        stage=stage,
        matter=RUBBISH,
        place=Place(**SANDUN),
        summary="x",
        channel="citizen",
        received_at=NOON,
        filed_at=NOON,
        counters=Counters(),
    )


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
