"""What happened to a report, as its reporter is told: public statuses with the times they were reached."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from qipan.contracts.case import CaseState, Stage
from services.intake.public_status import ReportStatus

_ORDER = {stage: number for number, stage in enumerate(Stage)}


class Known(Protocol):
    """What intake's row knows of a report (`services.intake.tables.reports`)."""

    @property
    def status(self) -> str: ...
    @property
    def received_at(self) -> datetime: ...
    @property
    def triaged_at(self) -> datetime | None: ...
    @property
    def case_id(self) -> str | None: ...
    @property
    def stage_times(self) -> Mapping[str, int] | None: ...


@dataclass(frozen=True, slots=True)
class Step:
    """A status and when it was reached (domain time, UTC)."""

    status: str
    at: datetime


def timeline(report: Known, original: Known | None = None) -> tuple[Step, ...]:
    """A report's steps, oldest first; of one that was joined to an earlier one, the earlier one's case goes on.

    Of a stage that was entered more than once, as after rework, the newest time is known and shown.
    """
    steps = [Step(ReportStatus.RECEIVED, report.received_at)]
    if report.case_id is None and report.triaged_at is not None:
        steps.append(Step(report.status, report.triaged_at))
    steps += _of_case(report if original is None else original)
    return tuple(steps)


def milliseconds(case: CaseState) -> dict[str, int]:
    """The times of a case's stages as a row keeps them: since 1970, short, for the row is written often."""
    times = {Stage.FILED: case.filed_at, **case.stage_times}
    return {stage: int(at.timestamp() * 1000) for stage, at in times.items()}


def _of_case(report: Known) -> list[Step]:
    times: Mapping[Any, int] = report.stage_times or {}
    ordered = sorted(times.items(), key=lambda entry: (entry[1], _ORDER.get(entry[0], len(_ORDER))))
    return [Step(str(stage), datetime.fromtimestamp(at / 1000, UTC)) for stage, at in ordered]
