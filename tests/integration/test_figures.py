"""Figures that come from what services decide and store: reports on a screen, and reports that went nowhere."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from dispatch_desk import MONDAY_NOON, Desk, build_dispatch, told, triaged
from intake_here import SANDUN, Here, build_intake, opened
from sqlalchemy import text

from qipan.observability import metrics
from qipan.testing import Databases
from services.intake import unseen


def seen(service: str, tenant: str) -> tuple[float, float]:
    """How many reports were on a screen so far, and after how many seconds together."""
    labels = {"service": service, "tenant": tenant}
    name = "qipan_accepted_to_screen_seconds"
    found = [metrics.REGISTRY.get_sample_value(f"{name}_{end}", labels) for end in ("count", "sum")]
    return found[0] or 0.0, found[1] or 0.0


@pytest.fixture
def desk(database_url: Databases) -> Iterator[Desk]:
    desk = Desk.open(database_url(build_dispatch))
    yield desk
    desk.database.close()


def test_a_filed_report_is_on_a_screen_once_its_case_is_committed(desk: Desk) -> None:
    count, seconds = seen("dispatch", "sandun")
    desk.clock.set(MONDAY_NOON + timedelta(seconds=7))
    desk.file(triaged("r1"))
    desk.file(triaged("r1"))
    assert seen("dispatch", "sandun") == (count + 1, seconds + 7.0)


def test_what_was_undone_was_on_no_screen(desk: Desk) -> None:
    before = seen("dispatch", "sandun")

    def file_and_fail() -> None:
        with desk.database.begin() as work:
            desk.service.file_cases(work, [told(triaged("r1"))])
            raise RuntimeError("afterwards")

    with pytest.raises(RuntimeError):
        file_and_fail()
    assert seen("dispatch", "sandun") == before


def test_a_persons_time_and_an_exercise_are_left_out(desk: Desk) -> None:
    before = seen("dispatch", "sandun"), seen("dispatch", "sandun~ex7")
    desk.file(triaged("r1").model_copy(update={"waited": True}))
    desk.file(triaged("r2"), tenant="sandun~ex7")
    assert (seen("dispatch", "sandun"), seen("dispatch", "sandun~ex7")) == before


@pytest.fixture
def here(database_url: Databases) -> Iterator[Here]:
    with opened(database_url(build_intake)) as here:
        yield here


def missing(here: Here) -> float | None:
    unseen.count(here.database)
    return metrics.REGISTRY.get_sample_value("qipan_reports_unseen", {"tenant": "sandun"})


def change(here: Here, what: str) -> None:
    with here.database.begin() as work:
        work.conn.execute(text(f"UPDATE intake.reports SET {what}"))


def test_a_report_that_goes_nowhere_is_counted_until_it_is_decided_or_its_case_is_there(here: Here) -> None:
    assert here.http.post("/v1/reports", json={"text": "路边垃圾成堆", **SANDUN}).status_code == 201
    assert missing(here) is None, "five minutes are given to every report"
    change(here, "received_real_at = now() - interval '6 minutes'")
    assert missing(here) == 1.0
    change(here, "status = 'held'")
    assert missing(here) is None
    change(here, "status = 'filed'")
    assert missing(here) == 1.0, "filed, and no case was heard of"
    change(here, "case_id = 'case-1'")
    assert missing(here) is None
    change(here, "case_id = NULL, received_real_at = now() - interval '25 hours'")
    assert missing(here) is None
    change(here, "received_real_at = now() - interval '6 minutes', tenant = 'sandun~ex7'")
    assert missing(here) is None
