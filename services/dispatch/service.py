"""Dispatch: files cases, offers them, and takes them through the process until they are closed.

A town may run a subclass in its own place and override `choose`, `limits` and `after`: pure rules that are
called with all they may depend on. Cases stay in the district's tables and keep the district's process.
"""

from collections.abc import Sequence
from functools import cache

from nameko.extensions import DependencyProvider

from qipan.contracts.commands import (
    AcceptTask,
    CaseAnswer,
    CaseCommand,
    CloseCase,
    DispatchCase,
    DisposeTask,
    InspectCase,
    ReturnTask,
    VoidCase,
)
from qipan.contracts.errors import Conflict, NotFound
from qipan.contracts.events import Outcome, ReportRated, ReportTriaged
from qipan.contracts.queries import CaseList, GetCase, Happenings, ListWork, TellCase
from qipan.messaging.service import (
    PROCESS,
    DatabaseProvider,
    ProcessProvider,
    Received,
    Timer,
    Work,
    answer,
    consume,
    on_timer,
)
from qipan.tenancy import Matter, TenantKind
from services.dispatch import choosing, reading, telling, writing
from services.dispatch.change import Change, Stored
from services.dispatch.choosing import Choice, Situation
from services.dispatch.clocks import Deadlines, Limits, running
from services.dispatch.filing import Arriving, Rules, file_all, task_id_of
from services.dispatch.grounds import Grounds
from services.dispatch.process import Do, step
from services.dispatch.redispatch import chosen_by_hand
from services.dispatch.steps import NOTHING, SYSTEM, Actor, Brings
from services.dispatch.telling import STAGE_DUE, due_of
from services.dispatch.worklist import Asker, Cursor, merge, views

__all__ = ["Choice", "Dispatch", "Do", "Limits", "Situation", "Stored"]
"""What a town's own dispatch may import from here."""


class GroundsProvider(DependencyProvider):
    """Injects the `Grounds`: one for the process, so that a tenant's squads are worked out once."""

    def setup(self) -> None:
        self.grounds = Grounds(self.container.config[PROCESS].district)

    def get_dependency(self, worker_ctx: object) -> Grounds:
        return self.grounds


