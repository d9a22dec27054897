"""Analytics on a real database: totals equal what the states say, whatever order, repetition and company."""

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from case_samples import EVENT_OF, MORNING, case, triaged
from projection_desk import Projection, analytics, build_analytics, build_dispatch, told, xihu
from sqlalchemy import create_engine, text

from qipan.contracts.case import CaseState, Counters, Stage
from qipan.contracts.errors import Invalid, NotFound
from qipan.contracts.events import Outcome
from qipan.contracts.queries import BoardAnswer, GetBoard
from qipan.messaging.received import Received
from qipan.settings import Settings
from qipan.storage import database, digests
from qipan.tenancy import TestClock
from qipan.testing import Databases
from services.analytics import digests as analytics_digests
from services.analytics import store
from services.analytics.facts import CaseFacts
from services.analytics.recount import Recounting, recount
from services.analytics.states import CASES
from services.analytics.totals import EPOCH, Cut, Key
from services.dispatch import digests as dispatch_digests


@pytest.fixture
def desk(database_url: Databases) -> Iterator[Projection]:
    desk = analytics(database_url(build_analytics), TestClock(MORNING), {GetBoard: "get_board"})
    yield desk
    desk.database.close()


def zone_of(tenant: str) -> str:
    return xihu().tenant(tenant).zone


def life(case_id: str, tenant: str, seed: int) -> list[Received[object]]:
    """One case from filing to closure, with some variety."""
    dice = random.Random(f"{case_id}{seed}")
    at = MORNING + timedelta(minutes=dice.randrange(1440))
    extended = random.Random(f"extended {case_id}{seed}").choice((0, 0, 1, 2))
    stages = [Stage.OFFERED, Stage.ACCEPTED, Stage.DISPOSED]
    if dice.random() < 0.3:
        stages += [Stage.REWORK, Stage.DISPOSED]
    stages += [Stage.INSPECTED, Stage.CLOSED][: dice.randrange(3)]
    messages = []
    disposed = closed = None
    for version, stage in enumerate(stages, start=1):
        step = at + timedelta(minutes=40 * version)
        disposed = step if stage is Stage.DISPOSED else None if stage is Stage.REWORK else disposed
        closed = step if stage is Stage.CLOSED else None
        state = case(
            case_id,
            tenant=tenant,
            version=version,
            stage=stage,
            filed_at=at,
            dispose_due_at=at + timedelta(minutes=dice.randrange(30, 300)),
            disposed_at=disposed,
            closed_at=closed,
            counters=Counters(
                offers=1,
                reworks=int(Stage.REWORK in stages[:version]),
                extensions=extended if version > 1 else 0,
            ),
        )
        messages.append(told(EVENT_OF[stage](case=state), tenant))
    return messages


def newest(messages: list[Received[object]]) -> list[CaseState]:
    found: dict[tuple[str, str], CaseState] = {}
    for message in messages:
        state = message.data.case
        known = found.get((state.tenant, state.case_id))
        if known is None or state.version > known.version:
            found[state.tenant, state.case_id] = state
    return list(found.values())


def ever(desk: Projection, tenant: str = "sandun") -> dict[str, int]:
    with desk.database.begin() as work:
        return store.totals_of(work.conn, tenant).get(Key(tenant, Cut.EVER, EPOCH, ""), {})


def test_one_case_from_filing_to_closure(desk: Projection) -> None:
    for stage, version in ((Stage.OFFERED, 1), (Stage.ACCEPTED, 2)):
        desk.hear(told(EVENT_OF[stage](case=case(stage=stage, version=version))))
    filed = {"filed": 1, "filed_well": 1}
    assert ever(desk) == {**filed, "open": 1, "undisposed": 1, "unclosed": 1}
    done = {"disposed_at": MORNING + timedelta(hours=2), "closed_at": MORNING + timedelta(hours=3)}
    desk.hear(told(EVENT_OF[Stage.CLOSED](case=case(stage=Stage.CLOSED, version=5, **done))))
    ended = {"disposed": 1, "on_time": 1, "work_minutes": 90, "settled": 1, "closed": 1, "closed_on_time": 1}
    assert ever(desk) == {**filed, **ended}


