"""How workers stand: one state for each, that follows from the shift and every task, and is never lost."""

from datetime import datetime, timedelta

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from test_dispatch_process import DEADLINES, DISPATCHER, INSPECTOR, LEADER, NOON, file, report

from qipan.contracts.case import CaseState, Going, Leg, Stage, SupportState
from qipan.contracts.errors import Conflict, Forbidden, IllegalTransition, Invalid
from qipan.contracts.field import WorkerState
from services.dispatch import joint
from services.dispatch.process import STANDARD, Do
from services.dispatch.shifts import NEVER, Duty, away, end_of
from services.dispatch.states import Held, hands, standing
from services.dispatch.steps import SYSTEM, Actor, Brings

WORKERS = ("sandun.sweep.1", "sandun.sweep.2")
ON = Duty(since=NOON, until=NOON + timedelta(hours=8))


def offered(worker: str | None, number: int = 1) -> CaseState:
    offer = Brings(department="sanitation", unit="sandun/sweep", worker=worker, task_id=f"c{number}.1")
    return file(report(), "sandun", f"c{number}", NOON, DEADLINES, offer, "dispatch")


def at(stage: Stage, going: Going | None = None, case_id: str = "c1") -> Held:
    leg = Leg(state=going, since=NOON) if going else None
    return Held(offered(WORKERS[0]).model_copy(update={"stage": stage, "leg": leg, "case_id": case_id}))


def part(state: SupportState, stage: Stage = Stage.ACCEPTED, going: Going | None = None) -> Held:
    case = offered(WORKERS[1], 7).model_copy(update={"stage": stage})
    [support] = joint.opened(case, "sandun/order", "order", WORKERS[0], "why", NOON)
    leg = Leg(state=going, since=NOON) if going else None
    support = support.model_copy(update={"state": state, "leg": leg})
    return Held(case.model_copy(update={"supports": (support,)}), support)


@pytest.mark.parametrize(
    ("held", "state"),
    [
        ([], WorkerState.AVAILABLE),
        ([at(Stage.OFFERED)], WorkerState.RESERVED),
        ([at(Stage.ACCEPTED)], WorkerState.BUSY),
        ([at(Stage.REWORK)], WorkerState.BUSY),
        ([at(Stage.ACCEPTED, Going.EN_ROUTE)], WorkerState.EN_ROUTE),
        ([at(Stage.REWORK, Going.ON_SCENE)], WorkerState.ON_SCENE),
        ([at(Stage.OFFERED), at(Stage.ACCEPTED), at(Stage.ACCEPTED, Going.EN_ROUTE)], WorkerState.EN_ROUTE),
        ([at(Stage.ACCEPTED, Going.ON_SCENE), at(Stage.ACCEPTED, Going.EN_ROUTE)], WorkerState.ON_SCENE),
        ([part(SupportState.ASKED)], WorkerState.RESERVED),
        ([part(SupportState.ACCEPTED, Stage.DISPOSED)], WorkerState.BUSY),
        ([part(SupportState.ACCEPTED), at(Stage.OFFERED)], WorkerState.BUSY),
        ([part(SupportState.ACCEPTED, going=Going.EN_ROUTE), at(Stage.ACCEPTED)], WorkerState.EN_ROUTE),
        (
            [part(SupportState.ACCEPTED, Stage.DISPOSED, Going.ON_SCENE), at(Stage.ACCEPTED, Going.EN_ROUTE)],
            WorkerState.ON_SCENE,
        ),
    ],
)
def test_of_several_tasks_the_most_binding_holds(held: list[Held], state: WorkerState) -> None:
    assert standing(ON, held, NOON, required=True).state is state
    assert standing(ON, held[::-1], NOON, required=True).state is state


def test_the_reason_names_the_case_and_what_else_there_is() -> None:
    held = [at(Stage.OFFERED), at(Stage.ACCEPTED, case_id="c9")]
    assert standing(ON, held, NOON, required=True).why == "by case c9 and 1 task more"
    held = [part(SupportState.ACCEPTED), at(Stage.OFFERED)]
    assert standing(ON, held, NOON, required=True).why == "supporting case c7 and 1 task more"


