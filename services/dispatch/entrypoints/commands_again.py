"""A task that goes back to the unit that had it: only by a right that holds now, or its department is asked."""

from qipan.contracts.case import CaseState, Stage
from qipan.contracts.commands import CaseAnswer
from qipan.messaging.service import Received, Work
from qipan.territory.cell import DUTY_LAYER
from services.dispatch.acting import Acting, home_of
from services.dispatch.change import Change, Stored
from services.dispatch.choosing import Choice
from services.dispatch.commanding import Asked, Sent, ask
from services.dispatch.filing import Ground
from services.dispatch.handover import commander
from services.dispatch.process import Do
from services.dispatch.redispatch import sent_by_hand
from services.dispatch.steps import SYSTEM


class CommandsAgain(Acting):
    """What is looked at before a unit is commanded once more: what was sent under a mandate may outlive it."""

    def _right_to_send_back(
        self, work: Work, call: Received, case: CaseState, unit: str
    ) -> Sent | Asked | None:
        """By what right the unit gets its task back, or who is asked instead; None for one that is there no more.

        Read before the case is written: whoever ends a mandate holds it first and the cases then.
        """
        ground = self._grounds_of(work, case)
        squad = next((squad for squad in ground.squads if squad.unit.id == unit), None)
        if squad is None:
            return None
        now = work.now(commander(case))
        return sent_by_hand(case, Choice(squad.unit, None, ()), home_of(call), ground, now)

    def _mandate_over(self, work: Work, case: CaseState) -> Asked | None:
        """Who is asked before the unit sees to it once more, where it was sent under a mandate that has ended."""
        if case.mandate is None:
            return None
        ground, now = self._grounds_of(work, case), work.now(commander(case))
        squad = next((squad for squad in ground.squads if squad.unit.id == case.unit), None)
        matter, cell = ground.concern(case.matter), case.place.cells.get(DUTY_LAYER)
        if squad is None or ground.book.commands(squad.unit.department, matter, cell, now):
            return None
        return ask(squad.unit, ground.book, ground.desks, matter, cell, now)

    def _ask_instead(
        self, work: Work, call: Received, before: Stored, answered: CaseAnswer, asked: Asked | None
    ) -> CaseAnswer:
        """The department has the case after the step that was just answered, if it is to be asked."""
        case = answered.case
        if asked is None or case.stage not in (Stage.OFFERED, Stage.REWORK):
            return answered
        do = Do.ASK if case.stage is Stage.OFFERED else Do.RECALL
        stored = Stored(case, before.limits, before.unit_tenant)
        after = self._after_step(work, stored, do, SYSTEM, asked.brings(), asked.desk.tenant)
        detail = {**asked.detail(), **asked.desk.waits(case.case_id)}
        now, row = work.now(case.tenant), self._row(stored, do)
        self._record(
            work, [Change(stored, after, row, SYSTEM.id, now, call.id, call.traceparent, detail=detail)]
        )
        return self._answer(work, after)

    def _grounds_of(self, work: Work, case: CaseState) -> Ground:
        tenant = commander(case)
        return self.grounds_now(work, (tenant,))[tenant]
