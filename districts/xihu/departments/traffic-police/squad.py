"""The traffic police's own service (交警大队): on duty, a squad's task is taken as soon as it is offered."""

from collections.abc import Sequence
from datetime import datetime
from itertools import islice

from qipan.contracts.commands import AcceptTask
from qipan.contracts.events import TaskOffered
from qipan.sdk import (
    Calendar,
    ClientProvider,
    ClocksProvider,
    DistrictProvider,
    IllegalTransition,
    NotFound,
    Received,
    consume,
    logger,
)

log = logger(__name__)


class PoliceSquad:
    """Takes tasks for the officer whom the offer names, within the department's duty hours; nobody else's.

    It keeps nothing: a task that somebody has taken already, or that is gone, needs nothing more.
    """

    name = "squad"

    client = ClientProvider()
    district = DistrictProvider()
    clocks = ClocksProvider()

    @consume(TaskOffered)
    def take_tasks(self, work: None, batch: Sequence[Received[TaskOffered]]) -> None:
        """Accept what was offered to an officer by name; what comes off duty waits for a person."""
        for message in batch:
            case, tenant = message.data.case, message.tenant
            now = self.clocks.now(tenant)
            if case.worker is None or not on_duty(self.district.calendar(tenant), now):
                continue
            try:
                self.client.call(AcceptTask(case_id=case.case_id), tenant=tenant)
            except (IllegalTransition, NotFound) as gone:
                log.info("task needs no taking", tenant=tenant, case_id=case.case_id, why=gone.detail)


def on_duty(calendar: Calendar, now: datetime) -> bool:
    """Whether the department works at this moment."""
    return any(begins == now for begins, _ in islice(calendar.working_spans(now), 1))
