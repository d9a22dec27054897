"""The traffic police's squad: takes what is offered by name while on duty, once."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from nameko.testing.services import worker_factory

from qipan.contracts.case import CaseState, Place, Stage
from qipan.contracts.commands import AcceptTask
from qipan.contracts.errors import Conflict, IllegalTransition, QipanError
from qipan.contracts.events import TaskOffered
from qipan.hosting.service_class import service_class
from qipan.messaging.received import Received
from qipan.tenancy import District, TestClock, load_district

TUESDAY_NOON = datetime(2026, 6, 16, 3, tzinfo=UTC)
TUESDAY_NIGHT = datetime(2026, 6, 16, 18, tzinfo=UTC)


@cache
def xihu() -> District:
    return load_district(Path(__file__).parents[3])


@dataclass
class Dispatch:
    """A double of dispatch: remembers what it was asked, and fails when told to."""

    error: QipanError | None = None
    asked: list[tuple[str, AcceptTask]] = field(default_factory=list)

    def call(self, request: AcceptTask, *, tenant: str) -> None:
        self.asked.append((tenant, request))
        if self.error is not None:
            raise self.error


def offered(worker: str | None = "sandun.traffic.1") -> Received[TaskOffered]:
    case = CaseState(
        case_id="c1",
        report_id="r1",
        tenant="sandun",
        version=1,
        stage=Stage.OFFERED,
        matter="s:09009",
        place=Place(lon=120.085, lat=30.325),
        summary="",
        channel="app",
        received_at=TUESDAY_NOON,
        filed_at=TUESDAY_NOON,
        department="traffic-police",
        unit="sandun/traffic",
        worker=worker,
    )
    return Received(TaskOffered(task_id="t1", case=case), "m1", "traffic-police", "dispatch", TUESDAY_NOON)


def squad(dispatch: Dispatch, now: datetime = TUESDAY_NOON) -> Any:
    kind = service_class(xihu(), "squad", "traffic-police")
    return worker_factory(kind, client=dispatch, district=xihu(), clocks=TestClock(now))


def test_a_task_offered_by_name_is_taken_in_the_departments_tenant() -> None:
    dispatch = Dispatch()
    squad(dispatch).take_tasks(None, [offered()])
    assert dispatch.asked == [("traffic-police", AcceptTask(case_id="c1"))]


def test_off_duty_a_task_waits_for_a_person() -> None:
    dispatch = Dispatch()
    squad(dispatch, TUESDAY_NIGHT).take_tasks(None, [offered()])
    assert dispatch.asked == []


def test_what_was_offered_to_the_whole_unit_waits_for_a_person() -> None:
    dispatch = Dispatch()
    squad(dispatch).take_tasks(None, [offered(worker=None)])
    assert dispatch.asked == []


def test_a_task_taken_already_needs_nothing_more() -> None:
    squad(Dispatch(IllegalTransition())).take_tasks(None, [offered()])


def test_a_lost_race_is_tried_again() -> None:
    with pytest.raises(Conflict):
        squad(Dispatch(Conflict())).take_tasks(None, [offered()])
