"""The engine of one service's schema: pinged when it had rested, time-outs everywhere, and green under eventlet."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from psycopg.types.array import ListBinaryDumper
from sqlalchemy import Dialect, Engine, create_engine, event, make_url
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from qipan.contracts.errors import OutboxFull
from qipan.storage.outbox_room import OutboxRoom
from qipan.storage.work import DomainClocks, Unsent, Work

CONNECT_SECONDS = 3
STATEMENT_SECONDS = 10
LOCK_SECONDS = 8
"""Shorter than a statement may take, or waiting for another's lock could not be told from being too slow."""
POOL_SECONDS = 5
RESTED_SECONDS = 1.0
"""A pooled connection that nobody used for so long is asked whether it still lives before it is handed out."""


class Database:
    """One service's schema in the database.

    `schema` names the schema and, by default, who is writing (`source` of the messages it publishes).
    `outbox_limit` is how many messages may wait in its outbox; None: any number. `instead_of_outbox` publishes
    messages after the commit, outside of it: what must not be done, for the fault harness's positive control.
    """

    def __init__(
        self,
        url: str,
        *,
        schema: str,
        clocks: DomainClocks,
        source: str | None = None,
        pool_size: int = 8,
        instead_of_outbox: Callable[[Sequence[Unsent]], None] | None = None,
        outbox_limit: int | None = None,
    ) -> None:
        self.room = None if outbox_limit is None else OutboxRoom(schema, outbox_limit)
        self._instead_of_outbox = instead_of_outbox
        self.schema = schema
        self.source = source or schema
        self.clocks = clocks
        self.engine = make_engine(url, pool_size=pool_size, application_name=f"qipan-{self.source}")

    @contextmanager
    def begin(self) -> Iterator[Work]:
        """A transaction that commits when the block ends and rolls back when it raises."""
        with self.engine.begin() as conn:
            work = Work(conn, self.schema, self.source, self.clocks, self.room)
            yield work
            unsent = work.flush(to_outbox=self._instead_of_outbox is None)
        for call in work.committed:
            call()
        if unsent and self._instead_of_outbox is not None:
            self._instead_of_outbox(unsent)

    def check(self) -> None:
        """Raise if the database does not answer."""
        with self.engine.connect() as conn:
            conn.exec_driver_sql("SELECT 1")

    def close(self) -> None:
        """Close the pool's connections."""
        self.engine.dispose()


def make_engine(url: str, *, pool_size: int = 8, application_name: str = "qipan") -> Engine:
    """An engine that never waits for ever: to connect, for a pooled connection, a statement or a dead peer.

    ValueError when `url` is not an address of a database.
    """
    try:
        address = make_url(url).set(drivername="postgresql+psycopg")
    except ArgumentError:
        raise ValueError(
            "QIPAN_DATABASE_URL must look like postgresql://role:password@host:port/database"
        ) from None
    options: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "application_name": application_name[:60],
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": STATEMENT_SECONDS * 1000,
        "options": (
            f"-c statement_timeout={STATEMENT_SECONDS}s -c lock_timeout={LOCK_SECONDS}s"
            f" -c idle_in_transaction_session_timeout={3 * STATEMENT_SECONDS}s -c timezone=UTC"
            # Keys are looked up in memory or on solid disks. Taken for costly, a look-up by key loses against reading
            # the whole table while that is small, and the plan stays when the table has grown.
            " -c random_page_cost=1.1"
        ),
    }
    engine = create_engine(
        address,
        pool_size=pool_size,
        max_overflow=4,
        pool_timeout=POOL_SECONDS,
        hide_parameters=True,  # an error's text goes to the log; what was to be stored does not
        connect_args=options,
    )
    event.listen(engine, "connect", _write_arrays_in_binary)
    event.listen(engine, "checkin", _note_rest)
    event.listen(engine, "checkout", partial(_ping_if_rested, engine.dialect))
    event.listen(engine, "handle_error", _on_error)
    return engine


def _write_arrays_in_binary(connection: Any, _record: object) -> None:
    """Batches go to the database as arrays; as text each of their bodies would be escaped, at 40 times the cost."""
    connection.adapters.register_dumper(list, ListBinaryDumper)


def _note_rest(_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info[_RESTS_SINCE] = time.monotonic()


def _ping_if_rested(dialect: Dialect, connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
    """A dead connection is not handed out, and takes those that are as old with it. A busy one needs no asking: a ping
    would be a quarter of a short transaction, and what breaks within a second would have broken in its midst."""
    since = record.info.get(_RESTS_SINCE)
    if since is None or time.monotonic() - since < RESTED_SECONDS:
        return
    try:
        dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as error:
        raise InvalidatePoolError from error


_RESTS_SINCE = "qipan.rests_since"


def _on_error(context: ExceptionContext) -> None:
    """Take the data out of an error before anybody sees it, and a server that only reads out of the pool.

    PostgreSQL quotes the failing row in DETAIL and CONTEXT, and the input itself in errors about its form (class
    22); an error's text goes to logs and dead letters. What remains is the state and the first line's words.
    """
    original = context.original_exception
    state, said = (
        getattr(original, "sqlstate", None),
        getattr(getattr(original, "diag", None), "message_primary", None),
    )
    if state is None or said is None:
        return  # the driver's own words
    if state == _ONLY_READING:
        context.is_disconnect = True
    if state.startswith("22"):
        said = _QUOTED.sub('"…"', said)
    original.args = (f"{state}: {said}",)
    if context.sqlalchemy_exception is not None:
        kind = type(original)
        context.sqlalchemy_exception.args = (f"({kind.__module__}.{kind.__name__}) {state}: {said}",)


_QUOTED = re.compile(r'".*"', re.DOTALL)
_ONLY_READING = "25006"

_PASSING_CLASSES = frozenset({"08", "40", "53", "57", "58"})
"""No connection, a conflict of transactions, no room, shut down by an operator, a failing disk."""

_PASSING_STATES = frozenset({_ONLY_READING, "25P03", "55P03"})
"""Only reading, as on a server that is no longer the first; a transaction left idle; a lock not had in time."""

_TOO_SLOW = "57014"


def is_passing(error: BaseException) -> bool:
    """Whether the database, not the work, is at fault: it is gone, restarting, full, or asks to try again.

    A statement that took longer than it may is the work's fault, or waiting for it would hold up everybody else
    for ever: a batch is to be divided, and what is too slow alone given up after some tries.
    """
    if isinstance(error, OutboxFull):
        return True
    if not isinstance(error, DBAPIError):
        return isinstance(error, TimeoutError | PoolTimeout)
    if error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", None)
    if state is None:  # the driver's own word: a lost connection, or a value that it cannot send
        return isinstance(error, InterfaceError | OperationalError)
    return state != _TOO_SLOW and (state[:2] in _PASSING_CLASSES or state in _PASSING_STATES)


def is_contested(error: BaseException) -> bool:
    """Whether others held what it needed, by a deadlock or for too long; nothing of its transaction was kept."""
    state = getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None
    return state is not None and (state.startswith("40") or state == "55P03")


def is_too_slow(error: BaseException) -> bool:
    """Whether a statement took longer than any may; nothing of its transaction was kept."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) == _TOO_SLOW
