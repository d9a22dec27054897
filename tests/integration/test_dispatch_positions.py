"""Positions on a real database: only on shift, only for who commands, and soon forgotten."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from dispatch_desk import MONDAY_NOON, Desk, build_dispatch, xihu

from qipan.contracts.errors import Forbidden, Invalid
from qipan.contracts.field import EndShift, StartShift
from qipan.contracts.positions import Fix, GetPositions, ReportPositions
from qipan.storage import timers
from qipan.testing import Databases
from services.dispatch import position_store
from services.dispatch.entrypoints.whereabouts import FORGET
from services.dispatch.positions import Sighting

WORKER, DISPATCHER = "sandun.sweep.1", "sandun.dispatcher.1"


@pytest.fixture
def desk(database_url: Databases) -> Iterator[Desk]:
    desk = Desk.open(database_url(build_dispatch))
    yield desk
    desk.database.close()


def fix(desk: Desk, minutes: float = 0, worker: str | None = None, lon: float = 120.085) -> Fix:
    return Fix(
        worker=worker, lon=lon, lat=30.325, at=desk.clock.now("sandun") + timedelta(minutes=minutes), metres=8
    )


def report(desk: Desk, *fixes: Fix, who: str = WORKER, tenant: str = "sandun") -> object:
    return desk.ask(who, ReportPositions(fixes=fixes or (fix(desk),)), tenant=tenant)


def forget(desk: Desk, after: timedelta) -> None:
    desk.clock.advance(after)
    with desk.database.begin() as work:
        due = timers.take_due(work.conn, "dispatch", FORGET, desk.clock.now("sandun"))
        if due:
            desk.service.forget_trails(work, due)


def kept(desk: Desk) -> tuple[int, int]:
    return tuple(len(desk.rows(f"SELECT 1 FROM dispatch.{name}")) for name in ("positions", "trails"))


def test_nobody_is_located_who_is_not_on_shift(desk: Desk) -> None:
    with pytest.raises(Invalid) as refused:
        report(desk)
    assert "only on shift" in refused.value.faults[0].what
    desk.ask(WORKER, StartShift())
    assert report(desk).taken == 1
    desk.ask(WORKER, EndShift())
    assert desk.rows("SELECT * FROM dispatch.positions") == []
    assert desk.ask(DISPATCHER, GetPositions()).positions == ()
    with pytest.raises(Invalid):
        report(desk)


def test_the_newest_fix_is_the_position_in_whatever_order_they_come(desk: Desk) -> None:
    desk.clock.advance(timedelta(minutes=-30))
    desk.ask(WORKER, StartShift())
    desk.clock.advance(timedelta(minutes=30))
    fixes = (fix(desk, -1, lon=120.2), fix(desk, -5, lon=120.1), fix(desk, -20, lon=120.0))
    for _ in range(2):
        report(desk, *fixes)
    report(desk, fix(desk, -10, lon=120.05))
    [seen] = desk.ask(DISPATCHER, GetPositions()).positions
    assert (seen.fix.lon, seen.trail) == (120.2, ())
    [mine] = desk.ask(WORKER, GetPositions(worker=WORKER)).positions
    assert [one.lon for one in mine.trail] == [120.0, 120.05, 120.1, 120.2]
    with desk.database.begin() as work:
        assert desk.service.field(work, ["sandun"])["sandun"].workers[WORKER].at == (120.2, 30.325)


def test_every_fix_is_judged_by_itself(desk: Desk) -> None:
    desk.ask(WORKER, StartShift())
    answer = report(desk, fix(desk), fix(desk, -60), fix(desk, 60))
    assert (answer.taken, [one.index for one in answer.refused]) == (1, [1, 2])
    assert all("this shift" in one.rule for one in answer.refused)


def test_a_tenants_own_system_reports_for_many(desk: Desk) -> None:
    for worker in ("sandun.traffic.1", "beishan.traffic.1"):
        desk.ask(worker, StartShift(), tenant=worker.partition(".")[0])
    fixes = (
        fix(desk, worker="sandun.traffic.1"),
        fix(desk, worker="beishan.traffic.1"),
        fix(desk, worker="sandun.traffic.2"),  # not on shift
        fix(desk, worker="sandun.sweep.1"),  # another department's
        fix(desk, -60, worker="sandun.traffic.1"),  # before the shift
    )
    answer = report(desk, *fixes, who="traffic-police", tenant="traffic-police")
    assert (answer.taken, [one.index for one in answer.refused]) == (2, [2, 3, 4])
    assert [p.worker for p in desk.ask(DISPATCHER, GetPositions()).positions] == ["sandun.traffic.1"]
    with pytest.raises(Forbidden):
        report(desk, fixes[0], who=WORKER)


def test_only_who_commands_there_sees_where_others_are(desk: Desk) -> None:
    desk.ask(WORKER, StartShift())
    report(desk)
    for who in (DISPATCHER, "sandun.shift-leader.1", WORKER):
        assert [p.worker for p in desk.ask(who, GetPositions()).positions] == [WORKER]
    assert desk.ask("sandun.sweep.2", GetPositions()).positions == ()
    for who in ("sandun.town-lead.1", "sandun.supervisor.1", "beishan.dispatcher.1", "xihu.dispatcher.1"):
        with pytest.raises(Forbidden):
            desk.ask(who, GetPositions())


def test_what_is_past_keeping_is_forgotten_also_of_who_falls_silent(desk: Desk) -> None:
    desk.ask(WORKER, StartShift())
    report(desk)
    desk.clock.advance(timedelta(minutes=90))
    report(desk)
    assert kept(desk) == (1, 2)
    desk.clock.advance(timedelta(minutes=60))
    report(desk)
    assert kept(desk) == (1, 2)  # the oldest went with the report
    forget(desk, timedelta(minutes=121))
    assert kept(desk) == (0, 0)
    assert desk.rows("SELECT * FROM dispatch.timers WHERE kind = 'trail.forget'") == []


def test_forgetting_does_not_hang_on_the_reports_alone(desk: Desk) -> None:
    """The control: without the timer a silent worker's trail would stay."""
    desk.ask(WORKER, StartShift())
    with desk.database.begin() as work:
        position_store.keep(work.conn, [Sighting("sandun", WORKER, fix(desk, worker=WORKER))], trail=True)
    forget(desk, timedelta(hours=5))
    assert kept(desk) == (1, 1)


def test_a_town_may_keep_no_trail_at_all(desk: Desk) -> None:
    parts = dict(xihu().parts)
    parts["sandun"] = replace(
        parts["sandun"], settings={**parts["sandun"].settings, "dispatch.trail-minutes": 0}
    )
    scant = Desk.on(desk, replace(xihu(), parts=parts))
    scant.ask(WORKER, StartShift(until=MONDAY_NOON + timedelta(hours=4)))
    report(scant)
    assert kept(scant) == (1, 0)
    forget(scant, timedelta(hours=4))
    assert kept(scant) == (0, 0)