def test_late_repeated_and_mixed_events_change_nothing(desk: Projection) -> None:
    messages = [m for i in range(40) for m in life(f"c-{i}", ("sandun", "wenxin")[i % 2], 1)]
    dice = random.Random(7)
    disturbed = [*messages, *dice.sample(messages, 30)]
    dice.shuffle(disturbed)
    for start in range(0, len(disturbed), 17):
        desk.hear(*disturbed[start : start + 17])
    expected = Counter(state.stage for state in newest(messages) if state.tenant == "sandun")
    assert ever(desk)["filed"] == 20
    assert ever(desk).get("closed", 0) == expected[Stage.CLOSED]
    assert ever(desk).get("open", 0) == 20 - expected[Stage.CLOSED]
    assert recount(desk.database, zone_of, verify=True) == []


def test_control_a_store_that_trusts_the_newest_arrival_is_found_out(
    desk: Projection, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *_, last = life("c-1", "sandun", 3)
    monkeypatch.setattr(CaseFacts, "order", property(lambda self: (-self.version,)))
    desk.hear(last)
    desk.hear(first)
    assert ever(desk)["open"] == 1
    monkeypatch.undo()
    assert {"disposed", "on_time", "late"}.isdisjoint(ever(desk))


def test_two_replicas_with_the_same_cases_count_once_and_never_block_each_other(desk: Projection) -> None:
    messages = [m for i in range(60) for m in life(f"c-{i}", "sandun", 2)]
    gate = Barrier(2)

    def replica(seed: int) -> None:
        mine = messages.copy()
        random.Random(seed).shuffle(mine)
        gate.wait()
        for start in range(0, len(mine), 25):
            desk.hear(*mine[start : start + 25])

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(replica, seed) for seed in (1, 2)]:
            done.result(timeout=60)
    assert ever(desk)["filed"] == 60
    assert recount(desk.database, zone_of, verify=True) == []


def test_control_without_the_lock_two_replicas_count_a_new_case_twice(
    desk: Projection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_lock", lambda conn, keys: None)
    both_have_read = Barrier(2)
    known = CASES.known

    def known_together(conn: object, keys: object) -> object:
        found = known(conn, keys)
        both_have_read.wait(10)
        return found

    monkeypatch.setattr(CASES, "known", known_together)
    message = life("c-1", "sandun", 4)[0]
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(desk.hear, message) for _ in range(2)]:
            done.result(timeout=60)
    assert ever(desk)["filed"] == 2


def test_a_recount_finds_a_wrong_figure_and_mends_it(desk: Projection) -> None:
    desk.hear(*life("c-1", "sandun", 1), told(triaged()))
    with desk.database.begin() as work:
        work.conn.execute(text("UPDATE analytics.totals SET filed = filed + 3 WHERE cut = 'day'"))
        work.conn.execute(text("DELETE FROM analytics.totals WHERE cut = 'ever'"))
    wrong = recount(desk.database, zone_of, verify=True)
    assert (Cut.DAY, "filed", 4, 1) in {(d.key.cut, d.counter, d.live, d.recounted) for d in wrong}
    assert (Cut.EVER, "received", 0, 1) in {(d.key.cut, d.counter, d.live, d.recounted) for d in wrong}
    assert recount(desk.database, zone_of) == wrong
    assert recount(desk.database, zone_of, verify=True) == []


def test_a_recount_beside_live_updates_adds_nothing_wrong(desk: Projection) -> None:
    messages = [m for i in range(120) for m in life(f"c-{i}", "sandun", 5)]
    with ThreadPoolExecutor(1) as pool:

        def live() -> None:
            for start in range(0, len(messages), 10):
                desk.hear(*messages[start : start + 10])

        feeding = pool.submit(live)
        while not feeding.done():
            assert recount(desk.database, zone_of) == []
        feeding.result()
    assert ever(desk)["filed"] == 120


