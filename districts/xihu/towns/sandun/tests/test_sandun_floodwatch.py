"""The flood watch: one report for each gauge and hour, and nothing lost when intake is away."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from nameko.testing.services import worker_factory

from qipan.contracts.commands import ReportAnswer, SubmitReport
from qipan.contracts.errors import KeyReused, QipanError, Unavailable
from qipan.contracts.events import ReadingObserved
from qipan.hosting.service_class import service_class
from qipan.messaging.received import Received
from qipan.tenancy import District, load_district


@cache
def xihu() -> District:
    return load_district(Path(__file__).parents[3])


@dataclass
class Intake:
    """A double of intake: remembers keys, and fails when told to."""

    error: QipanError | None = None
    reports: dict[str, SubmitReport] = field(default_factory=dict)
    asked: int = 0

    def call(self, request: SubmitReport, *, tenant: str) -> ReportAnswer:
        self.asked += 1
        if self.error is not None:
            raise self.error
        self.reports[request.key] = request
        return ReportAnswer(report_id=request.key, tenant=tenant, status="received")


@pytest.fixture
def intake() -> Intake:
    return Intake()


@pytest.fixture
def watch(intake: Intake) -> Callable[..., None]:
    service = worker_factory(service_class(xihu(), "floodwatch", "sandun"), client=intake, district=xihu())

    def hear(*readings: ReadingObserved) -> None:
        service.watch(None, [Received(r, r.reading_id, "sandun", "intake", r.observed_at) for r in readings])

    return hear


def reading(value: float, minute: int = 0, **changes: Any) -> ReadingObserved:
    at = datetime(2026, 6, 20, 6 + minute // 60, minute % 60, tzinfo=UTC)
    given = {
        "reading_id": f"{value}@{minute}",
        "device": "gauge-1",
        "quantity": "water-level",
        "value": value,
        "unit": "m",
        "lon": 120.085,
        "lat": 30.325,
        "observed_at": at,
    }
    return ReadingObserved.model_validate({**given, **changes})


def test_a_gauge_that_stands_too_high_is_reported_once_an_hour(watch: Any, intake: Intake) -> None:
    watch(reading(3.1, 0), reading(3.2, 20), reading(3.7, 40))
    watch(reading(3.9, 45))
    assert len(intake.reports) == 1
    watch(reading(3.9, 60))
    assert len(intake.reports) == 2
    assert {report.matter for report in intake.reports.values()} == {"x-xihu:em:00002"}


def test_every_gauge_counts_for_itself(watch: Any, intake: Intake) -> None:
    watch(reading(4.0), reading(4.0, device="gauge-2"))
    assert len(intake.reports) == 2


def test_the_same_hour_makes_the_same_report(watch: Any, intake: Intake) -> None:
    watch(reading(3.3, 1))
    [first] = intake.reports.values()
    watch(reading(4.4, 59))
    assert list(intake.reports.values()) == [first]


def test_other_quantities_and_units_are_none_of_its_business(watch: Any, intake: Intake) -> None:
    watch(reading(400.0, unit="cm"), reading(33.0, quantity="temperature"))
    assert intake.asked == 0


def test_a_report_made_this_hour_from_another_spot_is_enough(watch: Any, intake: Intake) -> None:
    intake.error = KeyReused()
    watch(reading(3.3))
    assert intake.asked == 1


def test_when_intake_is_away_the_readings_come_back(watch: Any, intake: Intake) -> None:
    intake.error = Unavailable()
    with pytest.raises(Unavailable):
        watch(reading(3.3))
