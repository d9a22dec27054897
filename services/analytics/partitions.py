"""The totals' partitions in the database: months made ahead, filled with what came before them, listed and dropped.

Only the core's own role can: it owns the tables, and a partition is attached by who owns both. `months.py` decides.
"""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from qipan.contracts.errors import Conflict
from qipan.storage import Database
from qipan.storage.walls import closed
from services.analytics.months import Month, reach, wanted

TOTALS, EPOCH, OTHER = "analytics.totals", "analytics.totals_epoch", "analytics.totals_other"
EVERY = 30.0
"""Seconds between two looks whether a month lacks its partition."""

FILLFACTOR = 50
"""Per cent: rows are updated in place over and over, and room is left on each page for that."""

LOCK_MILLISECONDS = 200
"""How long live work may have to queue behind a lock that is not had; then it is tried again another time."""

AT_ONCE = 5000
"""Rows deleted in one transaction."""

_ALONE = text("SELECT pg_try_advisory_xact_lock(hashtext('qipan.analytics.months'))")
_NEXT = text("SELECT pg_advisory_xact_lock(hashtext('qipan.analytics.months'))")
_PATIENCE = text(f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}")
_MADE = text(
    "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
    f" WHERE i.inhparent = '{TOTALS}'::regclass AND c.relname ~ '^totals_[0-9]{{4}}_[0-9]{{2}}$' ORDER BY 1"
)
_MET = text(
    f"SELECT DISTINCT date_trunc('month', bucket, 'UTC') FROM {OTHER} WHERE bucket >= :since AND bucket < :until"
)
_KEPT_SINCE = text("SELECT max(before) FROM analytics.drops")
_DROPPED = text("INSERT INTO analytics.drops (before) VALUES (:before) ON CONFLICT (before) DO NOTHING")
_FORGET = text(
    f"DELETE FROM {OTHER} WHERE ctid = ANY (ARRAY("
    f" SELECT ctid FROM {OTHER} WHERE bucket < :before LIMIT {AT_ONCE} FOR UPDATE SKIP LOCKED))"
)
_COPY = "INSERT INTO {made} SELECT * FROM {other} WHERE bucket >= :since AND bucket < :until"
_STALE = (
    "DELETE FROM {made} AS m WHERE NOT EXISTS (SELECT FROM {other} AS o"
    " WHERE o.bucket >= :since AND o.bucket < :until"
    " AND (o.tenant, o.cut, o.bucket, o.member) = (m.tenant, m.cut, m.bucket, m.member)"
    " AND ROW(o.*) IS NOT DISTINCT FROM ROW(m.*))"
)
_MOVE = (
    "WITH moved AS (DELETE FROM {other} WHERE bucket >= :since AND bucket < :until RETURNING *)"
    " INSERT INTO {made} SELECT * FROM moved ON CONFLICT (tenant, cut, bucket, member) DO NOTHING"
)
_SIZES = text(
    "SELECT c.relname, pg_total_relation_size(c.oid), coalesce(n.rows, 0)"
    " FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
    f" LEFT JOIN (SELECT tableoid, count(*) AS rows FROM {TOTALS} GROUP BY tableoid) AS n ON n.tableoid = c.oid"
    f" WHERE i.inhparent = '{TOTALS}'::regclass ORDER BY 1"
)


class InUse(Conflict):
    """The totals are read or written by somebody who does not finish; try again later."""


class Held(NamedTuple):
    """What one partition holds; `month` is None for the epoch's and the default one."""

    table: str
    month: Month | None
    rows: int
    size: int


def keep(database: Database, now: Collection[datetime]) -> list[Month]:
    """Make what lacks by these clocks and by what lies in the default partition; the months made.

    A transaction each; any replica may. Of those with rows to move only the newest is made each time, so that live work
    goes on between one and the next; what cannot have its lock at once is left for the next time, too.
    """
    since, until = reach(now)
    with database.begin() as work:
        there = made(work.conn)
        met = list(work.conn.execute(_MET, {"since": since, "until": until}).scalars())
        dropped = kept_since(work.conn)
    months = [month for month in wanted(now, met, dropped) if month not in there]
    full = [month for month in months if month.since in met]
    empty = [month for month in months if month.since not in met]
    done = sorted(month for month in (*empty, *full[-1:]) if make(database, month))
    if dropped is not None:
        forget(database, dropped)
    return done


