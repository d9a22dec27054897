"""The process table, and that no sequence of steps gets round it."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from qipan.access import rule_for
from qipan.contracts import commands, field, timing
from qipan.contracts import supervision as watching
from qipan.contracts.case import (
    OPEN_STAGES,
    ClockState,
    Handover,
    HandoverState,
    Place,
    Remark,
    Return,
    Stage,
    Support,
    SupportState,
)
from qipan.contracts.errors import Conflict, Forbidden, IllegalTransition, Invalid
from qipan.contracts.events import Outcome, ReportTriaged
from qipan.tenancy.workflow import standard
from qipan.worktime import Calendar, Span
from services.dispatch import joint, rectification, supervision
from services.dispatch.availability import EVERYBODY
from services.dispatch.clocks import CLOCK_OF, USUAL, Deadlines, begun_at, running
from services.dispatch.filing import Ground
from services.dispatch.process import STANDARD, Do, file
from services.dispatch.situations import of_case
from services.dispatch.steps import NOTHING, SYSTEM, Actor, Brings

TRANSITIONS = STANDARD.steps
TABLE = tuple(TRANSITIONS.values())
position = STANDARD.workflow.position
allowed_from, check, step = STANDARD.allowed_from, STANDARD.check, STANDARD.step

NOON = datetime(2026, 5, 11, 4, 0, tzinfo=UTC)
OFFICE = Calendar(
    ZoneInfo("Asia/Shanghai"),
    (Span(time(9), time(17)),),
    lambda _: True,
)
DEADLINES = Deadlines(USUAL, OFFICE)

HANDLER = Actor("sandun.sweep.1", frozenset({"handler"}))
INSPECTOR = Actor("sandun.grid-worker.1", frozenset({"grid-worker"}))
LEADER = Actor("sandun.shift-leader.1", frozenset({"shift-leader"}))
DISPATCHER = Actor("sandun.dispatcher.1", frozenset({"dispatcher"}))
SERVICE = Actor("traffic-police", frozenset({"service"}))
CITIZEN = Actor("somebody", frozenset({"citizen"}))
ARBITER = Actor("xihu.dispatcher.1", frozenset({"dispatcher", "arbiter"}))
EVERYONE = (HANDLER, INSPECTOR, LEADER, DISPATCHER, ARBITER, SERVICE, CITIZEN, SYSTEM)

OFFER = Brings(department="sanitation", unit="sandun/sweep", worker=HANDLER.id, task_id="task-1")
FULL = Brings(
    reason="not ours",
    evidence=("photo:1",),
    department="sanitation",
    unit="sandun/sweep",
    worker=HANDLER.id,
    task_id="task-2",
    rating=4,
    returned=Return(unit="sandun/sweep", worker=HANDLER.id, task_id="task-1", reason="not ours", at=NOON),
)
HISTORY = {Do.DISPATCH, Do.RETURN, Do.REFUSE_RETURN, Do.DISPUTE, Do.DENY_RETURN}
CHILDREN = {do for do in Do if do.endswith("-over") or "support" in do or "handover" in do}
SUPPORT = Support(
    task_id="c1.s1", unit="sandun/order", state=SupportState.ASKED, asked_at=NOON, changed_at=NOON
)
"""Steps that hang on what was decided about the case before; `CHILDREN`: of joint handling and handing over."""


def report(**changes: object) -> ReportTriaged:
    given = {
        "report_id": "r1",
        "outcome": Outcome.FILE,
        "matter": "s:06010",
        "place": Place(lon=120.08, lat=30.32, cells={"duty": "330106109001001"}),
        "summary": "暴露垃圾",
        "channel": "app",
        "received_at": NOON,
        "triaged_at": NOON,
    }
    return ReportTriaged.model_validate({**given, **changes})


def filed(offer: Brings | None = OFFER):
    return file(report(), "sandun", "c1", NOON, DEADLINES, offer, "dispatch")


def taken_to(stage: Stage):
    """A case brought to a stage along the straight way."""
    way = {
        Stage.OFFERED: [],
        Stage.ACCEPTED: [(Do.ACCEPT, HANDLER)],
        Stage.RETURNED: [(Do.RETURN, HANDLER)],
        Stage.DISPOSED: [(Do.ACCEPT, HANDLER), (Do.DISPOSE, HANDLER)],
        Stage.REWORK: [(Do.ACCEPT, HANDLER), (Do.DISPOSE, HANDLER), (Do.FAIL, INSPECTOR)],
        Stage.INSPECTED: [(Do.ACCEPT, HANDLER), (Do.DISPOSE, HANDLER), (Do.PASS, INSPECTOR)],
        Stage.CLOSED: [(Do.ACCEPT, HANDLER), (Do.DISPOSE, HANDLER), (Do.PASS, INSPECTOR), (Do.CLOSE, LEADER)],
        Stage.VOIDED: [(Do.VOID, LEADER)],
    }
    if stage is Stage.FILED:
        return filed(None)
    case = filed()
    for do, actor in way[stage]:
        case = step(case, do, actor, NOON, DEADLINES, FULL)
    assert case.stage is stage
    return case


def test_every_stage_can_be_reached():
    reached = {row.target for row in TABLE if not row.sources}
    while True:
        further = {row.target for row in TABLE if row.target and row.sources & reached} | reached
        if further == reached:
            break
        reached = further
    assert reached == set(standard().stages) >= set(Stage)


def test_only_voided_leads_nowhere_and_from_closed_the_reporter_alone_leads_on():
    ends = {stage for stage in Stage if not any(row.target for row in allowed_from(stage))}
    assert ends == {Stage.VOIDED}
    assert [row.name for row in allowed_from(Stage.CLOSED) if row.target] == [Do.REOPEN]


def test_every_open_stage_leads_to_closed():
    towards = {Stage.CLOSED}
    for _ in Stage:
        towards |= {s for row in TABLE if row.target in towards for s in row.sources}
    assert towards >= OPEN_STAGES


def test_every_open_stage_has_a_clock_and_no_other():
    assert set(CLOCK_OF) == OPEN_STAGES


def test_every_step_is_named_once_and_tells_its_own_event():
    assert len({row.name for row in TABLE}) == len(TABLE) == len(Do)
    assert len({row.event for row in TABLE}) == len(TABLE)


@pytest.mark.parametrize(
    ("command", "steps"),
    [
        (commands.DispatchCase, [Do.DISPATCH]),
        (commands.AcceptTask, [Do.ACCEPT]),
        (field.DepartForTask, [Do.DEPART]),
        (field.ArriveOnScene, [Do.ARRIVE]),
        (commands.ReturnTask, [Do.RETURN]),
        (commands.DisposeTask, [Do.DISPOSE]),
        (commands.InspectCase, [Do.PASS, Do.FAIL]),
        (commands.CloseCase, [Do.CLOSE]),
        (commands.VoidCase, [Do.VOID]),
        (timing.AskForTime, [Do.ASK_TIME]),
        (timing.EndorseTime, [Do.ENDORSE_TIME, Do.REFUSE_ENDORSEMENT]),
        (timing.DecideTime, [Do.EXTEND, Do.DEFER, Do.SUSPEND, Do.REFUSE_TIME]),
        (watching.SuperviseCase, [Do.SUPERVISE]),
        (watching.AnswerSupervision, [Do.ANSWER_SUPERVISION]),
        (watching.ExpediteCase, [Do.EXPEDITE]),
        (watching.RemarkCase, [Do.REMARK]),
    ],
)
def test_the_process_and_the_table_of_rights_name_the_same_roles(command, steps):
    rights = {str(role) for role in rule_for(command.type).scopes}
    for do in steps:
        assert TRANSITIONS[do].roles - {"system"} == rights


def test_a_case_offered_at_once_is_its_first_version():
    case = filed()
    assert (case.version, case.stage, case.counters.offers) == (1, Stage.OFFERED, 1)
    assert set(case.stage_times) == {Stage.FILED, Stage.OFFERED}
    assert case.due_at == NOON + timedelta(hours=1)


def test_a_case_nobody_could_be_chosen_for_waits_for_a_dispatcher():
    case = filed(None)
    assert (case.stage, case.unit, case.due_at) == (Stage.FILED, None, NOON + timedelta(minutes=10))


def test_a_report_without_a_matter_is_not_filed():
    with pytest.raises(ValueError, match="without a matter"):
        file(report(matter=None), "sandun", "c1", NOON, DEADLINES)


def test_an_illegal_step_says_what_would_be_possible():
    with pytest.raises(IllegalTransition) as refused:
        step(taken_to(Stage.DISPOSED), Do.ACCEPT, HANDLER, NOON, DEADLINES)
    assert refused.value.context["stage"] == "disposed"
    allowed = refused.value.context["allowed"]
    assert {name: roles for name, roles in allowed.items() if TRANSITIONS[name].target} == {
        "fail": ["grid-worker", "supervisor"],
        "pass": ["grid-worker", "supervisor"],
        "void": ["shift-leader"],
    }
    assert "From here:" in refused.value.detail


def test_nobody_inspects_their_own_work():
    both = Actor(HANDLER.id, frozenset({"handler", "grid-worker"}))
    with pytest.raises(Forbidden, match="someone else"):
        check(taken_to(Stage.DISPOSED), Do.PASS, both, FULL)


def test_whoever_disposed_of_it_counts_as_its_handler():
    mate = Actor("sandun.sweep.2", frozenset({"handler", "grid-worker"}))
    case = step(taken_to(Stage.ACCEPTED), Do.DISPOSE, mate, NOON, DEADLINES, FULL)
    with pytest.raises(Forbidden):
        check(case, Do.PASS, mate)
    assert check(case, Do.PASS, INSPECTOR)


@pytest.mark.parametrize(
    ("stage", "do", "actor", "where"),
    [
        (Stage.OFFERED, Do.RETURN, HANDLER, "reason"),
        (Stage.ACCEPTED, Do.DISPOSE, HANDLER, "evidence"),
        (Stage.OFFERED, Do.VOID, LEADER, "reason"),
        (Stage.RETURNED, Do.DISPATCH, DISPATCHER, "unit"),
        (Stage.CLOSED, Do.RATE, SYSTEM, "rating"),
    ],
)
def test_what_a_step_needs_is_asked_for(stage, do, actor, where):
    with pytest.raises(Invalid) as refused:
        step(taken_to(stage), do, actor, NOON, DEADLINES, NOTHING)
    assert [fault.where for fault in refused.value.faults] == [where]
    assert step(taken_to(stage), do, actor, NOON, DEADLINES, FULL)


def test_blank_reasons_and_blank_evidence_are_none():
    with pytest.raises(Invalid):
        step(taken_to(Stage.OFFERED), Do.RETURN, HANDLER, NOON, DEADLINES, Brings(reason="  "))
    with pytest.raises(Invalid):
        step(taken_to(Stage.ACCEPTED), Do.DISPOSE, HANDLER, NOON, DEADLINES, Brings(evidence=(" ",)))


def test_a_service_takes_a_task_only_for_the_worker_named():
    unnamed = filed(Brings(department="d", unit="sandun/sweep", task_id="t"))
    with pytest.raises(Invalid):
        step(unnamed, Do.ACCEPT, SERVICE, NOON, DEADLINES)
    assert step(unnamed, Do.ACCEPT, HANDLER, NOON, DEADLINES).worker == HANDLER.id
    assert step(filed(), Do.ACCEPT, SERVICE, NOON, DEADLINES).worker == HANDLER.id


def test_passing_a_case_on_gains_no_time_to_dispose_of_it():
    later = NOON + timedelta(hours=20)
    case = filed()
    due = case.dispose_due_at
    for do, actor in [(Do.RETURN, HANDLER), (Do.DISPATCH, DISPATCHER), (Do.ACCEPT, HANDLER)]:
        case = step(case, do, actor, later, DEADLINES, FULL)
    assert case.due_at == case.dispose_due_at == due


def test_rework_runs_on_a_clock_of_its_own_and_the_case_keeps_its_deadline():
    case = taken_to(Stage.REWORK)
    assert case.disposed_at is None
    again = step(case, Do.DISPOSE, HANDLER, NOON, DEADLINES, FULL)
    assert (again.counters.disposals, again.counters.reworks, again.counters.inspections) == (2, 1, 1)
    late = step(taken_to(Stage.DISPOSED), Do.FAIL, INSPECTOR, NOON + timedelta(days=2), DEADLINES, FULL)
    assert late.due_at > late.dispose_due_at == case.dispose_due_at


def test_overdue_counts_and_changes_nothing_else():
    case = taken_to(Stage.ACCEPTED)
    after = step(case, Do.OVERDUE, SYSTEM, NOON, DEADLINES)
    assert after.counters.overdue == 1
    changed = {"version", "counters"}
    assert after.model_dump(exclude=changed) == case.model_dump(exclude=changed)


def test_the_running_clock_is_that_of_the_stage():
    case = taken_to(Stage.DISPOSED)
    clock = running(case)
    assert (clock.clock, clock.started_at, clock.due_at) == ("inspect", NOON, case.due_at)
    assert clock.overdue(case.due_at)
    assert not clock.overdue(NOON)
    assert running(taken_to(Stage.CLOSED)) is None


ABOUT_TIME = {Do.ASK_TIME, Do.ENDORSE_TIME, Do.REFUSE_ENDORSEMENT, Do.REFUSE_TIME}
ABOUT_TIME |= {Do.EXTEND, Do.DEFER, Do.SUSPEND, Do.RESUME}
"""Steps that need more than `FULL` brings; test_dispatch_timing.py tries them."""


class Loop(RuleBasedStateMachine):
    """Anybody tries anything at any time: what the table does not allow changes nothing."""

    @initialize(offered=st.booleans())
    def begin(self, offered: bool) -> None:
        self.now = NOON
        self.case = filed(OFFER if offered else None)
        self.seen = [self.case]

    @rule(
        do=st.sampled_from(sorted(set(Do) - CHILDREN - ABOUT_TIME - {Do.FILE})),
        actor=st.sampled_from(EVERYONE),
        brings=st.sampled_from((FULL, NOTHING)),
        minutes=st.integers(0, 5000),
    )
    def attempt(self, do: Do, actor: Actor, brings: Brings, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        before = self.case
        row = TRANSITIONS[do]
        try:
            after = step(before, do, actor, self.now, DEADLINES, brings)
        except (Conflict, Forbidden, Invalid):
            standing = {
                *supervision.GUARDS.values(),
                *rectification.GUARDS.values(),
            }
            elsewhere = standing.isdisjoint(row.guards)
            complete = elsewhere and (brings is FULL or not row.guards)
            own_work = do in (Do.PASS, Do.FAIL) and actor.id in {before.worker, *before.disposed_by}
            barred = do in HISTORY and any(guard(before, actor, brings) for guard in row.guards)
            allowed = position(before) in row.sources and not row.roles.isdisjoint(actor.roles)
            assert not (allowed and complete and not own_work and not barred), (
                "the table allows it, and yet it was refused"
            )
            return
        assert position(before) in row.sources
        assert not row.roles.isdisjoint(actor.roles)
        assert after.stage is (row.phase or before.stage)
        self.case = after
        self.seen.append(after)

    @precondition(lambda self: self.case.stage in (Stage.DISPOSED, Stage.INSPECTED))
    @rule()
    def get_on_with_it(self) -> None:
        """Random steps rarely get far: help them to the end now and then."""
        do, actor = (Do.PASS, INSPECTOR) if self.case.stage is Stage.DISPOSED else (Do.CLOSE, LEADER)
        self.case = step(self.case, do, actor, self.now, DEADLINES, FULL)
        self.seen.append(self.case)

    @invariant()
    def versions_grow_one_by_one(self) -> None:
        assert [case.version for case in self.seen] == list(range(1, len(self.seen) + 1))

    @invariant()
    def counters_never_fall_and_agree(self) -> None:
        counters = self.case.counters
        if len(self.seen) > 1:
            before = self.seen[-2].counters.model_dump()
            assert all(value >= before[name] for name, value in counters.model_dump().items())
        assert counters.reworks <= counters.inspections <= counters.disposals
        assert counters.returns <= counters.offers + counters.reworks + counters.unjustified_returns
        assert counters.overturned_refusals <= counters.unjustified_returns <= counters.returns

    @invariant()
    def a_clock_runs_exactly_while_the_case_is_open(self) -> None:
        assert (running(self.case) is not None) == (self.case.stage in OPEN_STAGES)
        assert (self.case.closed_at is None) == (self.case.stage in OPEN_STAGES)

    @invariant()
    def what_is_done_is_shown(self) -> None:
        if self.case.stage in (Stage.DISPOSED, Stage.INSPECTED, Stage.CLOSED):
            assert self.case.evidence
            assert self.case.disposed_at
            assert self.case.worker


TestLoop = Loop.TestCase
TestLoop.settings = hypothesis_settings(max_examples=60, stateful_step_count=30, deadline=None)


@pytest.mark.parametrize(
    ("stage", "do", "actor"), [(Stage.DISPOSED, Do.PASS, INSPECTOR), (Stage.INSPECTED, Do.CLOSE, LEADER)]
)
def test_closed_only_together(stage, do, actor):
    """With the control: the same case without the open part goes on."""
    case = taken_to(stage)
    for state in SupportState:
        support = SUPPORT.model_copy(update={"state": state})
        joined = case.model_copy(update={"supports": (support,)})
        if state in (SupportState.DONE, SupportState.EXCUSED):
            assert step(joined, do, actor, NOON, DEADLINES, FULL)
            continue
        with pytest.raises(Invalid) as refused:
            step(joined, do, actor, NOON, DEADLINES, FULL)
        assert "sandun/order" in refused.value.faults[0].what
    assert step(case, do, actor, NOON, DEADLINES, FULL)


def test_nobody_who_did_a_part_inspects_the_whole():
    done = SUPPORT.model_copy(update={"state": SupportState.DONE, "worker": INSPECTOR.id})
    with pytest.raises(Forbidden):
        check(taken_to(Stage.DISPOSED).model_copy(update={"supports": (done,)}), Do.PASS, INSPECTOR)


def test_who_did_the_work_of_any_round_does_not_inspect_it():
    """A department's service reports for its worker, whose work it stays; nobody's round is forgotten."""
    case = step(taken_to(Stage.ACCEPTED), Do.DISPOSE, SERVICE, NOON, DEADLINES, FULL)
    assert (case.worker, case.disposed_by) == (HANDLER.id, (HANDLER.id, SERVICE.id))
    case = step(case, Do.FAIL, INSPECTOR, NOON, DEADLINES, FULL)
    assert (case.stage, case.worker) == (Stage.REWORK, HANDLER.id)
    other = Actor("sandun.sweep.2", frozenset({"handler"}))
    case = step(case, Do.DISPOSE, other, NOON, DEADLINES, FULL)
    assert case.worker == other.id
    for one in (HANDLER, SERVICE, other):
        with pytest.raises(Forbidden, match="cannot inspect"):
            check(case, Do.PASS, replace(one, roles=INSPECTOR.roles))
    assert check(case, Do.PASS, INSPECTOR)


def test_units_that_gave_it_back_are_kept_and_whom_the_arbiter_let_off_is_not_asked_again():
    case = taken_to(Stage.RETURNED)
    assert case.declined == ("sandun/sweep",)
    order = replace(FULL, unit="sandun/order")
    case = step(case, Do.DISPATCH, DISPATCHER, NOON, DEADLINES, order)
    case = step(case, Do.RETURN, HANDLER, NOON, DEADLINES, replace(order, returned=case.returned))
    assert case.declined == ("sandun/sweep", "sandun/order")
    assert check(case, Do.DISPATCH, DISPATCHER, FULL), "a dispatcher may insist on a unit that gave it back"
    refused = case.model_copy(update={"returned": FULL.returned})
    again = step(refused, Do.REFUSE_RETURN, DISPATCHER, NOON, DEADLINES, FULL)
    assert again.declined == ("sandun/sweep",)
    marked = FULL.returned.model_copy(update={"refused": Remark(by="d", at=NOON, reason="是你们的")})
    again = again.model_copy(update={"returned": marked})
    disputed = step(again, Do.DISPUTE, HANDLER, NOON, DEADLINES, replace(FULL, returned=marked))
    free = step(disputed, Do.ALLOW_RETURN, ARBITER, NOON, DEADLINES, replace(FULL, returned=marked))
    assert (free.declined, free.let_off) == (("sandun/sweep", "sandun/order"), ("sandun/order",))
    with pytest.raises(Invalid, match="lacks") as final:
        check(free, Do.DISPATCH, DISPATCHER, order)
    assert "arbiter" in final.value.faults[0].what
    ground = Ground({}, (), OFFICE)
    assert of_case(free, ground, {}, EVERYBODY, NOON).declined == {"sandun/sweep", "sandun/order"}


def test_a_reopened_case_has_its_time_anew():
    """Nothing of its first life's extension or deferral counts."""
    closed = taken_to(Stage.CLOSED)
    first = ClockState(original_due_at=NOON, starts_at=NOON - timedelta(days=9))
    later, due = NOON + timedelta(days=3), NOON + timedelta(days=4)
    brings = Brings(reason="又堆满了", due_at=due)
    for clock in (None, first):
        before = closed.model_copy(update={"clock": clock})
        case = step(before, Do.REOPEN, SYSTEM, later, DEADLINES, brings)
        case = step(case, Do.DISPATCH, DISPATCHER, later, DEADLINES, FULL)
        case = step(case, Do.ACCEPT, HANDLER, later, DEADLINES)
        assert (case.due_at, begun_at(case), case.clock.original_due_at) == (due, later, None)
        assert later < case.yellow_at < due


