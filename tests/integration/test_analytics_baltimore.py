"""Another city's rows: on-time rates by agency, measured by the platform, are those of the file itself."""

import csv
import os
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from case_samples import EVENT_OF, case
from projection_desk import ROOT, Projection, analytics, build_analytics, told

from qipan.contracts.case import Counters, Stage
from qipan.contracts.figures import Figures, GetFigures
from qipan.tenancy import TestClock
from qipan.testing import Databases

SAMPLE = ROOT / "tests" / "data" / "baltimore_311_sample.csv"
WHOLE = Path(os.environ.get("QIPAN_TEST_DATA", ROOT.parent / "shared" / "data")) / "baltimore_311.csv"
FORMAT = "%m/%d/%Y %I:%M:%S %p"
ZONE = ZoneInfo("America/New_York")
LATER = datetime(2019, 9, 1, tzinfo=UTC)
"""After the last row's due date."""

Row = dict[str, str]


def at(text: str) -> datetime | None:
    return datetime.strptime(text, FORMAT).replace(tzinfo=ZONE) if text else None


def local(text: str) -> datetime:
    return datetime.strptime(text, FORMAT)  # noqa: DTZ007 as the file has it


def straight(rows: list[Row]) -> dict[str, tuple[int, int]]:
    """By agency: how many were closed by their due date, of those closed and those that are due and still open."""
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        due, closed = row["DueDate"], row["CloseDate"]
        if closed or due:
            found[row["Agency"]][1] += 1
            on_time = closed and (not due or local(closed) <= local(due))
            found[row["Agency"]][0] += bool(on_time)
    return {agency: (above, below) for agency, (above, below) in found.items()}


def feed(desk: Projection, rows: list[Row]) -> None:
    messages = []
    for row in rows:
        filed, closed = at(row["CreatedDate"]), at(row["CloseDate"])
        stage = Stage.CLOSED if closed else Stage.ACCEPTED
        state = case(
            row["SRRecordID"],
            stage=stage,
            matter="s:06010",
            department=row["Agency"],
            received_at=filed,
            filed_at=filed,
            due_at=None,
            dispose_due_at=at(row["DueDate"]),
            disposed_at=closed,
            closed_at=closed,
            counters=Counters(offers=1),
        )
        messages.append(told(EVENT_OF[stage](case=state)))
    for start in range(0, len(messages), 500):
        desk.hear(*messages[start : start + 500])


@pytest.mark.parametrize(
    "file", [SAMPLE, pytest.param(WHOLE, marks=pytest.mark.slow)], ids=["sample", "whole"]
)
def test_on_time_rates_by_agency_are_those_of_the_file(database_url: Databases, file: Path) -> None:
    if not file.exists():
        pytest.skip(f"{file.name} is not here")
    with file.open(encoding="utf-8-sig", newline="") as text:
        rows = list(csv.DictReader(text))
    expected = straight(rows)
    desk = analytics(database_url(build_analytics), TestClock(LATER), {GetFigures: "get_figures"})
    feed(desk, rows)
    ids = ("on_time_disposal", "on_time_closure", "closure")
    asked = GetFigures(indicators=ids, by="department", period="2013-12-31/2019-08-31")
    answer: Figures = desk.ask("sandun.supervisor.1", asked)
    desk.database.close()
    found = {row.member: row.values for row in answer.rows}
    assert found.keys() == expected.keys()
    for agency, (above, below) in expected.items():
        for id in ids[:2]:
            assert (found[agency][id].above, found[agency][id].below) == (above, below), (agency, id)
            assert found[agency][id].value == above / below
    assert sum(value["closure"].above for value in found.values()) == sum(
        bool(row["CloseDate"]) for row in rows
    )
    assert answer.until - answer.since > timedelta(days=2000)
