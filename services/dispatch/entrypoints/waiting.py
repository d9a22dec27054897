"""What waits to be dispatched, shared out as a whole: shown, and carried out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from qipan.contracts.case import CaseState, Stage
from qipan.contracts.choosing import (
    DispatchWaiting,
    LeftWaiting,
    Matched,
    MatchWaiting,
    WaitingMatched,
)
from qipan.contracts.errors import Conflict, QipanError
from qipan.messaging.service import Received, Work, answer, aside
from services.dispatch import listing, reading, situations
from services.dispatch.acting import Acting, home_of
from services.dispatch.availability import EVERYBODY
from services.dispatch.cards import crew_for
from services.dispatch.change import Change, Stored
from services.dispatch.choosing import Choice
from services.dispatch.commanding import Asked
from services.dispatch.crewing import parts_of
from services.dispatch.filing import Ground, task_id_of
from services.dispatch.finding import EVERYTHING
from services.dispatch.handover import commander
from services.dispatch.process import Do
from services.dispatch.redispatch import sent_by_hand, within_reach
from services.dispatch.sharing import Shared, Waiting, share_out
from services.dispatch.steps import Brings
from services.dispatch.worklist import Order, View


class WaitingCases(Acting):
    """Matching all that waits."""

    @answer(MatchWaiting)
    def match_waiting(self, work: Work, call: Received[MatchWaiting]) -> WaitingMatched:
        """How it would be shared out now; nothing changes."""
        listed = _listed(work, call.tenant, call.data.limit)
        shared = self._shared(work, call, [self._stored(call, case) for case in listed])
        return _told([(one, one.why) for one in shared])

    @answer(DispatchWaiting)
    def dispatch_waiting(self, work: Work, call: Received[DispatchWaiting]) -> WaitingMatched:
        """派遣: all that can be offered is, in one transaction and a fixed number of statements."""
        ids = call.data.cases or [c.case_id for c in _listed(work, call.tenant, call.data.limit)]
        # Mandates before cases, as everybody takes them (`commands_again.py`).
        ground = self.grounds_now(work, (call.tenant,))[call.tenant]
        locked = reading.lock(work.conn, [(call.tenant, id) for id in ids])
        known = [self._found(call, locked.get((call.tenant, id)), id) for id in ids]
        waiting = [
            one for one in known if one.case.stage is Stage.FILED and commander(one.case) == call.tenant
        ]
        told = [(shared, shared.why) for shared in self._shared(work, call, waiting)]
        changes: list[Change] = []
        busy = Counter(one.choice.worker for one, _ in told if one.choice is not None and one.choice.worker)
        for index, (shared, _) in enumerate(told):
            if shared.choice is None:
                continue
            try:
                changes.append(self._offered(work, call, shared.waiting, shared.choice, ground, busy))
            except QipanError as error:
                told[index] = (shared, error.detail)
        recorded = self._record(work, changes)
        over = [
            LeftWaiting(case_id=c.case_id, version=c.version, why=f"the case is {c.stage}, it does not wait")
            for c in (stored.case for stored in known)
            if c.stage is not Stage.FILED
        ]
        found = _told(told, {change.after.case.case_id: change.after.case.version for change in recorded})
        return found.model_copy(update={"left": (*found.left, *over)})

    def _shared(self, work: Work, call: Received, waiting: Sequence[Stored]) -> list[Shared]:
        if not waiting:
            return []
        tenant = call.tenant
        loads = reading.loads_of(work.conn, (tenant,)).get(tenant, {})
        field = self.field(work, (tenant,)).get(tenant, EVERYBODY)
        ground, now, home = self.grounds_now(work, (tenant,))[tenant], work.now(tenant), home_of(call)
        cases = [
            Waiting(one, within_reach(situations.of_case(one.case, ground, loads, field, now), home, ground))
            for one in waiting
        ]
        return share_out(cases, self.choose, aside)

    def _offered(
        self,
        work: Work,
        call: Received,
        waiting: Waiting,
        choice: Choice,
        ground: Ground,
        busy: Counter[str],
    ) -> Change:
        """Offered, with who goes along; `busy` is how much each worker gets by this call, and grows."""
        before, now = waiting.stored, waiting.situation.now
        case = before.case
        sent = sent_by_hand(case, choice, home_of(call), ground, now)
        if isinstance(sent, Asked):
            raise Conflict(f"{sent.why}: dispatch it by itself, and {sent.desk.words()}")
        brings = Brings(
            department=choice.unit.department,
            unit=choice.unit.id,
            worker=choice.worker,
            task_id=task_id_of(case.case_id, case.counters.offers + 1),
            mandate=sent.mandate,
        )
        actor, row = self._actor(call, before), self._row(before, Do.DISPATCH)
        after = self._after_step(work, before, Do.DISPATCH, actor, brings, choice.unit.tenant)
        asked = choice.worker or choice.unit.id
        detail = {"why": "; ".join(sent.reasons), "unit": choice.unit.id, "worker": choice.worker or ""}
        detail |= {"recommended": asked, "followed": "yes"}
        authority = actor.authority(row.roles)
        situation = replace(waiting.situation, loads=busy + Counter(waiting.situation.loads))
        crew = crew_for(situation, choice, ground.squads, case.supports)
        parts = parts_of(crew, situation, ground.book)
        busy.update(part.worker for part in parts.asked if part.worker is not None)
        trace = call.traceparent
        return Change(before, after, row, actor.id, now, call.id, trace, detail, authority, parts)

    def _stored(self, call: Received, case: CaseState) -> Stored:
        return self._found(call, Stored(case, self.grounds.of(case.tenant).usual, None), case.case_id)


def _listed(work: Work, tenant: str, limit: int) -> Sequence[CaseState]:
    """The cases that arose in the tenant and wait for its dispatcher, soonest deadline first.

    What another tenant has taken over waits for that one's dispatcher.
    """
    view = View(frozenset({Stage.FILED}), tenant=tenant)
    page = listing.page(work.conn, (view,), EVERYTHING, Order.DUE, None, limit)[0]
    return [case for case in page if commander(case) == tenant]


def _told(shared: Sequence[tuple[Shared, str]], versions: dict[str, int] | None = None) -> WaitingMatched:
    """What is offered, by the version that made it so (`versions` None: what would be), and what is not."""
    matched, left = [], []
    for one, why in shared:
        case, choice = one.waiting.stored.case, one.choice
        version = case.version if versions is None else versions.get(case.case_id)
        if choice is None or version is None:
            left.append(LeftWaiting(case_id=case.case_id, version=case.version, why=why))
            continue
        matched.append(
            Matched(
                case_id=case.case_id,
                version=version,
                unit=choice.unit.id,
                worker=choice.worker,
                reasons=choice.reasons,
            )
        )
    return WaitingMatched(matched=tuple(matched), left=tuple(left))
