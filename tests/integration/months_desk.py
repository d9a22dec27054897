"""The totals' months for tests: made, filled and looked at."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from case_samples import MORNING
from projection_desk import ROOT, xihu
from sqlalchemy import text

from qipan.contracts.figures import GetFigures
from qipan.contracts.queries import GetBoard
from qipan.storage import Database
from qipan.tenancy import TestClock
from services.analytics import partitions, store
from services.analytics.months import Month
from services.analytics.totals import Cut, Key

MARCH = Month(2026, 3)


ANSWERS = {GetBoard: "get_board", GetFigures: "get_figures"}


SERVICES = ROOT / "services"


@contextmanager
def as_role(url: str) -> Iterator[Database]:
    database = Database(url, schema="analytics", clocks=TestClock(MORNING), pool_size=2)
    try:
        yield database
    finally:
        database.close()


def keep(database: Database, *now: datetime) -> list[Month]:
    """Look again and again, until nothing lacks."""
    done: list[Month] = []
    while made := partitions.keep(database, now or (MORNING,)):
        done += made
    return done


def made(database: Database) -> list[Month]:
    with database.begin() as work:
        return partitions.made(work.conn)


def where(database: Database) -> dict[str, int]:
    """How many rows each partition holds, of those that hold any."""
    with database.begin() as work:
        rows = work.conn.execute(
            text("SELECT tableoid::regclass::text, count(*) FROM analytics.totals GROUP BY 1")
        )
        return {str(name).removeprefix("analytics."): count for name, count in rows}


def put(database: Database, at: datetime, tenant: str = "sandun", received: int = 1) -> Key:
    key = Key(tenant, Cut.HOUR, at, "")
    with database.begin() as work:
        store.add_to_totals(work.conn, {key: {"received": received}})
    return key


def totals(database: Database, tenant: str = "sandun") -> Any:
    with database.begin() as work:
        return store.totals_of(work.conn, tenant)


def zone_of(tenant: str) -> str:
    return xihu().tenant(tenant).zone
