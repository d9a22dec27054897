"""What a service knows of the cases, day by day, short enough to compare with another service's.

Each service reads its own tables with its own role (`python -m services.<name>.digests`); whoever compares
needs neither. A digest is the sum of a hash of every case with its version, so the order does not matter.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, text

from qipan.settings import settings
from qipan.storage.database import Database
from qipan.tenancy.clocks import Clocks

PAGE = 5000
STATEMENT_SECONDS = 1800
"""A digest reads every case that there is, which takes longer than any statement of a service may."""


class Cases(NamedTuple):
    """Where a service keeps cases: schema, table, and the column of their ids."""

    schema: str
    table: str
    id: str


def by_day(conn: Connection, cases: Cases) -> Iterator[tuple[str, str, int, str]]:
    """(tenant, day of filing in UTC, how many, digest), each that there is."""
    query = text(
        f"SELECT tenant, ((filed_at AT TIME ZONE 'UTC')::date)::text AS day, count(*),"
        f" sum(hashtextextended({cases.id} || '/' || version, 0))::text"
        f" FROM {cases.schema}.{cases.table} WHERE filed_at IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2"
    )
    yield from ((row[0], row[1], row[2], row[3]) for row in conn.execute(query))


def of_day(conn: Connection, cases: Cases, tenant: str, day: date) -> Iterator[tuple[str, int]]:
    """Every case of one day with its version, read in pages."""
    query = text(
        f"SELECT {cases.id}, version FROM {cases.schema}.{cases.table} WHERE tenant = :tenant"
        f" AND filed_at >= :since AND filed_at < :until AND {cases.id} > :after ORDER BY {cases.id} LIMIT {PAGE}"
    )
    since = datetime(day.year, day.month, day.day, tzinfo=UTC)
    given = {"tenant": tenant, "since": since, "until": since + timedelta(days=1)}
    after = ""
    while True:
        page = [(row[0], row[1]) for row in conn.execute(query, {**given, "after": after})]
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1][0]


def main(cases: Cases, arguments: list[str] | None = None) -> int:
    """Print a JSON list a line: every day's digest, or with a tenant and a day the cases of that day."""
    parser = argparse.ArgumentParser(prog=f"services.{cases.schema}.digests", description=__doc__)
    parser.add_argument("--tenant")
    parser.add_argument("--day", type=date.fromisoformat)
    asked = parser.parse_args(arguments)
    process = settings()
    database = Database(process.database_url, schema=cases.schema, clocks=Clocks.from_json(process.clocks))
    with closing(database), database.engine.connect() as conn:
        conn.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'"))
        rows: Iterator[tuple[object, ...]] = (
            of_day(conn, cases, asked.tenant, asked.day)
            if asked.tenant and asked.day
            else by_day(conn, cases)
        )
        for row in rows:
            sys.stdout.write(f"{json.dumps(row)}\n")
    return 0