def test_who_is_off_is_off_and_what_they_hold_is_said() -> None:
    gone = Duty(NOON, NOON + timedelta(hours=8), NOON + timedelta(hours=1))
    found = standing(gone, [at(Stage.ACCEPTED)], NOON + timedelta(hours=2), required=False)
    assert found.state is WorkerState.OFF
    assert found.why.endswith("still holds 1 task")


@pytest.mark.parametrize(
    ("duty", "required", "free"),
    [
        (NEVER, False, True),
        (NEVER, True, False),
        (ON, True, True),
        (Duty(NOON, NOON + timedelta(hours=1), NOON + timedelta(minutes=1)), False, False),
        (Duty(NOON - timedelta(hours=9), NOON), False, False),  # its end has come, though no timer has fired
        (Duty(NOON + timedelta(hours=1), NOON + timedelta(hours=2)), False, False),
    ],
)
def test_who_may_be_asked(duty: Duty, required: bool, free: bool) -> None:
    assert (away(duty, NOON, required=required) is None) is free


def test_a_shift_has_an_end_within_the_longest() -> None:
    assert end_of(NOON, None, NOON, 12) == NOON + timedelta(hours=12)
    assert end_of(NOON, NOON + timedelta(hours=4), NOON, 12) == NOON + timedelta(hours=4)
    for until in (NOON, NOON + timedelta(hours=13), datetime(2026, 5, 11, 6)):  # noqa: DTZ001
        with pytest.raises(Invalid, match="cannot end"):
            end_of(NOON, until, NOON, 12)


def test_a_leg_belongs_to_who_holds_the_task_and_ends_with_it() -> None:
    step, one, two = STANDARD.step, Actor(WORKERS[0], frozenset({"handler"})), None
    case = step(offered(WORKERS[0]), Do.ACCEPT, one, NOON, DEADLINES)
    two = Actor(WORKERS[1], frozenset({"handler"}))
    with pytest.raises(Forbidden, match=WORKERS[0]):
        step(case, Do.DEPART, two, NOON, DEADLINES)
    case = step(case, Do.ARRIVE, one, NOON, DEADLINES)
    assert case.leg == Leg(state=Going.ON_SCENE, since=NOON)
    back = step(case, Do.RETURN, one, NOON, DEADLINES, Brings(reason="不归我们管"))
    done = step(case, Do.DISPOSE, one, NOON, DEADLINES, Brings(evidence=("photo:1",)))
    assert (back.leg, done.leg) == (None, None)
    recalled = step(case, Do.RECALL, SYSTEM, NOON, DEADLINES, Brings(department="sanitation"))
    assert (recalled.leg, recalled.worker) == (None, None)
    assert step(done, Do.FAIL, INSPECTOR, NOON, DEADLINES).leg is None


def test_a_part_is_gone_to_by_its_worker_and_left_when_it_is_over() -> None:
    case = offered(WORKERS[1])
    case = case.model_copy(
        update={"supports": joint.opened(case, "sandun/order", "order", WORKERS[0], "why", NOON)}
    )
    [support] = case.supports
    with pytest.raises(IllegalTransition, match="asked"):  # not taken yet
        joint.gone(case, support.task_id, WORKERS[0], Going.EN_ROUTE, NOON)
    case = case.model_copy(update={"supports": joint.moved(case, support.task_id, Do.ACCEPT_SUPPORT, NOON)})
    with pytest.raises(Forbidden, match=WORKERS[0]):
        joint.gone(case, support.task_id, WORKERS[1], Going.EN_ROUTE, NOON)
    [away] = joint.gone(case, support.task_id, WORKERS[0], Going.EN_ROUTE, NOON)
    assert (away.state, away.leg) == (SupportState.ACCEPTED, Leg(state=Going.EN_ROUTE, since=NOON))
    there = case.model_copy(
        update={"supports": joint.gone(case, support.task_id, WORKERS[0], Going.ON_SCENE, NOON)}
    )
    for over in (Do.FINISH_SUPPORT, Do.RETURN_SUPPORT, Do.EXCUSE_SUPPORT):
        assert joint.moved(there, support.task_id, over, NOON)[0].leg is None
        ended = there.model_copy(update={"supports": joint.moved(there, support.task_id, over, NOON)})
        with pytest.raises(IllegalTransition):
            joint.gone(ended, support.task_id, WORKERS[0], Going.ON_SCENE, NOON)


