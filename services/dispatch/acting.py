"""Taking a step: find the case, ask the process, write and tell; whatever entrypoint it came through."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain, zip_longest

from nameko.extensions import DependencyProvider

from qipan.contracts.case import CaseState
from qipan.contracts.commands import CaseAnswer, CaseCommand
from qipan.contracts.errors import Conflict, Forbidden, NotFound
from qipan.contracts.light import light_of
from qipan.messaging.service import PROCESS, DatabaseProvider, ProcessProvider, Received, Work
from qipan.tenancy import Matter, base_of
from services.dispatch import (
    calendar_gap,
    choosing,
    crewing,
    disputes,
    handover,
    handovers,
    joint,
    load_rows,
    mandate_store,
    mandated,
    matching,
    reading,
    returns,
    supports,
    telling,
    writing,
)
from services.dispatch.availability import Availability
from services.dispatch.change import NO_PARTS, Change, Parts, Stored
from services.dispatch.choosing import Choice, Situation
from services.dispatch.clocks import Clock, Limits
from services.dispatch.filing import NOTHING_KNOWN, Ground
from services.dispatch.grounds import Grounds
from services.dispatch.policy import together
from services.dispatch.process import Do, Transition
from services.dispatch.steps import NOTHING, SYSTEM, Actor, Brings


class GroundsProvider(DependencyProvider):
    """Injects the `Grounds`: one for the process, so that a tenant's squads are worked out once."""

    def setup(self) -> None:
        process = self.container.config[PROCESS]
        self.grounds = Grounds(process.district)
        served = process.district.tenants if process.tenant is None else (process.tenant,)
        if any(together(process.district, tenant) for tenant in served):
            matching.load()  # now, while nobody waits: later it would hold up everybody for a second

    def get_dependency(self, worker_ctx: object) -> Grounds:
        return self.grounds