def test_only_one_recount_at_a_time(desk: Projection) -> None:
    with desk.database.engine.connect() as conn:
        conn.execute(text("SELECT pg_advisory_lock(hashtext('qipan.analytics.recount'))"))
        with pytest.raises(Recounting):
            recount(desk.database, zone_of)


def test_a_message_of_one_tenant_cannot_count_for_another(desk: Projection) -> None:
    with pytest.raises(Invalid):
        desk.hear(told(EVENT_OF[Stage.OFFERED](case=case(tenant="wenxin")), "sandun"))
    with pytest.raises(NotFound):
        desk.hear(told(EVENT_OF[Stage.OFFERED](case=case(tenant="atlantis")), "atlantis"))
    assert desk.rows("SELECT 1 FROM analytics.totals") == []


def test_a_towns_board(desk: Projection) -> None:
    reports = [told(triaged(f"r-{i}", outcome)) for i, outcome in enumerate([Outcome.FILE, Outcome.DECLINE])]
    desk.hear(told(EVENT_OF[Stage.OFFERED](case=case())), *reports)
    board: BoardAnswer = desk.ask("sandun.supervisor.1", GetBoard())
    [standing] = board.standings
    assert (standing.tenant, standing.received, standing.filed, standing.open) == ("sandun", 2, 1, 1)
    assert standing.rates["disposal"] is None
    assert standing.rates["filing"] == 1.0
    assert board.totals["received"] == 2
    assert len(board.hours) == 24
    assert board.hours[-1]["hour"] == "2026-03-02T08:00:00+08:00"
    assert (board.hours[-1]["received"], board.hours[-1]["declined"]) == (2, 1)


def test_the_districts_board_ranks_every_town_and_adds_everybody_up(desk: Projection) -> None:
    good = {"stage": Stage.CLOSED, "disposed_at": MORNING, "closed_at": MORNING}
    bad = {**good, "dispose_due_at": MORNING - timedelta(hours=1)}
    desk.hear(
        told(EVENT_OF[Stage.CLOSED](case=case("g", tenant="wenxin", **good)), "wenxin"),
        told(EVENT_OF[Stage.CLOSED](case=case("b", **bad))),
    )
    board: BoardAnswer = desk.ask("sandun.supervisor.1", GetBoard(), tenant="xihu")
    assert len(board.standings) == 12
    assert [(s.tenant, s.rank) for s in board.standings[:3]] == [
        ("wenxin", 1),
        ("sandun", 2),
        ("beishan", None),
    ]
    assert board.standings[0].score == 100
    assert board.standings[1].overdue == 1
    assert board.totals["closed"] == 2


def test_a_case_becomes_overdue_on_the_board_by_time_alone(desk: Projection) -> None:
    desk.hear(told(EVENT_OF[Stage.OFFERED](case=case())))
    clock: TestClock = desk.database.clocks
    for hours, overdue in ((3, 0), (5, 1)):
        clock.set(MORNING + timedelta(hours=hours))
        board: BoardAnswer = desk.ask("sandun.supervisor.1", GetBoard())
        assert board.standings[0].overdue == overdue
        assert board.standings[0].rates["overdue_pending"] == (1.0 if overdue else None)


def test_an_exercise_is_never_in_live_figures(desk: Projection) -> None:
    desk.hear(told(EVENT_OF[Stage.OFFERED](case=case(tenant="sandun~ex7")), "sandun~ex7"))
    live: BoardAnswer = desk.ask("sandun.supervisor.1", GetBoard(), tenant="xihu")
    assert sum(standing.filed for standing in live.standings) == 0
    assert live.totals["filed"] == 0
    played: BoardAnswer = desk.ask("sandun.supervisor.1~ex7", GetBoard(), tenant="sandun~ex7")
    assert played.totals["filed"] == 1
    assert played.standings[0].tenant == "sandun~ex7"


