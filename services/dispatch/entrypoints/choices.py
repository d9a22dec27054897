"""Whom to ask: the recommendation, and a dispatcher's decision on it."""

from qipan.contracts import choosing as told
from qipan.contracts.choosing import RecommendUnits
from qipan.contracts.commands import CaseAnswer, DispatchCase
from qipan.messaging.service import Received, Work, answer
from services.dispatch import reading, situations
from services.dispatch.acting import Acting, home_of
from services.dispatch.availability import EVERYBODY
from services.dispatch.cards import Crew, crew_for
from services.dispatch.change import NO_PARTS, Stored
from services.dispatch.choosing import Situation
from services.dispatch.commanding import Asked
from services.dispatch.crewing import parts_of
from services.dispatch.filing import Ground, task_id_of
from services.dispatch.handover import commander, require_command
from services.dispatch.process import Do
from services.dispatch.recommending import Recommendation, recommend
from services.dispatch.redispatch import decided, sent_by_hand, within_reach
from services.dispatch.steps import Brings


class Choices(Acting):
    """Recommending and dispatching by hand."""

    @answer(RecommendUnits)
    def recommend_units(self, work: Work, call: Received[RecommendUnits]) -> told.Recommendation:
        """Whom dispatch would ask now, and by which rule everybody else was passed over."""
        asked = call.data.case_id
        stored = self._found(call, self._seek(work, call, asked), asked)
        situation, ground = self._situation(work, call, stored), self.grounds.of(commander(stored.case))
        choice = self.choose(situation)
        recommended, crew = (
            recommend(situation, choice),
            crew_for(situation, choice, ground.squads, stored.case.supports),
        )
        return _told(stored, recommended, crew, ground.policy.automatic)

    @answer(DispatchCase)
    def dispatch_case(self, work: Work, call: Received[DispatchCase]) -> CaseAnswer:
        """派遣: to whom is recommended, to the unit named, or to the worker named; whether that followed is kept.

        Who follows the recommendation has the run card's support asked with it.

        The department of a unit that may not be commanded from here is asked (商请) to assign one.
        """
        before = self._find(work, call)
        require_command(before.case, self._actor(call, before))
        case, ground = before.case, self._ground(work, before)
        situation = self._situation(work, call, before)
        recommended = recommend(situation, self.choose(situation))
        decision = decided(call.data, ground, situation, recommended)
        choice = decision.choice
        sent = sent_by_hand(case, choice, home_of(call), ground, situation.now)
        if isinstance(sent, Asked):
            detail = {**decision.detail, **sent.detail(), **sent.desk.waits(case.case_id)}
            return self._act(work, call, before, Do.ASK, sent.brings(), detail, sent.desk.tenant)
        brings = Brings(
            department=choice.unit.department,
            unit=choice.unit.id,
            worker=choice.worker,
            task_id=task_id_of(case.case_id, case.counters.offers + 1),
            mandate=sent.mandate,
            counts=("overrides",) if decision.overrides else (),
        )
        detail = {**decision.detail, "why": "; ".join(sent.reasons)}
        parts = NO_PARTS
        if call.data.unit is None:
            crew = crew_for(situation, choice, ground.squads, case.supports)
            parts = parts_of(crew, situation, ground.book)
        return self._act(work, call, before, Do.DISPATCH, brings, detail, choice.unit.tenant, parts)

    def _ground(self, work: Work, stored: Stored) -> Ground:
        tenant = commander(stored.case)
        return self.grounds_now(work, (tenant,))[tenant]

    def _situation(self, work: Work, call: Received, stored: Stored) -> Situation:
        """What a choice for a case depends on now."""
        tenant = commander(stored.case)
        loads = reading.loads_of(work.conn, (tenant,)).get(tenant, {})
        field = self.field(work, (tenant,)).get(tenant, EVERYBODY)
        ground = self._ground(work, stored)
        situation = situations.of_case(stored.case, ground, loads, field, work.now(tenant))
        return within_reach(situation, home_of(call), ground)


def _told(stored: Stored, found: Recommendation, crew: Crew, automatic: bool) -> told.Recommendation:
    return told.Recommendation(
        case_id=stored.case.case_id,
        version=stored.case.version,
        candidates=tuple(
            told.Candidate(
                unit=one.seat.unit.id,
                department=one.seat.unit.department,
                worker=one.seat.worker,
                open=one.seat.open,
                minutes=_rounded(one.seat.minutes),
                rule=one.rule,
                reasons=one.reasons,
            )
            for one in found.candidates
        ),
        passed_over=tuple(
            told.PassedOver(unit=one.unit, worker=one.worker, rule=one.rule, why=one.why)
            for one in found.passed_over
        ),
        why=found.why,
        automatic=automatic,
        card=crew.card.id if crew.card else None,
        crew=tuple(
            told.CrewMember(
                role="lead" if berth.line.lead else "support",
                unit=berth.seat.unit.id if berth.seat else None,
                department=berth.seat.unit.department if berth.seat else berth.line.department,
                worker=berth.seat.worker if berth.seat else None,
                minutes=_rounded(berth.seat.minutes) if berth.seat else None,
                why=berth.why,
                task_id=berth.task_id,
            )
            for berth in crew.berths
        ),
    )


def _rounded(minutes: float | None) -> float | None:
    return None if minutes is None else round(minutes, 1)
