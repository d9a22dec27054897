"""What was done without signal: brought in once and in order, or kept for a person's decision."""

from dataclasses import dataclass
from datetime import datetime

from qipan.access import Principal, Role, authorise
from qipan.contracts.addressed import Addressed
from qipan.contracts.case import CaseState
from qipan.contracts.commands import CaseCommand, Done
from qipan.contracts.errors import (
    Conflict,
    Forbidden,
    KeyReused,
    NotFound,
    QipanError,
    RemoteFault,
)
from qipan.contracts.offline import (
    Conflicting,
    ConflictKept,
    Conflicts,
    DecideConflict,
    ListConflicts,
    Outcome,
    ReplayCommand,
    Replayed,
)
from qipan.contracts.queries import GetCase
from qipan.messaging.service import Received, Work, answer
from services.dispatch import reading, replay_store
from services.dispatch.acting import Acting
from services.dispatch.change import Stored
from services.dispatch.replay_store import Kept
from services.dispatch.replaying import (
    content_of,
    disturbed,
    has_in_hand,
    id_of,
    noted,
    outcome_of,
    part_of,
    request_of,
    skew,
)
from services.dispatch.worklist import Cursor

_METHODS = {
    "task.accept.v1": "accept_task",
    "task.depart.v1": "depart_for_task",
    "task.arrive.v1": "arrive_on_scene",
    "task.return.v1": "return_task",
    "task.dispose.v1": "dispose_task",
    "case.inspect.v1": "inspect_case",
    "case.step.v1": "take_step",
    "support.accept.v1": "accept_support",
    "support.finish.v1": "finish_support",
    "support.return.v1": "return_support",
}


@dataclass(frozen=True, slots=True)
class BroughtIn(Received[CaseCommand]):
    """A command that a worker gave earlier, with what the history is to keep about that."""

    beside: tuple[tuple[str, str], ...] = ()