def test_a_department_has_a_board_without_a_place(desk: Projection) -> None:
    desk.hear(told(EVENT_OF[Stage.OFFERED](case=case(tenant="traffic-police")), "traffic-police"))
    board: BoardAnswer = desk.ask("sandun.supervisor.1", GetBoard(), tenant="traffic-police")
    [standing] = board.standings
    assert (standing.tenant, standing.rank, standing.filed) == ("traffic-police", None, 1)


@pytest.mark.parametrize("seed", range(4))
def test_a_board_is_what_counting_the_cases_one_by_one_gives(desk: Projection, seed: int) -> None:
    dice = random.Random(seed)
    messages = []
    for number in range(150):
        steps = life(f"c-{number}", "sandun", seed)
        shift = timedelta(days=-dice.randrange(40))
        messages += [_moved(message, shift) for message in steps[: dice.randrange(1, len(steps) + 1)]]
    for start in range(0, len(messages), 50):
        desk.hear(*messages[start : start + 50])
    now = MORNING + timedelta(hours=dice.randrange(30), minutes=17)
    desk.database.clocks.set(now)
    [standing] = desk.ask("sandun.supervisor.1", GetBoard()).standings

    midnight = (now + timedelta(hours=8)).replace(hour=0, minute=0) - timedelta(hours=8)
    begin, hour = midnight - timedelta(days=29), now.replace(minute=0)
    cases = newest(messages)
    within = [case for case in cases if begin <= case.filed_at <= hour + timedelta(hours=1)]
    disposed = [
        case for case in cases if case.disposed_at and begin <= case.disposed_at < hour + timedelta(hours=1)
    ]
    pending = [case for case in cases if case.disposed_at is None and begin <= case.dispose_due_at < hour]
    late = [
        case
        for case in cases
        if case.disposed_at and case.disposed_at > case.dispose_due_at >= begin and case.dispose_due_at < now
    ]
    due = len(disposed) + len(pending)
    assert standing.filed == len(within)
    assert standing.disposed == len(disposed)
    assert standing.overdue == len(pending) + len(late)
    assert standing.rates["disposal"] == len(disposed) / due
    assert standing.rates["on_time_disposal"] == (
        sum(case.disposed_at <= case.dispose_due_at for case in disposed) / due
    )
    closed = [
        case for case in cases if case.closed_at and begin <= case.closed_at < hour + timedelta(hours=1)
    ]
    unclosed = [case for case in cases if case.closed_at is None and begin <= case.dispose_due_at < hour]
    due_for_closure = [*closed, *unclosed]
    assert standing.rates["closure"] == len(closed) / len(due_for_closure)
    assert standing.rates["rework"] == (
        sum(case.counters.reworks > 0 for case in due_for_closure) / len(due_for_closure)
    )
    extended = [case for case in (*disposed, *pending) if case.counters.extensions]
    assert standing.rates["extension"] == len(extended) / due


def _moved(message: Received[object], by: timedelta) -> Received[object]:
    state = message.data.case
    moments = {
        name: getattr(state, name) + by
        for name in ("filed_at", "dispose_due_at", "disposed_at", "closed_at")
        if getattr(state, name) is not None
    }
    return told(type(message.data)(case=state.model_copy(update=moments)))


def test_the_board_says_what_each_unit_has_in_hand(desk: Projection) -> None:
    done = {"stage": Stage.CLOSED, "disposed_at": MORNING, "closed_at": MORNING}
    desk.hear(
        told(EVENT_OF[Stage.OFFERED](case=case("a"))),
        told(EVENT_OF[Stage.CLOSED](case=case("b", **done))),
        told(EVENT_OF[Stage.OFFERED](case=case("c", unit="sandun/roads"))),
        told(EVENT_OF[Stage.OFFERED](case=case("d", unit=None))),
    )
    desk.hear(told(EVENT_OF[Stage.ACCEPTED](case=case("c", version=2, stage=Stage.ACCEPTED))))
    board: BoardAnswer = desk.ask("sandun.supervisor.1", GetBoard())
    [load] = board.load
    assert (load.unit, load.filed, load.open, load.disposed) == ("sandun/sweep", 3, 2, 1)