def naive(worker: str, cases: list[CaseState], duty: Duty, now: datetime) -> WorkerState:
    """How a worker stands, worked out anew from the shift and every open task, by the plainest means."""
    there = duty.since is not None and duty.ended is None and duty.since <= now < (duty.until or now)
    if not there:
        return WorkerState.OFF
    leads = [case for case in cases if case.worker == worker]
    supports = [
        s.state for case in cases if case.stage != "voided" for s in case.supports if s.worker == worker
    ]
    legs = {case.leg.state.value for case in leads if case.leg and case.stage in ("accepted", "rework")}
    legs |= {
        s.leg.state.value
        for case in cases
        if case.stage not in ("closed", "voided")
        for s in case.supports
        if s.worker == worker and s.leg
    }
    if "on-scene" in legs:
        return WorkerState.ON_SCENE
    if "en-route" in legs:
        return WorkerState.EN_ROUTE
    if "accepted" in supports or any(case.stage in ("accepted", "rework") for case in leads):
        return WorkerState.BUSY
    if "asked" in supports or any(case.stage == "offered" for case in leads):
        return WorkerState.RESERVED
    return WorkerState.AVAILABLE


def lost(
    cases: list[CaseState], duties: dict[str, Duty], shown: dict[str, WorkerState], now: datetime
) -> list[tuple[str, WorkerState]]:
    """The workers who are shown otherwise than a naive recomputation has them."""
    return [(w, state) for w, state in shown.items() if naive(w, cases, duties[w], now) is not state]


