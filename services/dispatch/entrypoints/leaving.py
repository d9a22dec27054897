"""What becomes of the tasks of somebody who has left."""

from qipan.messaging.service import Work, background
from services.dispatch import left, reading
from services.dispatch.acting import Acting
from services.dispatch.change import Change, Stored
from services.dispatch.handover import commander
from services.dispatch.left import Staff
from services.dispatch.process import Do
from services.dispatch.steps import SYSTEM, Brings


class Leaving(Acting):
    """Looks after cases that would be on nobody's list."""

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
                work,
                [
                    self._taken_back(work, stored)
                    for stored in free.values()
                    if staff.has_left(stored.case, stored.unit_tenant)
                    and staff.settled(stored.case, work.now(stored.case.tenant))
                ],
            )

    def _taken_back(self, work: Work, before: Stored) -> Change:
        case = before.case
        person = self.grounds.of(commander(case)).policy.waits_for(case.case_id)
        why = f"{case.worker}, who had the task, is no handler here any more: a dispatcher decides"
        detail = {"why": why, "left": case.worker or "", **({"waits_for": person} if person else {})}
        after = self._after_step(work, before, Do.WITHDRAW, SYSTEM, Brings(reason=why))
        now = work.now(case.tenant)
        return Change(before, after, self._row(before, Do.WITHDRAW), SYSTEM.id, now, detail=detail)
