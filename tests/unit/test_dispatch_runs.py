"""Which clocks ended, and whether in time, as a case goes through the process."""

from datetime import timedelta

import pytest
from case_samples import MORNING, case, triaged

from qipan.contracts import events
from qipan.contracts.case import Run, Stage
from services.dispatch import runs

NOW = MORNING + timedelta(hours=2)
DUE = MORNING + timedelta(hours=1)


@pytest.mark.parametrize(
    ("stage", "event", "phase", "clock"),
    [
        (Stage.FILED, events.CaseDispatched, Stage.OFFERED, "dispatch"),
        (Stage.RETURNED, events.CaseDispatched, Stage.OFFERED, "dispatch"),
        (Stage.DISPOSED, events.CaseInspected, Stage.INSPECTED, "inspect"),
        (Stage.DISPOSED, events.CaseReworked, Stage.REWORK, "inspect"),
        (Stage.INSPECTED, events.CaseClosed, Stage.CLOSED, "close"),
        (Stage.FILED, events.CaseVoided, Stage.VOIDED, None),
        (Stage.FILED, events.CaseReferred, Stage.FILED, None),
        (Stage.RETURNED, events.CaseReturnRefused, Stage.OFFERED, None),
        (Stage.OFFERED, events.CaseAccepted, Stage.ACCEPTED, None),
        (Stage.DISPOSED, events.CaseOverdue, None, None),
        (Stage.INSPECTED, events.CaseVoided, Stage.VOIDED, None),
    ],
)
def test_the_clock_that_a_step_ends(
    stage: Stage, event: type[events.CaseEvent], phase: Stage | None, clock: str | None
) -> None:
    before = case(stage=stage, due_at=DUE, runs={"file": Run(ended_at=MORNING)})
    ended = runs.after(before, event, phase, NOW)
    if clock is None:
        assert ended is None
        return
    assert ended == {**before.runs, clock: Run(due_at=DUE, ended_at=NOW)}
    assert not ended[clock].in_time
    assert Run(due_at=DUE, ended_at=DUE).in_time


def test_what_a_new_case_brings_of_its_reports_clock() -> None:
    waited = triaged(due_at=MORNING, triaged_at=NOW)
    assert not runs.filed(waited, None)["file"].in_time
    at_once = runs.filed(triaged(), NOW)
    assert at_once["file"].in_time
    assert at_once["dispatch"] == Run(ended_at=NOW)