def made(conn: Connection) -> list[Month]:
    """The months that have a partition, in order."""
    return [_month_of(str(name)) for name in conn.execute(_MADE).scalars()]


def kept_since(conn: Connection) -> datetime | None:
    """Before this moment months were dropped; None: never."""
    found: datetime | None = conn.execute(_KEPT_SINCE).scalar_one()
    return found


def make(database: Database, month: Month) -> bool:
    """Make one month's partition, with its rows out of the default one; False when it was not the moment, or when there
    is a table called so, be it one that was detached.

    The rows are copied beside live work into a table that nobody sees. Only to make good what changed meanwhile and
    to attach it are the totals locked: whoever reads or writes waits for that, and then sees all of it. Attaching
    without that lock would let a reader who waits at the default partition miss the rows that have moved.
    """
    given = {"since": month.since, "until": month.until}
    names = {"made": table_of(month), "other": OTHER}
    try:
        with database.begin() as work:
            conn = work.conn
            if not conn.execute(_ALONE).scalar_one() or _is_there(conn, names["made"]):
                return False
            conn.execute(_PATIENCE)
            conn.exec_driver_sql(_CREATE.format(**names, **_bounds(month)))
            for statement in closed(conn, names["made"]):
                conn.exec_driver_sql(statement)
            conn.execute(text(_COPY.format(**names)), given)
            conn.execute(text(f"LOCK TABLE ONLY {TOTALS} IN ACCESS EXCLUSIVE MODE"))
            conn.execute(text(_STALE.format(**names)), given)
            conn.execute(text(_MOVE.format(**names)), given)
            conn.exec_driver_sql(_ATTACH.format(**names, **_bounds(month)))
            conn.exec_driver_sql(f"ALTER TABLE {names['made']} DROP CONSTRAINT fits")
    except OperationalError as error:
        if not isinstance(error.orig, LockNotAvailable):
            raise
        return False
    return True


def held(conn: Connection) -> list[Held]:
    """What there is, counted."""
    conn.execute(text("SET LOCAL statement_timeout = 0"))
    found = []
    for table, size, rows in conn.execute(_SIZES):
        special = f"analytics.{table}" in (EPOCH, OTHER)
        found.append(Held(table, None if special else _month_of(table), rows, size))
    return found


def drop(database: Database, before: Month) -> list[Month]:
    """Drop every month before this one, for good; those that went. InUse when the totals cannot be locked.

    First it is noted, so that neither a late event nor a recount brings them back. Whether they are over is for the
    caller to know (`months.over`).
    """
    with database.begin() as work:
        work.conn.execute(_NEXT)
        work.conn.execute(_DROPPED, {"before": before.since})
        months = [month for month in made(work.conn) if month < before]
    for month in months:
        try:
            with database.begin() as work:
                work.conn.execute(_NEXT)
                work.conn.execute(_PATIENCE)
                work.conn.execute(text(f"DROP TABLE IF EXISTS {table_of(month)}"))
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable):
                raise
            raise InUse from error
    forget(database, before.since)
    return months


def forget(database: Database, before: datetime) -> None:
    """Delete what came late for months that were dropped: parts of figures whose other parts are gone.

    Rows that somebody is writing are passed over, for the next time: who waits for nobody stops nobody.
    """
    while True:
        with database.begin() as work:
            if work.conn.execute(_FORGET, {"before": before}).rowcount < AT_ONCE:
                return


def table_of(month: Month) -> str:
    """Its partition."""
    return f"analytics.totals_{month.year:04}_{month.month:02}"


def _is_there(conn: Connection, table: str) -> bool:
    return conn.execute(text("SELECT to_regclass(:table)"), {"table": table}).scalar() is not None


def _month_of(table: str) -> Month:
    year, month = table.split("_")[-2:]
    return Month(int(year), int(month))


def _bounds(month: Month) -> dict[str, str]:
    return {"since": f"'{month.since.isoformat()}'", "until": f"'{month.until.isoformat()}'"}


# The check says that all rows fit, so that attaching need not look for itself.
_CREATE = (
    f"CREATE TABLE {{made}} (LIKE {TOTALS} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES,"
    " CONSTRAINT fits CHECK (bucket >= {since} AND bucket < {until}))"
    f" WITH (fillfactor = {FILLFACTOR})"
)
_ATTACH = f"ALTER TABLE {TOTALS} ATTACH PARTITION {{made}} FOR VALUES FROM ({{since}}) TO ({{until}})"