class Dispatch:
    """The core's dispatch, and what a town's own is built on."""

    name = "dispatch"

    db = DatabaseProvider()
    process = ProcessProvider()
    grounds = GroundsProvider()

    # What a town may have its own way

    def choose(self, situation: Situation) -> Choice | None:
        """Who is asked to see to a case that is being filed; None leaves it to a dispatcher.

        Pure: it may depend on nothing but `situation`, and its reasons are kept for whoever asks why.
        """
        return choosing.choose(situation)

    def limits(self, matter: Matter, usual: Limits) -> Limits:
        """How long the clocks of a case of this matter may run; `usual` is what the town's pack says."""
        return usual

    def after(self, stored: Stored, done: Do) -> Do | None:
        """The step that follows of itself after `done`, in the same transaction; None: none.

        The district's rule: a case that passed inspection is closed where the town has set
        `dispatch.close-on-inspection`.
        """
        if done is Do.PASS and self.grounds.closes_on_inspection(stored.case.tenant):
            return Do.CLOSE
        return None

    # What happens

    @consume(ReportTriaged)
    def file_cases(self, work: Work, batch: Sequence[Received[ReportTriaged]]) -> None:
        """立案: every report that triage wants filed becomes one case, however often it is told."""
        wanted = {(m.tenant, m.data.report_id): m for m in batch if m.data.outcome is Outcome.FILE}
        if not wanted:
            return
        known = reading.known_reports(work.conn, wanted)
        arriving = [
            Arriving(m.tenant, m.data, m.id, m.traceparent) for key, m in wanted.items() if key not in known
        ]
        if not arriving:
            return
        loads = reading.loads_of(work.conn, (one.tenant for one in arriving))
        rules = Rules(self.choose, self.limits)
        serves = self.process.serves
        self._record(work, file_all(arriving, self.grounds.of, loads, rules, cache(work.now), serves))

    @consume(ReportRated)
    def rate_cases(self, work: Work, batch: Sequence[Received[ReportRated]]) -> None:
        """好差评: the newest rating of a closed case counts; the same one told again changes nothing."""
        newest = {(m.tenant, m.data.case_id): m for m in batch}
        found = reading.lock(work.conn, newest)
        changes = []
        for key, message in newest.items():
            before = found.get(key)
            if before is None:
                raise NotFound(f"There is no case {message.data.case_id!r} to rate.")
            if before.case.rating == message.data.rating:
                continue
            brings = Brings(rating=message.data.rating)
            detail = {"rating": str(message.data.rating), "note": message.data.note}
            after = self._after_step(work, before, Do.RATE, SYSTEM, brings)
            now = work.now(message.tenant)
            changes.append(
                Change(before, after, Do.RATE, "reporter", now, message.id, message.traceparent, detail)
            )
        self._record(work, changes)

    @on_timer(STAGE_DUE)
    def stage_due(self, work: Work, due: Sequence[Timer]) -> None:
        """A stage's clock ran out: told once for each stage and deadline, and only while it still runs."""
        found, busy = reading.lock_free(work.conn, [(timer.tenant, timer.ref) for timer in due])
        changes = []
        for timer in due:
            if (timer.tenant, timer.ref) in busy:
                telling.ask_again(work, timer)
                continue
            before = found.get((timer.tenant, timer.ref))
            clock = running(before.case) if before else None
            if before is None or clock is None or timer.payload != due_of(before.case):
                continue
            after = self._after_step(work, before, Do.OVERDUE, SYSTEM, NOTHING)
            detail = {"clock": clock.clock.value, "due_at": clock.due_at.isoformat()}
            now = work.now(timer.tenant)
            changes.append(Change(before, after, Do.OVERDUE, SYSTEM.id, now, detail=detail))
        self._record(work, changes)

    # What is asked

    @answer(DispatchCase)
    def dispatch_case(self, work: Work, call: Received[DispatchCase]) -> CaseAnswer:
        """派遣: to the unit named, and to the worker named or the one with least to do."""
        before = self._find(work, call)
        case = before.case
        loads = reading.loads_of(work.conn, (case.tenant,)).get(case.tenant, {})
        choice = chosen_by_hand(case, call.data.unit, call.data.worker, self.grounds.of(case.tenant), loads)
        brings = Brings(
            department=choice.unit.department,
            unit=choice.unit.id,
            worker=choice.worker,
            task_id=task_id_of(case.case_id, case.counters.offers + 1),
        )
        detail = {"unit": choice.unit.id, "worker": choice.worker or "", "why": "; ".join(choice.reasons)}
        return self._act(work, call, before, Do.DISPATCH, brings, detail, unit_tenant=choice.unit.tenant)

    @answer(AcceptTask)
    def accept_task(self, work: Work, call: Received[AcceptTask]) -> CaseAnswer:
        """The handler, or a department's service for the worker named in the offer, takes the task."""
        return self._act(work, call, self._find(work, call), Do.ACCEPT)

    @answer(ReturnTask)
    def return_task(self, work: Work, call: Received[ReturnTask]) -> CaseAnswer:
        """退件."""
        brings = Brings(reason=call.data.reason)
        return self._act(work, call, self._find(work, call), Do.RETURN, brings, {"reason": call.data.reason})

    @answer(DisposeTask)
    def dispose_task(self, work: Work, call: Received[DisposeTask]) -> CaseAnswer:
        """处置."""
        brings = Brings(reason=call.data.note or None, evidence=call.data.evidence)
        return self._act(work, call, self._find(work, call), Do.DISPOSE, brings, {"note": call.data.note})

    @answer(InspectCase)
    def inspect_case(self, work: Work, call: Received[InspectCase]) -> CaseAnswer:
        """核查: passed, or back for rework 返工."""
        do = Do.PASS if call.data.passed else Do.FAIL
        brings = Brings(reason=call.data.note or None)
        return self._act(work, call, self._find(work, call), do, brings, {"note": call.data.note})

    @answer(CloseCase)
    def close_case(self, work: Work, call: Received[CloseCase]) -> CaseAnswer:
        """结案."""
        return self._act(work, call, self._find(work, call), Do.CLOSE)

    @answer(VoidCase)
    def void_case(self, work: Work, call: Received[VoidCase]) -> CaseAnswer:
        """作废."""
        brings = Brings(reason=call.data.reason)
        return self._act(work, call, self._find(work, call), Do.VOID, brings, {"reason": call.data.reason})

    @answer(ListWork)
    def list_work(self, work: Work, call: Received[ListWork]) -> CaseList:
        """What waits for the asker, oldest deadline first."""
        reach, principal, asked = call.grant.reach(), call.grant.principal, call.data
        asker = Asker(
            id=call.grant.sub,
            roles=frozenset(principal.roles) if principal else frozenset(),
            everything=reach.everything,
            units=reach.units,
            cells=reach.cells,
            department=principal.tenant if principal and reach.department else None,
        )
        department = self.process.district.tenant(call.tenant).kind is TenantKind.DEPARTMENT
        after = Cursor.parse(asked.after) if asked.after else None
        lists = views(asker, call.tenant, is_department=department, wanted=asked.stages)
        pages = [reading.page(work.conn, view, after, asked.limit) for view in lists]
        cases, following = merge(pages, asked.limit)
        return CaseList(cases=cases, next=following)

    @answer(GetCase)
    def get_case(self, work: Work, call: Received[GetCase]) -> CaseAnswer:
        """One case, to whom it concerns."""
        stored = self._found(call, reading.find(work.conn, call.tenant, call.data.case_id), call.data.case_id)
        return CaseAnswer(case=stored.case)

    @answer(TellCase)
    def tell_case(self, work: Work, call: Received[TellCase]) -> Happenings:
        """What happened to a case, by its own id or its report's."""
        subject = call.data.subject
        stored = reading.find(work.conn, call.tenant, subject)
        stored = self._found(call, stored or reading.find_by_report(work.conn, call.tenant, subject), subject)
        case = stored.case
        told = tuple(reading.tell(work.conn, case.tenant, case.case_id))
        return Happenings(happenings=told, case_id=case.case_id, report_id=case.report_id)

    # How it is done

    def _find(self, work: Work, call: Received[CaseCommand]) -> Stored:
        stored = self._found(call, reading.find(work.conn, call.tenant, call.data.case_id), call.data.case_id)
        expected = call.data.expected_version
        if expected is not None and expected != stored.case.version:
            raise Conflict(
                f"The case is at version {stored.case.version}, not {expected}; look at it again.",
                case=stored.case.model_dump(mode="json"),
            )
        return stored

    def _found(self, call: Received, stored: Stored | None, subject: str) -> Stored:
        if stored is None:
            raise NotFound(f"There is no case {subject!r} here.")
        case = stored.case
        # Asked for by the department whose unit has it, the case is the department's too.
        holder = call.tenant if call.tenant == stored.unit_tenant else case.tenant
        call.grant.require(
            tenant=holder,
            unit=case.unit,
            worker=case.worker,
            department=case.department,
            cells=tuple(case.place.cells.values()),
        )
        return stored

    def _act(
        self,
        work: Work,
        call: Received[CaseCommand],
        before: Stored,
        do: Do,
        brings: Brings = NOTHING,
        detail: dict[str, str] | None = None,
        unit_tenant: str | None = None,
    ) -> CaseAnswer:
        """Take the step for the caller, then those that follow of themselves."""
        principal = call.grant.principal
        actor = Actor(call.grant.sub, frozenset(principal.roles) if principal else frozenset())
        taken: Do | None = do
        while taken is not None:
            after = self._after_step(work, before, taken, actor, brings, unit_tenant)
            now = work.now(before.case.tenant)
            self._record(
                work,
                [Change(before, after, taken, actor.id, now, call.id, call.traceparent, detail or {})],
            )
            before, actor, brings, detail = after, SYSTEM, NOTHING, None
            taken = self.after(after, taken)
        return CaseAnswer(case=before.case)

    def _after_step(
        self,
        work: Work,
        before: Stored,
        do: Do,
        actor: Actor,
        brings: Brings,
        unit_tenant: str | None = None,
    ) -> Stored:
        case = before.case
        deadlines = Deadlines(before.limits, self.grounds.of(case.tenant).calendar)
        after = step(case, do, actor, work.now(case.tenant), deadlines, brings)
        after = after.model_copy(update={"served_by": self.process.serves})
        return Stored(after, before.limits, unit_tenant or before.unit_tenant)

    def _record(self, work: Work, changes: Sequence[Change]) -> None:
        if changes:
            writing.write(work.conn, changes)
            telling.tell(work, changes)