class Offline(Acting):
    """Commands from before, and their conflicts."""

    @answer(ReplayCommand)
    def replay_command(self, work: Work, call: Received[ReplayCommand]) -> Replayed:
        """One command of a worker's device, once, however often it is sent.

        KeyReused when the device has used the number for something else.
        """
        command, principal = call.data, call.grant.principal
        call.grant.reach()  # the right to the case itself is asked for as the command's own
        if principal is None:
            raise Forbidden()
        stored = reading.find(work.conn, call.tenant, command.case_id)
        kept = Kept(
            tenant=call.tenant,
            id=id_of(principal.sub, command),
            case_tenant=stored.case.tenant if stored else call.tenant,
            person_tenant=principal.tenant,
            person=principal.sub,
            command=command,
            received_at=work.now(call.tenant),
            skew=skew(command, call.time),
            outcome=Outcome.APPLIED,
        )
        if not replay_store.claim(work.conn, kept):
            return self._again(work, call, principal, kept)
        if replay_store.waiting_of(work.conn, call.tenant, principal.sub, command.case_id, but=kept.id):
            problem = RemoteFault.of(
                Conflict("An earlier command on this case waits for a decision; this one waits behind it.")
            )
            replay_store.settle(work.conn, kept, Outcome.HELD, problem)
            return self._told(work, principal, kept, Outcome.HELD, problem)
        outcome, problem = self._try(work, principal, kept, call.traceparent, command.expected_version)
        if problem is not None:
            replay_store.settle(work.conn, kept, outcome, problem)
        if outcome is Outcome.CONFLICT:
            self._tell_desks(work, kept, call.traceparent)
        return self._told(work, principal, kept, outcome, problem)

    @answer(ListConflicts)
    def list_conflicts(self, work: Work, call: Received[ListConflicts]) -> Conflicts:
        """What waits for a decision."""
        asked, reach, principal = call.data, call.grant.reach(), call.grant.principal
        if principal is None or not (reach.everything or reach.department):
            return Conflicts(conflicts=())
        department = None if reach.everything else principal.tenant
        cursor = Cursor.parse(asked.after) if asked.after else None
        after = (cursor.at, cursor.id) if cursor else None
        rows = replay_store.conflicts(work.conn, call.tenant, department, after, asked.limit + 1)
        cases = reading.find_all(work.conn, [(k.case_tenant, k.command.case_id) for k, _ in rows])
        shown = tuple(
            _conflicting(kept, held, cases.get((kept.case_tenant, kept.command.case_id)))
            for kept, held in rows[: asked.limit]
        )
        last = shown[-1] if len(rows) > asked.limit else None
        return Conflicts(
            conflicts=shown, next=str(Cursor(last.received_at, last.conflict_id)) if last else None
        )

    @answer(DecideConflict)
    def decide_conflict(self, work: Work, call: Received[DecideConflict]) -> Done:
        """Apply it, and what waits behind it, as the worker could now; or discard them all."""
        asked = call.data
        kept = replay_store.find(work.conn, call.tenant, asked.conflict_id, lock=True)
        if kept is None:
            raise NotFound(f"There is no conflict {asked.conflict_id!r} here.")
        call.grant.require(tenant=call.tenant)
        if kept.outcome is not Outcome.CONFLICT:
            raise Conflict(f"This is no conflict any more: it is {kept.outcome}.", outcome=kept.outcome)
        decided = (call.grant.sub, work.now(kept.case_tenant), asked.note)
        chain = replay_store.waiting_of(work.conn, kept.tenant, kept.person, kept.command.case_id)
        if asked.decision == "discard":
            for one in chain:
                replay_store.settle(work.conn, one, Outcome.DISCARDED, one.problem, decided)
            return Done()
        worker = self._as_now(kept)
        for one in chain:
            outcome, problem = self._try(work, worker, one, call.traceparent, None, decided)
            if problem is None:
                replay_store.settle(work.conn, one, outcome, None, decided)
            elif one.id == kept.id:
                raise problem.error()
            else:  # this one is the conflict now, and what follows waits behind it
                replay_store.settle(work.conn, one, Outcome.CONFLICT, problem)
                self._tell_desks(work, one, call.traceparent)
                break
        return Done()

    def _tell_desks(self, work: Work, kept: Kept, trace: str | None) -> None:
        """Those on whose list it is hear of it: where the case is, and where the worker is from."""
        stored = reading.find(work.conn, kept.case_tenant, kept.command.case_id)
        if stored is None:
            return
        event = ConflictKept(
            case=stored.case,
            to=Addressed(desks=tuple(dict.fromkeys((kept.case_tenant, kept.person_tenant)))),
            conflict_id=kept.id,
            worker=kept.person,
            does=kept.command.does,
        )
        work.publish(event, tenant=stored.case.tenant, subject=stored.case.case_id, trace=trace)

    def _again(self, work: Work, call: Received[ReplayCommand], principal: Principal, sent: Kept) -> Replayed:
        known = replay_store.find(work.conn, call.tenant, sent.id)
        if known is None or content_of(known.command) != content_of(sent.command):
            raise KeyReused(
                f"The device {sent.command.client!r} has used the number {sent.command.sequence} before,"
                " for something else."
            )
        return self._told(work, principal, known, known.outcome, known.problem, repeated=True)

    def _try(
        self,
        work: Work,
        principal: Principal,
        kept: Kept,
        traceparent: str | None,
        expected: int | None,
        decided: tuple[str, datetime, str] | None = None,
    ) -> tuple[Outcome, RemoteFault | None]:
        """Carry it out as the worker's own command; what fails leaves nothing behind but its problem."""
        command = kept.command
        moved = False
        stored = reading.find(work.conn, kept.tenant, command.case_id)
        if stored is not None:
            key = (stored.case.tenant, command.case_id)
            case = reading.lock(work.conn, [key])[key].case
            moved, expected = self._moved(work, kept, case, expected)
        beside = noted(command, kept.skew) | (
            {"decided_by": decided[0], "decision": decided[2]} if decided else {}
        )
        try:
            request = request_of(command, expected)
            grant = authorise(principal, request.type, kept.tenant, self.process.district)
            brought = BroughtIn(
                request,
                kept.id,
                kept.tenant,
                "offline",
                command.sent_at,
                command.case_id,
                traceparent,
                1,
                grant,
                tuple(beside.items()),
            )
            with work.attempt():
                getattr(self, _METHODS[command.does])(work, brought)
        except QipanError as error:
            if error.status >= 500:
                raise
            error.context.pop("case", None)  # told beside it, to whom may see it
            return outcome_of(error, moved), RemoteFault.of(error)
        return Outcome.APPLIED, None

    def _moved(
        self, work: Work, kept: Kept, case: CaseState, expected: int | None
    ) -> tuple[bool, int | None]:
        """Whether the case is another one than the worker saw; and which version to expect, if any.

        Of a child task only what became of that task disturbs: the lead's steps are not its worker's.
        """
        part = part_of(kept.command)
        if expected is None or part is not None:
            asked = replay_store.was_asked(work.conn, case.tenant, case.case_id, kept.person)
            return asked and not has_in_hand(case, kept.person, part), None
        if expected > case.version:
            return False, expected
        steps = self.grounds.of(case.tenant).process.steps
        since = replay_store.steps_since(work.conn, case.tenant, case.case_id, expected)
        moved = disturbed(since, kept.person, steps)
        return moved, expected if moved else None

    def _told(
        self,
        work: Work,
        principal: Principal,
        kept: Kept,
        outcome: Outcome,
        problem: RemoteFault | None,
        *,
        repeated: bool = False,
    ) -> Replayed:
        """The answer, with the case as it is now for whoever may see it."""
        stored = reading.find(work.conn, kept.tenant, kept.command.case_id)
        visible = stored is not None and self._sees(principal, kept.tenant, stored)
        return Replayed(
            outcome=outcome,
            repeated=repeated,
            case=stored.case if stored and visible else None,
            problem=problem,
            skew=kept.skew,
        )

    def _sees(self, principal: Principal, tenant: str, stored: Stored) -> bool:
        try:
            grant = authorise(principal, GetCase.type, tenant, self.process.district)
        except QipanError:
            return False
        case = stored.case
        if any(grant.allows(tenant="", unit=part.unit, department=part.department) for part in case.supports):
            return True
        return grant.allows(
            tenant=tenant if tenant == stored.unit_tenant else case.tenant,
            unit=case.unit,
            worker=case.worker,
            department=case.department,
            cells=tuple(case.place.cells.values()),
        )

    def _as_now(self, kept: Kept) -> Principal:
        """The worker with the rights of today: whoever has left can have nothing more carried out."""
        people = self.process.district.people_of(kept.person_tenant)
        person = next((person for person in people if person.id == kept.person), None)
        if person is None:
            raise NotFound(f"{kept.person!r} works here no more; discard it, and take the steps yourself.")
        return Principal(
            sub=person.id,
            name=person.name,
            tenant=person.tenant,
            roles=frozenset(Role(role) for role in person.roles),
            units=frozenset({person.unit} if person.unit else ()),
            cells=frozenset(person.cells),
        )


def _conflicting(kept: Kept, held: int, stored: Stored | None) -> Conflicting:
    command = kept.command
    return Conflicting(
        conflict_id=kept.id,
        case_id=command.case_id,
        worker=kept.person,
        does=command.does,
        body=command.body,
        at=command.at,
        skew=kept.skew,
        received_at=kept.received_at,
        expected_version=command.expected_version,
        problem=kept.problem or RemoteFault.of(Conflict()),
        held=held,
        case=stored.case if stored else None,
    )