def test_whoever_comes_second_is_shown_the_case_as_it_is_now():
    """Not told that something is lacking: nothing that they could bring would do."""
    accepted, closed = taken_to(Stage.ACCEPTED), taken_to(Stage.CLOSED)
    for case, do, actor in (
        (accepted, Do.REFUSE_TIME, DISPATCHER),
        (accepted, Do.EXTEND, DISPATCHER),
        (accepted, Do.TAKE_OVER, DISPATCHER),
        (accepted, Do.DECIDE_HANDOVER, ARBITER),
        (accepted, Do.ANSWER_SUPERVISION, HANDLER),
        (closed, Do.ANSWER_RECTIFICATION, HANDLER),
        (closed, Do.CLOSE_RECTIFICATION, LEADER),
        (closed, Do.ACCEPT, HANDLER),
    ):
        for brings in (FULL, NOTHING):
            with pytest.raises(Conflict) as late:
                check(case, do, actor, brings)
            assert late.value.context["case"] == case.model_dump(mode="json")


def test_whoever_took_a_case_over_does_not_judge_it():
    taken = Handover(
        to="wenxin", state=HandoverState.ACCEPTED, reason="不在本镇", by="x", at=NOON, holder="wenxin"
    )
    for stage, do, actor in (
        (Stage.DISPOSED, Do.PASS, INSPECTOR),
        (Stage.DISPOSED, Do.FAIL, INSPECTOR),
        (Stage.INSPECTED, Do.CLOSE, LEADER),
        (Stage.INSPECTED, Do.VOID, LEADER),
    ):
        case = taken_to(stage).model_copy(update={"handover": taken})
        with pytest.raises(Forbidden, match="where it arose"):
            check(case, do, replace(actor, tenant="wenxin"), FULL)
        assert check(case, do, replace(actor, tenant="sandun"), FULL)


@given(st.lists(st.sampled_from(sorted(joint.MOVES)), max_size=6))
def test_a_child_task_moves_only_as_its_table_says(taken):
    case = taken_to(Stage.ACCEPTED).model_copy(update={"supports": (SUPPORT,)})
    for name in taken:
        before = case.supports[0]
        sources, target = joint.MOVES[name]
        if before.state in sources:
            case = case.model_copy(update={"supports": joint.moved(case, before.task_id, name, NOON)})
            assert case.supports[0].state is target
        else:
            with pytest.raises(IllegalTransition):
                joint.moved(case, before.task_id, name, NOON)
    waiting = case.supports[0].state not in joint.OVER
    assert (joint.supports_over(case, LEADER, NOTHING) is not None) == waiting
