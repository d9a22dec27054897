"""The steps of the loop that people and services ask for: accept, return, dispose, inspect, close, void."""

from dataclasses import replace

from qipan.contracts.case import Stage
from qipan.contracts.commands import (
    AcceptTask,
    CaseAnswer,
    CloseCase,
    DisposeTask,
    InspectCase,
    ReturnTask,
    TakeStep,
    VoidCase,
)
from qipan.contracts.errors import Fault, Invalid
from qipan.messaging.service import Received, Work, answer
from services.dispatch import returns
from services.dispatch.change import Stored
from services.dispatch.entrypoints.commands_again import CommandsAgain
from services.dispatch.inspecting import inspected
from services.dispatch.process import DISTRICTS, Do
from services.dispatch.steps import Brings


class Loop(CommandsAgain):
    """Commands on one case."""

    @answer(AcceptTask)
    def accept_task(self, work: Work, call: Received[AcceptTask]) -> CaseAnswer:
        """The handler, or a department's service for the worker named in the offer, takes the task."""
        return self._act(work, call, self._find(work, call), Do.ACCEPT)

    @answer(ReturnTask)
    def return_task(self, work: Work, call: Received[ReturnTask]) -> CaseAnswer:
        """退件: with a reason and, where it is known, whose it is instead."""
        before, asked = self._find(work, call), call.data
        returns.require_known(asked.whose, self.grounds.responsible)
        brings = self._given_back(work, call, before, asked.reason, asked.whose)
        return self._act(
            work, call, before, Do.RETURN, brings, {"reason": asked.reason, "whose": asked.whose or ""}
        )

    @answer(DisposeTask)
    def dispose_task(self, work: Work, call: Received[DisposeTask]) -> CaseAnswer:
        """处置."""
        brings = Brings(reason=call.data.note or None, evidence=call.data.evidence)
        return self._act(work, call, self._find(work, call), Do.DISPOSE, brings, {"note": call.data.note})

    @answer(InspectCase)
    def inspect_case(self, work: Work, call: Received[InspectCase]) -> CaseAnswer:
        """核查: passed, or back for rework 返工; where the unit's mandate has ended, its department is asked."""
        do = Do.PASS if call.data.passed else Do.FAIL
        before, asked = self._find(work, call), call.data
        now = work.now(before.case.tenant)
        kept = inspected(before.case, call.grant.sub, asked.passed, asked.evidence, now)
        brings = Brings(reason=asked.note or None, evidence=asked.evidence, follow_up=kept)
        detail = {"note": asked.note, "evidence": " ".join(asked.evidence)}
        over = None if asked.passed else self._mandate_over(work, before.case)
        return self._ask_instead(work, call, before, self._act(work, call, before, do, brings, detail), over)

    @answer(CloseCase)
    def close_case(self, work: Work, call: Received[CloseCase]) -> CaseAnswer:
        """结案."""
        return self._act(work, call, self._find(work, call), Do.CLOSE)

    @answer(VoidCase)
    def void_case(self, work: Work, call: Received[VoidCase]) -> CaseAnswer:
        """作废."""
        brings = Brings(reason=call.data.reason)
        return self._act(work, call, self._find(work, call), Do.VOID, brings, {"reason": call.data.reason})

    @answer(TakeStep)
    def take_step(self, work: Work, call: Received[TakeStep]) -> CaseAnswer:
        """A step that the town's own workflow has beside the district's."""
        before, asked = self._find(work, call), call.data
        if asked.step in DISTRICTS:
            raise Invalid(
                f"“{asked.step}” is a step of the district's.",
                faults=(
                    Fault(where="step", what="has an address of its own", allowed="a step of the town's own"),
                ),
            )
        brings = self._given_back(work, call, before, asked.note)  # where the step leads back, it is a return
        brings = replace(brings, reason=asked.note or None, evidence=asked.evidence)
        done = before.case.stage in (Stage.DISPOSED, Stage.INSPECTED)  # from where it may lead to rework
        over = self._mandate_over(work, before.case) if done else None
        answered = self._act(work, call, before, asked.step, brings, {"note": asked.note})
        return self._ask_instead(work, call, before, answered, over)

    def _given_back(
        self, work: Work, call: Received, before: Stored, reason: str, whose: str | None = None
    ) -> Brings:
        now = work.now(before.case.tenant)
        returned = returns.given_back(before.case, self._actor(call, before), now, reason, whose)
        return Brings(reason=reason, returned=returned)
