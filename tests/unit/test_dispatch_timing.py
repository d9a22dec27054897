"""Extension, deferral, suspension, lights: single steps, and no sequence of them loses or wins time."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from qipan.contracts.case import CaseState, Place, Stage
from qipan.contracts.errors import Conflict, Forbidden, IllegalTransition, Invalid
from qipan.contracts.events import Outcome, ReportTriaged
from qipan.contracts.light import WORDS, Colour, light_of
from qipan.contracts.timing import AskForTime
from qipan.worktime import Calendar, Limit, Span
from services.dispatch import endorsing, timing
from services.dispatch.clocks import USUAL, Deadlines, paused, running
from services.dispatch.endorsing import Way
from services.dispatch.process import STANDARD, Do, file
from services.dispatch.steps import NOTHING, SYSTEM, Actor, Brings
from services.dispatch.timed import Timed

NOON = datetime(2026, 5, 11, 4, 0, tzinfo=UTC)  # a Monday, 12:00 in Shanghai
OFFICE = Calendar(
    ZoneInfo("Asia/Shanghai"),
    (Span(time(9), time(12)), Span(time(13), time(17))),
    lambda day: day.weekday() < 5,
)
LIMIT = 600  # working minutes
DEADLINES = Deadlines(replace(USUAL, dispose=Limit.parse(f"{LIMIT} work-minutes")), OFFICE)
MOST = timing.USUAL_MOST
HANDLER = Actor("sandun.sweep.1", frozenset({"handler"}))
INSPECTOR = Actor("sandun.grid-worker.1", frozenset({"grid-worker"}))
DISPATCHER = Actor("sandun.dispatcher.1", frozenset({"dispatcher"}), "sandun")
POLICE = Actor("traffic-police.dispatcher.1", frozenset({"dispatcher"}), "traffic-police")
OFFER = Brings(department="sanitation", unit="sandun/sweep", worker=HANDLER.id, task_id="task-1")
DONE = Brings(reason="why", evidence=("photo:1",))


def accepted() -> CaseState:
    report = ReportTriaged(
        report_id="r1",
        outcome=Outcome.FILE,
        matter="s:06010",
        place=Place(lon=120.08, lat=30.32),
        summary="暴露垃圾",
        channel="app",
        received_at=NOON,
        triaged_at=NOON,
    )
    case = file(report, "sandun", "c1", NOON, DEADLINES, OFFER, "dispatch")
    return STANDARD.step(case, Do.ACCEPT, HANDLER, NOON, DEADLINES)


def ask(case: CaseState, now: datetime = NOON, **request: object) -> CaseState:
    asked = AskForTime.model_validate({"case_id": case.case_id, "reason": "等配件", **request})
    timed = timing.asked(case, asked, HANDLER.id, now, DEADLINES, MOST)
    return STANDARD.step(case, Do.ASK_TIME, HANDLER, now, DEADLINES, Brings(reason=asked.reason, time=timed))


GRANTS = {"extension": Do.EXTEND, "deferral": Do.DEFER, "suspension": Do.SUSPEND}


def approve(case: CaseState, now: datetime = NOON, *, of_district: bool = False) -> CaseState:
    kind = case.clock.asked.kind if case.clock and case.clock.asked else "extension"
    brings = Brings(time=timing.decided(case, now, DEADLINES, of_district=of_district))
    return STANDARD.step(case, GRANTS[kind], DISPATCHER, now, DEADLINES, brings)


def resume(case: CaseState, now: datetime) -> CaseState:
    brings = Brings(reason="配件到了", time=timing.resumed(case, now, DEADLINES))
    return STANDARD.step(case, Do.RESUME, DISPATCHER, now, DEADLINES, brings)


def faults(raised: pytest.ExceptionInfo[Invalid]) -> list[str]:
    return [fault.where for fault in raised.value.faults]


def test_until_it_is_approved_the_original_deadline_runs():
    case = accepted()
    asked = ask(case, kind="extension", by="2 work-hours")
    assert (asked.due_at, asked.dispose_due_at) == (case.due_at, case.dispose_due_at)
    later = approve(asked)
    assert later.due_at == later.dispose_due_at == case.due_at + timedelta(hours=18)  # over the night
    assert (later.counters.extensions, later.clock.asked, later.clock.original_due_at) == (
        1,
        None,
        case.due_at,
    )


def test_what_is_refused_changes_nothing_but_that():
    case = accepted()
    brings = Brings(time=timing.refused(case, NOON, of_district=False))
    refused = STANDARD.step(ask(case, kind="suspension"), Do.REFUSE_TIME, DISPATCHER, NOON, DEADLINES, brings)
    assert refused.model_dump(exclude={"version"}) == case.model_dump(exclude={"version"})


@pytest.mark.parametrize("by", ["2 work-hours", "1 natural-day"])
def test_once_overdue_nothing_is_given_any_more(by: str):
    case = accepted()
    asked = ask(case, kind="extension", by=by)
    with pytest.raises(Invalid, match="lacks") as raised:
        ask(case, case.due_at, kind="extension", by=by)
    assert "passed" in raised.value.faults[0].what
    with pytest.raises(Invalid):
        approve(asked, case.due_at)
    # The control: a moment before, both are possible.
    before = case.due_at - timedelta(seconds=1)
    assert approve(ask(case, before, kind="extension", by=by), before).counters.extensions == 1


def test_one_request_at_a_time_and_only_what_was_asked_is_given():
    case = accepted()
    with pytest.raises(Conflict) as raised:
        ask(ask(case, kind="suspension"), kind="extension", by="1 work-hour")
    assert "suspension is still open" in raised.value.faults[0].what
    with pytest.raises(Conflict, match="as it is now"):
        approve(case)


@pytest.mark.parametrize(
    ("request_", "where"),
    [
        ({"kind": "extension"}, ["by"]),
        ({"kind": "extension", "by": "soon"}, ["by"]),
        ({"kind": "deferral"}, ["until"]),
        ({"kind": "deferral", "until": NOON}, ["until"]),
        ({"kind": "suspension", "until": NOON - timedelta(days=1)}, ["until"]),
    ],
)
def test_a_request_says_how_long(request_: dict[str, object], where: list[str]):
    with pytest.raises(Invalid) as raised:
        ask(accepted(), **request_)
    assert faults(raised) == where


def test_what_goes_beyond_the_towns_most_is_the_districts_to_decide():
    case = accepted()
    asked = ask(case, kind="extension", by="3 work-days")
    assert asked.clock.asked.level == "district"
    with pytest.raises(Forbidden, match="district"):
        approve(asked)
    assert approve(asked, of_district=True).due_at > case.due_at
    # In pieces, too: what counts is the original deadline.
    first = approve(ask(case, kind="extension", by="2 work-days"))
    assert ask(first, kind="extension", by="1 work-hour").clock.asked.level == "district"


def test_a_deferred_case_begins_later_and_has_its_whole_time():
    case = accepted()
    begins = NOON + timedelta(days=7)
    deferred = approve(ask(case, kind="deferral", until=begins))
    assert deferred.due_at == case.due_at + timedelta(days=7)
    assert (deferred.clock.starts_at, deferred.counters.deferrals) == (begins, 1)
    assert light_of(deferred, begins).colour is Colour.GREEN


def test_a_suspended_case_waits_with_the_time_that_was_left():
    case = accepted()
    at = NOON + timedelta(hours=3)  # two working hours have gone
    suspended = approve(ask(case, kind="suspension", until=NOON + timedelta(days=20)), at)
    assert (suspended.stage, suspended.own_stage, running(suspended)) == (Stage.ACCEPTED, "suspended", None)
    assert (suspended.due_at, suspended.dispose_due_at) == (None, None)
    assert suspended.clock.left_seconds == (LIMIT - 120) * 60
    assert light_of(suspended, at).colour is Colour.PAUSED
    for do, actor in ((Do.DISPOSE, HANDLER), (Do.ASK_TIME, HANDLER), (Do.RETURN, HANDLER)):
        with pytest.raises(IllegalTransition):
            STANDARD.step(suspended, do, actor, at, DEADLINES, DONE)
    again = resume(suspended, at + timedelta(days=7))
    assert again.own_stage is None
    assert again.due_at == again.dispose_due_at == case.due_at + timedelta(days=7)
    assert again.stage_times == case.stage_times
    assert STANDARD.step(again, Do.DISPOSE, HANDLER, again.due_at, DEADLINES, DONE).stage is Stage.DISPOSED


def test_what_was_asked_lapses_when_the_case_goes_on_or_its_time_is_up():
    asked = ask(accepted(), kind="extension", by="1 work-hour")
    done = STANDARD.step(asked, Do.DISPOSE, HANDLER, NOON, DEADLINES, DONE)
    assert done.clock is None
    late = asked.due_at
    over = STANDARD.step(
        asked, Do.OVERDUE, SYSTEM, late, DEADLINES, Brings(time=timing.timed_out(asked, late))
    )
    assert (over.clock.asked, over.clock.escalated) == (None, 1)


def test_the_rework_of_a_case_can_be_extended_and_its_own_deadline_stays():
    case = STANDARD.step(accepted(), Do.DISPOSE, HANDLER, NOON, DEADLINES, DONE)
    case = STANDARD.step(case, Do.FAIL, INSPECTOR, NOON + timedelta(hours=2), DEADLINES)
    with pytest.raises(Invalid):
        ask(case, NOON + timedelta(hours=2), kind="suspension")
    extended = approve(ask(case, NOON + timedelta(hours=2), kind="extension", by="1 work-hour"))
    assert extended.due_at > case.due_at
    assert extended.dispose_due_at == case.dispose_due_at


def test_lights_have_words_and_change_at_their_moments():
    case = accepted()
    assert set(WORDS) == set(Colour)
    assert case.yellow_at < case.due_at
    second = timedelta(seconds=1)
    shown = [light_of(case, at).colour for at in (NOON, case.yellow_at - second, case.yellow_at, case.due_at)]
    assert shown == [Colour.GREEN, Colour.GREEN, Colour.YELLOW, Colour.RED]
    assert light_of(case, case.due_at - second).word == {"zh": "临近期限", "en": "deadline near"}


def test_yellow_is_a_share_of_the_limit_not_of_the_nights_and_holidays_in_it():
    friday = datetime(2026, 5, 15, 8, 0, tzinfo=UTC)  # 16:00
    due = DEADLINES.due(Limit.parse("2 work-hours"), friday)
    assert due.at == datetime(2026, 5, 18, 2, 0, tzinfo=UTC)
    assert due.yellow_at == datetime(2026, 5, 18, 1, 36, tzinfo=UTC)  # 24 working minutes before
    assert replace(DEADLINES, yellow=0.0).due(Limit.parse("2 work-hours"), friday).yellow_at == due.at


def worked(start: datetime, end: datetime) -> int:
    """Naively: the working minutes between two instants."""
    now, minutes = start, 0
    while now < end:
        here = now.astimezone(OFFICE.zone)
        minutes += here.weekday() < 5 and any(s.start <= here.time() < s.end for s in OFFICE.spans)
        now += timedelta(minutes=1)
    return minutes


def _asked(case: CaseState) -> bool:
    return bool(case.clock and case.clock.asked)


class Clocks(RuleBasedStateMachine):
    """Whoever asks for, endorses and decides what, when: paused time never counts, and no other is lost or won."""

    @initialize()
    def begin(self) -> None:
        self.now, self.case = NOON, accepted()
        self.allowed, self.consumed = LIMIT, 0
        self.counts_from = NOON

    def take(self, do: Do, actor: Actor, timed: Timed) -> bool:
        before = self.case
        try:
            self.case = STANDARD.step(
                before, do, actor, self.now, DEADLINES, Brings(reason="why", time=timed)
            )
        except (Conflict, Forbidden, Invalid):
            return False
        return True

    @rule(minutes=st.integers(0, 900))
    def wait(self, minutes: int) -> None:
        until = self.now + timedelta(minutes=minutes)
        if running(self.case) is not None:
            self.consumed += worked(max(self.now, self.counts_from), until)
        self.now = until

    @rule(
        kind=st.sampled_from(sorted(GRANTS)),
        amount=st.integers(1, 400),
        days=st.integers(0, 100),
        way=st.sampled_from((Way(why="nobody there"), Way("traffic-police"))),
    )
    def ask(self, kind: str, amount: int, days: int, way: Way) -> None:
        until = self.now + timedelta(days=days) if kind != "extension" else None
        request = AskForTime(case_id="c1", kind=kind, reason="why", by=f"{amount} work-minutes", until=until)
        before = self.case
        timed = timing.asked(before, request, HANDLER.id, self.now, DEADLINES, MOST)
        if self.take(Do.ASK_TIME, HANDLER, endorsing.first_to(timed, way)):
            assert self.case.clock.asked.awaits == way.department
            assert self.case.due_at == before.due_at
            assert before.clock is None or before.clock.asked is None
            assert self.now < before.due_at

    @rule(agrees=st.booleans(), actor=st.sampled_from((POLICE, DISPATCHER)))
    def endorse(self, agrees: bool, actor: Actor) -> None:
        before = self.case
        waits = bool(before.clock and before.clock.asked and before.clock.asked.awaits)
        if agrees:
            timed = endorsing.endorsed(before, actor.id, self.now, "")
            taken = self.take(Do.ENDORSE_TIME, actor, timed)
            assert taken == (waits and actor is POLICE and self.now < before.due_at)
        else:
            timed = endorsing.unendorsed(before, self.now, "why")
            taken = self.take(Do.REFUSE_ENDORSEMENT, actor, timed)
            assert taken == (waits and actor is POLICE)
        if taken:
            assert self.case.clock.asked is not None if agrees else not _asked(self.case)
        assert (self.case.due_at, self.case.dispose_due_at) == (before.due_at, before.dispose_due_at)

    @rule(approved=st.booleans(), of_district=st.booleans())
    def decide(self, approved: bool, of_district: bool) -> None:
        before = self.case
        asked = before.clock.asked if before.clock else None
        if asked is None:
            assert not self.take(Do.EXTEND, DISPATCHER, Timed(self.now))
            return
        if not approved:
            taken = self.take(
                Do.REFUSE_TIME, DISPATCHER, timing.refused(before, self.now, of_district=of_district)
            )
            assert not taken or self.case.due_at == before.due_at
            assert not (taken and asked.awaits)
            return
        timed = timing.decided(before, self.now, DEADLINES, of_district=of_district)
        if not self.take(GRANTS[asked.kind], DISPATCHER, timed):
            beyond = asked.level == "district" and not of_district
            assert self.now >= before.due_at or beyond or asked.awaits
            return
        assert asked.awaits is None
        assert self.now < before.due_at
        assert asked.level == "town" or of_district
        if asked.kind == "extension":
            self.allowed += worked(before.due_at, self.case.due_at)
            assert self.case.due_at == asked.until
        if asked.kind == "deferral":
            self.counts_from, self.allowed, self.consumed = max(asked.until, self.now), LIMIT, 0

    @rule()
    def resume(self) -> None:
        assert self.take(Do.RESUME, DISPATCHER, timing.resumed(self.case, self.now, DEADLINES)) == paused(
            self.case
        ) or running(self.case)

    @precondition(lambda self: running(self.case) is not None and self.now >= self.case.due_at)
    @rule()
    def time_out(self) -> None:
        assert self.take(Do.OVERDUE, SYSTEM, timing.timed_out(self.case, self.now))
        assert self.case.clock.asked is None

    @invariant()
    def exactly_one_clock_runs_unless_it_is_paused(self) -> None:
        assert (running(self.case) is None) == paused(self.case) == (self.case.own_stage == "suspended")

    @invariant()
    def what_is_left_is_what_was_given_without_what_was_used(self) -> None:
        rest = self.allowed - self.consumed
        if paused(self.case):
            assert self.case.clock.left_seconds == 60 * max(rest, 0)
        elif self.now < self.case.due_at:
            begins = max(self.now, self.counts_from)
            assert worked(begins, self.case.due_at) == rest
        else:
            assert rest <= 0

    @invariant()
    def the_light_is_that_of_the_clock(self) -> None:
        colour = light_of(self.case, self.now).colour
        overdue = self.case.due_at is not None and self.now >= self.case.due_at
        assert (colour is Colour.RED) == overdue
        assert (colour is Colour.PAUSED) == paused(self.case)


TestClocks = Clocks.TestCase
TestClocks.settings = hypothesis_settings(max_examples=12, stateful_step_count=20, deadline=None)


def test_a_step_about_time_without_time_is_refused():
    with pytest.raises(Invalid):
        STANDARD.step(accepted(), Do.ASK_TIME, HANDLER, NOON, DEADLINES, NOTHING)
