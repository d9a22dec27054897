"""What a reporter is told of the past: every step once, in order, with words for it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given

from qipan.contracts.case import Stage
from services.intake.public_status import WORDS, ReportStatus
from services.intake.timeline import milliseconds, timeline
from tests.case_samples import MORNING, case, lives


@dataclass
class Report:
    status: str = ReportStatus.RECEIVED
    received_at: datetime = MORNING
    triaged_at: datetime | None = None
    case_id: str | None = None
    stage_times: dict[str, int] | None = field(default=None)


def later(minutes: int) -> datetime:
    return MORNING + timedelta(minutes=minutes)


def millis(minutes: int) -> int:
    return int(later(minutes).timestamp() * 1000)


def test_a_new_report_was_received() -> None:
    assert [(step.status, step.at) for step in timeline(Report())] == [("received", MORNING)]


@pytest.mark.parametrize("status", sorted(set(ReportStatus) - {ReportStatus.RECEIVED}))
def test_a_report_without_a_case_shows_what_triage_decided(status: str) -> None:
    steps = timeline(Report(status=status, triaged_at=later(1)))
    assert [(step.status, step.at) for step in steps] == [("received", MORNING), (status, later(1))]


def test_a_report_with_a_case_shows_the_cases_steps() -> None:
    times = {
        "filed": millis(1),
        "offered": millis(1),
        "accepted": millis(9),
        "rework": millis(20),
        "disposed": millis(30),
    }
    report = Report(status="disposed", triaged_at=later(1), case_id="c1", stage_times=times)
    steps = timeline(report)
    assert [step.status for step in steps] == [
        "received",
        "filed",
        "offered",
        "accepted",
        "rework",
        "disposed",
    ]
    assert steps[-1].at == later(30)


def test_a_joined_report_goes_on_with_the_earlier_ones_case() -> None:
    mine = Report(status=ReportStatus.MERGED, triaged_at=later(5))
    original = Report(status="closed", case_id="c1", stage_times={"filed": millis(-3), "closed": millis(60)})
    assert [step.status for step in timeline(mine, original)] == ["received", "merged", "filed", "closed"]


@given(lives())
def test_every_life_is_told_in_order_and_in_words(versions: list[object]) -> None:
    newest = versions[-1]
    state = newest.model_copy(update={"stage_times": {newest.stage: newest.filed_at}})
    report = Report(status=state.stage, case_id=state.case_id, stage_times=milliseconds(state))
    steps = timeline(report)
    assert {step.status for step in steps} == {"received", Stage.FILED, state.stage}
    times = [step.at for step in steps[1:]]
    assert times == sorted(times)
    assert all(step.status in WORDS and step.at.tzinfo is UTC for step in steps[1:])


def test_a_row_keeps_the_filing_and_the_newest_times() -> None:
    times = milliseconds(case(stage_times={Stage.OFFERED: later(2)}))
    assert times == {Stage.FILED: millis(0), Stage.OFFERED: millis(2)}
