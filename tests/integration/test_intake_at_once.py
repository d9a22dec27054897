"""Triage with many at once: replicas that meet, what a batch costs, and how the tables are read."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from qipan.contracts.case import Stage
from qipan.contracts.events import CaseFiled
from qipan.contracts.level import Level
from qipan.testing import Databases
from services.intake import store
from services.intake.desk import Desk
from services.intake.triage_batch import triage
from tests.integration.intake_here import SANDUN, build_intake, opened, xihu
from tests.integration.intake_office import RUBBISH, Office, case


@pytest.fixture
def office(database_url: Databases) -> Iterator[Office]:
    with opened(database_url(build_intake)) as here:
        yield Office(here, Desk(xihu()))


def waits_for_a_lock(office: Office) -> bool:
    """Whether some transaction of this database waits at a place where another is."""
    with office.here.database.begin() as work:
        waiting = (
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return bool(work.conn.execute(text(waiting)).scalar_one())


def test_two_replicas_with_the_same_thing_at_once_file_one_case(office: Office) -> None:
    """Neither sees what the other has not committed: the later one waits, also for an emergency.

    Whoever is elsewhere, or has another matter, waits for nobody.
    """
    for words, level, other in (
        ("文三路口暴露垃圾成堆", None, "s:01037"),
        ("路灯不亮，一片漆黑", Level.URGENT, "s:06011"),
    ):
        first = office.report(words)
        [earlier] = office.received()
        earlier = replace(earlier, data=earlier.data.model_copy(update={"level": level}))
        second = office.report(f"{words}！", lon=SANDUN["lon"] + 0.0003)
        same = office.received()
        apart = [office.report(words, lon=SANDUN["lon"] + 0.008), office.report(words, matter=other)]
        others = office.received()
        with ThreadPoolExecutor(1) as replica:
            with office.here.database.begin() as work:
                triage(work, office.desk, [earlier])
                office.triage(others)
                later = replica.submit(office.triage, same)
                while not waits_for_a_lock(office):
                    assert not later.done()  # the control: without the lock it would be through
            later.result(timeout=60)
        told = [office.outcome(report_id) for report_id in (first, second, *apart)]
        assert told == ["file", "merge", "file", "file"]
        assert office.row(second).merged_into == first
        office.received()


def test_a_batch_costs_three_statements_and_an_outbox_insert_however_large(office: Office) -> None:
    for count in (2, 40):
        for number in range(count):
            office.report(f"{number} 号楼前暴露垃圾", lon=SANDUN["lon"] + number % 20 * 0.0004)
        batch = office.received()
        statements: list[tuple[str, Any]] = []

        def note(_conn: Connection, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
            statements.append((statement, parameters))  # noqa: B023 - this round's list is meant

        event.listen(office.here.database.engine, "before_cursor_execute", note)
        office.triage(batch)
        event.remove(office.here.database.engine, "before_cursor_execute", note)
        assert len(statements) == 4, statements
        [places] = [told["places"] for statement, told in statements if "pg_advisory_xact_lock" in statement]
        numbers = [int(number) for number in places.strip("{}").split(",")]
        # In one order, so that replicas never wait for each other in a circle.
        assert numbers == sorted(set(numbers))
        assert len(numbers) > (count > 2) * 3


def test_the_search_for_duplicates_stays_on_its_index(office: Office) -> None:
    with office.here.database.begin() as work:
        work.conn.execute(
            text(
                "INSERT INTO intake.reports (tenant, report_id, client, channel, text, lon, lat, received_at,"
                " status, changed_at, matter, bucket) SELECT 'sandun', 'r' || n, 'c', 'citizen', 'x', 120,"
                " 30, now(), 'filed', now(), 's:06010', n % 50 FROM generate_series(1, 20000) AS n"
            )
        )
        plan = work.conn.execute(
            text(f"EXPLAIN {store.OPEN_NEAR}"),
            {
                "probes": '[{"tenant":"sandun","bucket":7,"matter":"s:06010","since":"2026-01-01T00:00:00Z",'
                '"west":119,"south":29,"east":121,"north":31}]'
            },
        )
        words = "\n".join(row[0] for row in plan)
    assert "reports_open" in words
    assert "Seq Scan on reports" not in words


def test_what_becomes_of_a_report_is_written_by_its_key_in_a_young_table_too(office: Office) -> None:
    """Plans are made early and kept: one that reads the whole table would go on doing so while it grows."""
    with office.here.database.begin() as work:
        work.conn.execute(
            text(
                "INSERT INTO intake.reports (tenant, report_id, client, channel, text, lon, lat, received_at,"
                " status, changed_at) SELECT 'sandun', 'r' || n, 'c', 'citizen', repeat('字', 100), 120,"
                " 30, now(), 'received', now() FROM generate_series(1, 500) AS n"
            )
        )
    report_id = office.report("暴露垃圾", matter=RUBBISH)
    told = []

    def note(_conn: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "UPDATE intake.reports" in statement:
            told.append(statement)

    event.listen(office.here.database.engine, "before_cursor_execute", note)
    office.triage()
    office.follow(CaseFiled(case=case(report_id, 1, Stage.OFFERED)))
    event.remove(office.here.database.engine, "before_cursor_execute", note)
    assert len(told) == 2
    for statement in told:
        assert "Seq Scan on reports" not in office.kept_plan(statement)
        unbounded = re.sub(r"LIMIT CAST\(%\(so_many\)s\S* AS int\)", "", statement)
        assert unbounded != statement
        assert "Seq Scan on reports" in office.kept_plan(unbounded)  # the control