def test_a_replay_of_the_log_shuffled_and_a_tenth_of_it_twice_gives_the_live_totals(
    desk: Projection, database_url: Databases
) -> None:
    log = [m for i in range(300) for m in life(f"c-{i}", ("sandun", "wenxin", "xixi")[i % 3], 11)]
    for start in range(0, len(log), 40):
        desk.hear(*log[start : start + 40])
    dice = random.Random(11)
    disturbed = [*log, *dice.sample(log, len(log) // 10)]
    dice.shuffle(disturbed)
    again = analytics(database_url(build_analytics), TestClock(MORNING), {})
    for start in range(0, len(disturbed), 33):
        again.hear(*disturbed[start : start + 33])
    every = "SELECT * FROM analytics.totals ORDER BY tenant, cut, bucket, member"
    live, replayed = desk.rows(every), again.rows(every)
    assert len(live) > 100
    assert [row for row in replayed if any(row[4:])] == [row for row in live if any(row[4:])]
    assert recount(again.database, zone_of, verify=True) == []
    again.database.close()


def test_a_digest_may_read_longer_than_a_services_statements(
    database_url: Databases, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = database_url(build_dispatch)
    engine = create_engine(url)
    with engine.begin() as conn:
        conn.execute(
            text(
                "CREATE VIEW dispatch.many AS SELECT 'sandun' AS tenant, 'a' AS id, 1 AS version,"
                " timestamptz '2026-03-02 12:00Z' AS filed_at FROM pg_sleep(1.5)"
            )
        )
    engine.dispose()
    monkeypatch.setattr(database, "STATEMENT_SECONDS", 1)
    monkeypatch.setattr(digests, "settings", lambda: Settings(database_url=url))
    many = digests.Cases("dispatch", "many", "id")
    assert digests.main(many, []) == 0
    assert capsys.readouterr().out.startswith('["sandun", "2026-03-02", 1, ')
    assert digests.main(many, ["--tenant", "sandun", "--day", "2026-03-02"]) == 0
    assert capsys.readouterr().out == '["a", 1]\n'


def test_dispatch_and_analytics_say_the_same_of_the_same_cases(
    desk: Projection, database_url: Databases
) -> None:
    filed = [case(f"c-{n}", version=n + 1, filed_at=MORNING + timedelta(hours=20 * n)) for n in range(6)]
    desk.hear(*(told(EVENT_OF[Stage.OFFERED](case=state)) for state in filed))
    kept = "(tenant, id, version, report_id, stage, cells, limits, state, filed_at)"
    dispatch = create_engine(database_url(build_dispatch))
    with dispatch.begin() as conn:
        for state in filed:
            row = {"id": state.case_id, "version": state.version, "at": state.filed_at}
            conn.execute(
                text(
                    f"INSERT INTO dispatch.cases {kept}"
                    " VALUES ('sandun', :id, :version, :id, 'offered', '{}', '{}', '{}', :at)"
                ),
                row,
            )
    with desk.database.begin() as work, dispatch.connect() as conn:
        days = list(digests.by_day(work.conn, analytics_digests.CASES))
        assert days == list(digests.by_day(conn, dispatch_digests.CASES))
        assert [(day, count) for _, day, count, _ in days][:2] == [("2026-03-02", 2), ("2026-03-03", 1)]
        of_monday = (MORNING.date(),)
        assert list(digests.of_day(work.conn, analytics_digests.CASES, "sandun", *of_monday)) == list(
            digests.of_day(conn, dispatch_digests.CASES, "sandun", *of_monday)
        )
    desk.hear(told(EVENT_OF[Stage.ACCEPTED](case=filed[0].model_copy(update={"version": 9}))))
    with desk.database.begin() as work:
        changed = list(digests.by_day(work.conn, analytics_digests.CASES))
    assert [one[1] for one, other in zip(days, changed, strict=True) if one != other] == ["2026-03-02"]
    dispatch.dispose()