class Acting:
    """What every group of dispatch's entrypoints is built on, and the rules that a town may have of its own."""

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

    def after(self, stored: Stored, done: str) -> str | None:
        """The step that follows of itself after `done`, in the same transaction; None: none.

        The district's rule: a case that passed inspection is closed where the town has set
        `dispatch.close-on-inspection`, and one that was reworked too often (`dispatch.most-reworks`) is a dispatcher's.
        """
        if done == Do.PASS and self.grounds.closes_on_inspection(stored.case.tenant):
            return Do.CLOSE
        most = self.grounds.most_reworks(stored.case.tenant)
        if done == Do.FAIL and 0 < most <= stored.case.counters.reworks:
            return Do.WITHDRAW
        return None

    # What is known of the field

    def field(self, work: Work, tenants: Iterable[str]) -> Mapping[str, Availability]:
        """Who of these tenants' workers is there, and their operating mode; who is left out is all there."""
        return NOTHING_KNOWN

    # What is known of mandates

    def grounds_now(self, work: Work, tenants: Iterable[str]) -> Mapping[str, Ground]:
        """The tenants' grounds with the mandates that hold; nobody ends one until this transaction is over.

        Forbidden for what another tenant commands, in a tenant's own process: its mandates are not to be seen there.
        """
        wanted, own = tuple(tenants), self.process.tenant
        if own is not None:
            for tenant in wanted:
                if base_of(tenant) != base_of(own):
                    raise Forbidden(f"The case was handed over: {tenant} commands it, and is to be asked.")
        versions = mandate_store.versions(work.conn, wanted)
        return mandated.grounds_now(work, self.grounds, self.process.district, versions)

    def grounds_and_loads(
        self, work: Work, tenants: Iterable[str]
    ) -> tuple[Mapping[str, Ground], dict[str, dict[str, int]]]:
        """`grounds_now` and the workers' loads, at the price of one."""
        versions, loads = mandate_store.versions_and_loads(work.conn, tenants)
        return mandated.grounds_now(work, self.grounds, self.process.district, versions), loads

    # How it is done

    def _find(
        self, work: Work, call: Received[CaseCommand], child: str | None = None, asked: bool = False
    ) -> Stored:
        """The case of a command.

        With `child`, whoever has that child task of it may ask; with `asked`, who is asked to take it over.
        """
        found = self._seek(work, call, call.data.case_id)
        if asked and found is not None and found.case.handover is not None:
            to = found.case.handover.to
            call.grant.require(tenant=to if to == call.tenant else found.case.tenant, unit=to)
            stored = found
        else:
            stored = self._found(call, found, call.data.case_id, child)
        expected = call.data.expected_version
        if expected is not None and expected != stored.case.version:
            raise Conflict(
                f"The case is at version {stored.case.version}, not {expected}; look at it again.",
                case=stored.case.model_dump(mode="json"),
            )
        return stored

    def _seek(self, work: Work, call: Received, case_id: str) -> Stored | None:
        return (
            reading.find(work.conn, call.tenant, case_id)
            or supports.find(work.conn, call.tenant, case_id)
            or handovers.find(work.conn, call.tenant, case_id)
        )

    def _shown(self, call: Received, stored: Stored | None, subject: str) -> Stored:
        """As `_found`, for who only looks: every party to a joint handling or a hand-over may."""
        if stored is not None:
            asked = stored.case.handover
            to = asked.to if asked is not None and not asked.withdrawn else None
            if to is not None and call.grant.allows(tenant=to, unit=to):
                return stored
            for support in stored.case.supports:
                if call.grant.allows(tenant="", unit=support.unit, department=support.department):
                    return stored
        return self._found(call, stored, subject)

    def _found(self, call: Received, stored: Stored | None, subject: str, child: str | None = None) -> Stored:
        if stored is None:
            raise NotFound(f"There is no case {subject!r} here.")
        case = stored.case
        # Asked for by the department whose unit has it, or by who took it over, the case is theirs too.
        holder = call.tenant if call.tenant in (stored.unit_tenant, handover.commander(case)) else case.tenant
        if child is not None:
            support = joint.support_of(case, child)
            call.grant.require(
                tenant=holder, unit=support.unit, worker=support.worker, department=support.department
            )
            return stored
        call.grant.require(
            tenant=holder,
            unit=case.unit,
            worker=case.worker,
            department=case.department,
            cells=tuple(case.place.cells.values()),
        )
        return stored

    def _dispatcher_of(self, case: CaseState) -> str | None:
        """By name, whoever of those who command the case is to look at what nobody else would come upon."""
        return self.grounds.of(handover.commander(case)).policy.waits_for(case.case_id)

    def _actor(self, call: Received, before: Stored) -> Actor:
        """Who takes the step, in all the roles that they have with this case."""
        principal = call.grant.principal
        roles = frozenset(str(role) for role in principal.roles) if principal else frozenset()
        role = self.grounds.arbiter(before.case.tenant)
        if principal and returns.arbitrates(principal.base, roles, self.process.district.id, role):
            roles |= {returns.ARBITER}
        if principal is None:
            return Actor(call.grant.sub, roles)
        return Actor(principal.sub, roles, principal.tenant, principal.units)

    def _act(
        self,
        work: Work,
        call: Received[CaseCommand],
        before: Stored,
        do: str,
        brings: Brings = NOTHING,
        detail: dict[str, str] | None = None,
        unit_tenant: str | None = None,
        parts: Parts = NO_PARTS,
    ) -> CaseAnswer:
        """Take the step for the caller, then those that follow of themselves."""
        actor = self._actor(call, before)
        detail = {**(detail or {}), **dict(getattr(call, "beside", ()))}
        taken: str | None = do
        while taken is not None:
            after = self._after_step(work, before, taken, actor, brings, unit_tenant)
            now = work.now(before.case.tenant)
            row = self._row(before, taken)
            authority = actor.authority(row.roles)
            change = Change(before, after, row, actor.id, now, call.id, call.traceparent, detail, authority)
            [last] = self._record(work, [replace(change, parts=parts)])
            before, actor, brings, detail, parts = last.after, SYSTEM, NOTHING, {}, NO_PARTS
            taken = self.after(before, taken)
        return self._answer(work, before)

    def _answer(self, work: Work, stored: Stored) -> CaseAnswer:
        case = stored.case
        return CaseAnswer(case=case, light=light_of(case, work.now(case.tenant)))

    def _after_step(
        self,
        work: Work,
        before: Stored,
        do: str,
        actor: Actor,
        brings: Brings,
        unit_tenant: str | None = None,
    ) -> Stored:
        case = before.case
        ground = self.grounds.of(case.tenant)
        deadlines = ground.deadlines(before.limits)
        after = ground.process.step(case, do, actor, work.now(case.tenant), deadlines, brings)
        waiting = self.grounds.inspectors(case.tenant).waiting(after)
        after = after.model_copy(update={"served_by": self.process.serves, "waiting": waiting})
        return Stored(after, before.limits, unit_tenant or before.unit_tenant)

    def _row(self, stored: Stored, do: str) -> Transition:
        return self.grounds.of(stored.case.tenant).process.steps[do]

    def _record(self, work: Work, changes: Sequence[Change]) -> Sequence[Change]:
        """Write the steps and tell of them, then those that they bring along; answers each case's last."""
        along = [
            crewing.opened(change, self._asks_for_support(work)) if change.parts.card else [change]
            for change in changes
        ]
        for steps in zip_longest(*along):
            self._write(work, [self._noted(change) for change in steps if change is not None])
        load_rows.shift(work.conn, chain.from_iterable(along))
        return [steps[-1] for steps in along]

    def _asks_for_support(self, work: Work) -> crewing.Take:
        def take(before: Stored, brings: Brings) -> tuple[Stored, Transition]:
            do = Do.OPEN_SUPPORT
            if brings.supports:
                by = self._accept_by(before, work.now(before.case.tenant))
                brings = replace(brings, supports=joint.until(brings.supports, by))
            return self._after_step(work, before, do, SYSTEM, brings), self._row(before, do)

        return take

    def _accept_by(self, stored: Stored, now: datetime) -> datetime:
        """Until when a child task that is asked for now is to be taken: as long as the case's lead has for its own."""
        return self.grounds.of(stored.case.tenant).deadlines(stored.limits).after(Clock.ACCEPT, now)

    def _write(self, work: Work, changes: Sequence[Change]) -> None:
        writing.write(work.conn, changes)
        disputes.keep(work.conn, changes)
        handovers.keep(work.conn, changes)
        supports.keep(work.conn, changes, self.grounds.owner)
        telling.tell(work, changes, self.grounds.owner)

    def _noted(self, change: Change) -> Change:
        """With what is to be said about whom it waits for, and about its deadline, if its calendar lacks the year."""
        waiting = change.after.case.waiting
        if waiting is not None and (change.before is None or change.before.case.waiting != waiting):
            said = {"why": waiting.reason, **({"waits_for": waiting.waits_for} if waiting.waits_for else {})}
            change = replace(change, detail={**change.detail, **said})
        if calendar_gap.newly_without(change) is None:
            return change
        case = change.after.case
        return calendar_gap.noted(change, self.grounds.of(case.tenant).policy.waits_for(case.case_id))


def home_of(call: Received) -> str:
    """Whose people the caller is of: the tenant that they work for, whichever one they address."""
    principal = call.grant.principal
    return principal.tenant if principal else call.tenant