class Field(RuleBasedStateMachine):
    """Two workers, who lead and support three cases; anybody tries anything, shifts begin and end meanwhile."""

    @initialize()
    def begin(self) -> None:
        self.now = NOON
        self.cases = [offered(WORKERS[n % 2] if n else None, n) for n in range(3)]
        self.duties = dict.fromkeys(WORKERS, NEVER)

    @rule(which=st.integers(0, 2), do=st.sampled_from(sorted(set(Do) - {Do.FILE})), who=st.integers(0, 5))
    def attempt(self, which: int, do: Do, who: int) -> None:
        actor = (
            *(Actor(worker, frozenset({"handler"})) for worker in WORKERS),
            DISPATCHER,
            INSPECTOR,
            LEADER,
            SYSTEM,
        )[who]
        brings = Brings("why", ("p",), "sanitation", "sandun/sweep", WORKERS[which % 2], "t", 4)
        try:
            self.cases[which] = STANDARD.step(self.cases[which], do, actor, self.now, DEADLINES, brings)
        except (Conflict, Forbidden, Invalid):
            return

    @rule(which=st.integers(0, 2), worker=st.sampled_from((*WORKERS, None)), unit=st.sampled_from("ab"))
    def ask_for_support(self, which: int, worker: str | None, unit: str) -> None:
        case = self.cases[which]
        try:
            supports = joint.opened(case, f"sandun/{unit}", unit, worker, "why", self.now)
            brings = Brings("why", supports=supports)
            self.cases[which] = STANDARD.step(case, Do.OPEN_SUPPORT, DISPATCHER, self.now, DEADLINES, brings)
        except (Conflict, Forbidden, Invalid):
            return

    @rule(
        which=st.integers(0, 2),
        task=st.integers(0, 3),
        do=st.sampled_from(sorted(joint.MOVES)),
        worker=st.sampled_from((*WORKERS, None)),
    )
    def move_support(self, which: int, task: int, do: str, worker: str | None) -> None:
        case = self.cases[which]
        if task >= len(case.supports):
            return
        actor = DISPATCHER if do == Do.EXCUSE_SUPPORT else Actor(worker or "any", frozenset({"handler"}))
        changes = {"worker": worker} if worker and do in (Do.ACCEPT_SUPPORT, Do.FINISH_SUPPORT) else {}
        try:
            supports = joint.moved(case, case.supports[task].task_id, do, self.now, **changes)
            brings = Brings("why", ("p",), supports=supports)
            self.cases[which] = STANDARD.step(case, do, actor, self.now, DEADLINES, brings)
        except (Conflict, Forbidden, Invalid):
            return

    @rule(which=st.integers(0, 2), task=st.integers(0, 3), going=st.sampled_from(Going))
    def go_to_support(self, which: int, task: int, going: Going) -> None:
        case = self.cases[which]
        if task >= len(case.supports) or case.supports[task].worker is None:
            return
        support = case.supports[task]
        actor = Actor(support.worker or "", frozenset({"handler"}))
        try:
            supports = joint.gone(case, support.task_id, actor.id, going, self.now)
            brings = Brings(supports=supports)
            self.cases[which] = STANDARD.step(case, joint.GOES[going], actor, self.now, DEADLINES, brings)
        except (Conflict, Forbidden, Invalid):
            return

    @rule(worker=st.sampled_from(WORKERS), hours=st.integers(1, 12))
    def sign_on(self, worker: str, hours: int) -> None:
        self.duties[worker] = Duty(self.now, self.now + timedelta(hours=hours))

    @rule(worker=st.sampled_from(WORKERS))
    def sign_off(self, worker: str) -> None:
        duty = self.duties[worker]
        if duty.on(self.now):
            self.duties[worker] = Duty(duty.since, duty.until, self.now)

    @rule(minutes=st.integers(1, 600))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    def shown(self) -> dict[str, WorkerState]:
        held = [one for case in self.cases for one in hands(case)]
        assert {tenant for tenant, _, _ in held} <= {"sandun"}
        of = {w: [task for _, worker, task in held if worker == w] for w in WORKERS}
        return {w: standing(self.duties[w], of[w], self.now, required=True).state for w in WORKERS}

    @invariant()
    def no_state_is_lost(self) -> None:
        assert lost(self.cases, self.duties, self.shown(), self.now) == []

    @invariant()
    def who_holds_nothing_and_is_there_can_be_asked(self) -> None:
        for worker, state in self.shown().items():
            free = away(self.duties[worker], self.now, required=True) is None
            assert free == (state is not WorkerState.OFF)

    @invariant()
    def a_leg_is_only_of_a_task_in_hand(self) -> None:
        assert all(case.leg is None or case.stage in (Stage.ACCEPTED, Stage.REWORK) for case in self.cases)
        parts = [support for case in self.cases for support in case.supports if support.leg is not None]
        assert all(support.state is SupportState.ACCEPTED for support in parts)


TestField = Field.TestCase
TestField.settings = hypothesis_settings(max_examples=40, stateful_step_count=25, deadline=None)


def test_a_lost_state_would_be_noticed() -> None:
    """The control: a state kept beside the tasks, and left as it was when a task went to somebody else."""
    case = STANDARD.step(
        offered(WORKERS[0]), Do.ACCEPT, Actor(WORKERS[0], frozenset({"handler"})), NOON, DEADLINES
    )
    duties = dict.fromkeys(WORKERS, ON)
    right = {WORKERS[0]: WorkerState.BUSY, WORKERS[1]: WorkerState.AVAILABLE}
    assert lost([case], duties, right, NOON) == []
    assert lost([case], duties, {**right, WORKERS[0]: WorkerState.AVAILABLE}, NOON) != []
    assert lost([case], duties, {**right, WORKERS[1]: WorkerState.EN_ROUTE}, NOON) != []
    assert lost([case], duties, {**right, WORKERS[0]: WorkerState.OFF}, NOON) != []
    joined = case.model_copy(
        update={"supports": joint.opened(case, "sandun/order", "order", WORKERS[1], "why", NOON)}
    )
    assert lost([joined], duties, right, NOON) == [(WORKERS[1], WorkerState.AVAILABLE)]
    assert lost([joined], duties, {**right, WORKERS[1]: WorkerState.RESERVED}, NOON) == []
