"""联合处置: asking other units to help, and what becomes of their child tasks."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from qipan.contracts.commands import CaseAnswer
from qipan.contracts.errors import Fault, Invalid
from qipan.contracts.joint import (
    AcceptSupport,
    ExcuseSupport,
    FinishSupport,
    OpenSupport,
    ReturnSupport,
    SupportCommand,
)
from qipan.messaging.service import Received, Timer, Work, answer, on_timer
from services.dispatch import joint, stuck
from services.dispatch.acting import home_of
from services.dispatch.change import Change, Stored
from services.dispatch.commanding import Asked
from services.dispatch.entrypoints.choices import Choices
from services.dispatch.firing import of_free_cases
from services.dispatch.process import Do
from services.dispatch.reading import Key
from services.dispatch.redispatch import sent_by_hand, supporting
from services.dispatch.steps import SYSTEM, Brings
from services.dispatch.telling import SUPPORT_DUE


class Together(Choices):
    """Commands on child tasks."""

    @answer(OpenSupport)
    def open_support(self, work: Work, call: Received[OpenSupport]) -> CaseAnswer:
        """A unit more, and the worker named or the one with least to do.

        Of a unit that may not be commanded from here nobody is named: its department is asked (商请).
        """
        before, asked = self._find(work, call), call.data
        case = before.case
        situation, ground = self._situation(work, call, before), self._ground(work, before)
        choice = supporting(asked.unit, asked.worker, ground, situation)
        sent = sent_by_hand(case, choice, home_of(call), ground, situation.now)
        unit, worker = choice.unit, None if isinstance(sent, Asked) else choice.worker
        now = work.now(case.tenant)
        if asked.instead_of is not None:
            excused = joint.moved(case, asked.instead_of, Do.EXCUSE_SUPPORT, now, note=asked.reason)
            case = case.model_copy(update={"supports": excused})
        supports = joint.opened(case, unit.id, unit.department, worker, asked.reason, now)
        supports = joint.until(supports, self._accept_by(before, now))
        detail = {"task": supports[-1].task_id, "unit": unit.id, "worker": worker or ""}
        if asked.instead_of is not None:
            detail["instead_of"] = asked.instead_of
        if isinstance(sent, Asked):
            supports = joint.through_department(supports)
            detail |= {**sent.detail(), **sent.desk.waits(case.case_id), "reason": asked.reason}
        else:
            detail |= {"reason": asked.reason, "why": "; ".join(sent.reasons)}
        brings = Brings(reason=asked.reason, supports=supports)
        return self._act(work, call, before, Do.OPEN_SUPPORT, brings, detail)

    @answer(AcceptSupport)
    def accept_support(self, work: Work, call: Received[AcceptSupport]) -> CaseAnswer:
        """The worker, or a department's service for the worker named, takes the child task."""
        principal = call.grant.principal
        by_hand = principal is not None and "handler" in principal.roles
        return self._move(work, call, Do.ACCEPT_SUPPORT, {"worker": call.grant.sub} if by_hand else {})

    @answer(FinishSupport)
    def finish_support(self, work: Work, call: Received[FinishSupport]) -> CaseAnswer:
        """Done, with evidence of its own."""
        asked = call.data
        changes = {"worker": call.grant.sub, "evidence": asked.evidence, "note": asked.note or None}
        return self._move(work, call, Do.FINISH_SUPPORT, changes, asked.note, asked.evidence)

    @answer(ReturnSupport)
    def return_support(self, work: Work, call: Received[ReturnSupport]) -> CaseAnswer:
        """Given back, with a reason: the case waits until a dispatcher has excused it."""
        reason = call.data.reason
        return self._move(work, call, Do.RETURN_SUPPORT, {"note": reason}, reason)

    @answer(ExcuseSupport)
    def excuse_support(self, work: Work, call: Received[ExcuseSupport]) -> CaseAnswer:
        """Not needed any more, or not to be had."""
        return self._move(work, call, Do.EXCUSE_SUPPORT, {"note": call.data.reason}, call.data.reason)

    @on_timer(SUPPORT_DUE)
    def support_due(self, work: Work, due: Sequence[Timer]) -> None:
        """A child task that nobody took in time: told once for each, and on a dispatcher's list from then on."""
        cases: dict[Key, Stored] = {}
        refs: dict[Key, set[str]] = defaultdict(set)
        for timer, before in of_free_cases(work, due):  # several of one case are one step
            key = before.case.tenant, before.case.case_id
            cases[key] = before
            refs[key].add(timer.ref)
        changes = []
        for key, before in cases.items():
            case, now = before.case, work.now(before.case.tenant)
            person = self._dispatcher_of(case)
            supports = stuck.late(case, refs[key], now, person)
            if supports == case.supports:
                continue
            do = Do.SUPPORT_OVERDUE
            after = self._after_step(work, before, do, SYSTEM, Brings(supports=supports))
            late = [one.task_id for one, was in zip(supports, case.supports, strict=True) if one != was]
            detail = {"task": " ".join(late), **({"waits_for": person} if person else {})}
            changes.append(Change(before, after, self._row(before, do), SYSTEM.id, now, detail=detail))
        self._record(work, changes)

    def _move(
        self,
        work: Work,
        call: Received[Any],
        do: Do,
        changes: dict[str, Any],
        why: str = "",
        evidence: tuple[str, ...] = (),
    ) -> CaseAnswer:
        asked: SupportCommand = call.data
        before = self._find(work, call, child=asked.task_id)
        case = before.case
        support = joint.support_of(case, asked.task_id)
        if do == Do.ACCEPT_SUPPORT and support.worker is None and not changes:
            fault = Fault(where="worker", what="the child task names no worker, so only a person can take it")
            raise Invalid("Nobody could be given the child task.", faults=(fault,))
        detail = {"task": support.task_id, "unit": support.unit, "note": why}
        if do == Do.RETURN_SUPPORT:
            waiting = stuck.given_back(support.unit, why, self._dispatcher_of(case))
            changes = {**changes, "waiting": waiting}
            detail |= {"waits_for": waiting.waits_for} if waiting.waits_for else {}
        supports = joint.moved(case, asked.task_id, do, work.now(case.tenant), **changes)
        brings = Brings(reason=why or None, evidence=evidence, supports=supports)
        return self._act(work, call, before, do, brings, detail)
