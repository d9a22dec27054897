"""What becomes of the tasks of somebody who has left."""

from collections.abc import Sequence

from qipan.contracts.case import Support
from qipan.messaging.service import Work, background
from services.dispatch import joint, left, reading, stuck
from services.dispatch.acting import Acting
from services.dispatch.change import Change, Stored
from services.dispatch.left import Staff
from services.dispatch.process import Do
from services.dispatch.steps import SYSTEM, Brings


class Leaving(Acting):
    """Looks after cases, and parts of cases, that would be on nobody's list."""

    @background(every=60)
    def take_back_from_leavers(self) -> None:
        """What somebody has who is no more of the district's people goes to a dispatcher, by name and with the reason.

        Any number of replicas may look at once. A town's own dispatch looks after the town's cases itself.
        """
        process = self.process
        staff = Staff.of(process.district.people)
        with process.database.begin() as work:
            found = left.find(work.conn, staff, process.district.tenants, process.tenant)
            if not found:
                return
            free, _ = reading.lock_free(work.conn, found)
            self._record(
                work, [change for stored in free.values() for change in self._changes(work, stored, staff)]
            )

    def _changes(self, work: Work, stored: Stored, staff: Staff) -> list[Change]:
        """One step at most: of a case that loses both, the parts are found the next time."""
        now = work.now(stored.case.tenant)
        if staff.has_left(stored.case, stored.unit_tenant):
            return [self._taken_back(work, stored)] if staff.settled(stored.case, now) else []
        parts = staff.parts_of_leavers(stored.case, now)
        return [self._parts_taken_back(work, stored, parts)] if parts else []

    def _taken_back(self, work: Work, before: Stored) -> Change:
        case = before.case
        person = self._dispatcher_of(case)
        why = f"{case.worker}, who had the task, is no handler here any more: a dispatcher decides"
        detail = {"why": why, "left": case.worker or "", **({"waits_for": person} if person else {})}
        after = self._after_step(work, before, Do.WITHDRAW, SYSTEM, Brings(reason=why))
        now = work.now(case.tenant)
        return Change(before, after, self._row(before, Do.WITHDRAW), SYSTEM.id, now, detail=detail)

    def _parts_taken_back(self, work: Work, before: Stored, parts: Sequence[Support]) -> Change:
        case, now = before.case, work.now(before.case.tenant)
        person = self._dispatcher_of(case)
        left_with = {one.task_id: f"{one.worker}, who had it, is no handler here any more" for one in parts}
        for task, why in left_with.items():
            unit = joint.support_of(case, task).unit
            waiting = stuck.given_back(unit, why, person)
            supports = joint.moved(case, task, Do.RETURN_SUPPORT, now, note=why, waiting=waiting)
            case = case.model_copy(update={"supports": supports})
        reason = "; ".join(left_with.values())
        brings = Brings(reason=reason, supports=case.supports)
        after = self._after_step(work, before, Do.RETURN_SUPPORT, SYSTEM, brings)
        detail = {"task": " ".join(left_with), "note": reason, **({"waits_for": person} if person else {})}
        return Change(before, after, self._row(before, Do.RETURN_SUPPORT), SYSTEM.id, now, detail=detail)
