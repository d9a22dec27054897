"""Clocks that ended: until when each might run, and when it did, for whoever measures punctuality. Pure."""

from datetime import datetime

from qipan.contracts import events
from qipan.contracts.case import CaseState, Run, Stage
from services.dispatch.clocks import CLOCK_OF, Clock

FILE = "file"
"""The acceptor's clock, which ran before the case was filed."""


def filed(report: events.ReportTriaged, offered_at: datetime | None) -> dict[str, Run]:
    """What had ended when a report was filed as a case; `offered_at`: when it was offered, if it was at once."""
    runs = {FILE: Run(due_at=report.due_at, ended_at=report.triaged_at)}
    if offered_at is not None:
        runs[Clock.DISPATCH] = Run(ended_at=offered_at)
    return runs


def after(
    case: CaseState, event: type[events.CaseEvent], phase: Stage | None, now: datetime
) -> dict[str, Run] | None:
    """A case's runs after a step into `phase` that is told by `event`; None where none ended."""
    clock = CLOCK_OF.get(case.stage)
    ends = {
        Clock.DISPATCH: event is events.CaseDispatched,
        Clock.INSPECT: phase in (Stage.INSPECTED, Stage.REWORK),
        Clock.CLOSE: phase is Stage.CLOSED,
    }
    if clock is None or not ends.get(clock, False):
        return None
    return {**case.runs, clock.value: Run(due_at=case.due_at, ended_at=now)}
