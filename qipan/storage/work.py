"""One short transaction: rows, messages that must be heard, and timers, all or nothing."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection, TextClause, text

from qipan.contracts.base import Event
from qipan.contracts.envelope import Envelope
from qipan.ids import new_id
from qipan.observability import tracing
from qipan.storage.outbox_room import OutboxRoom


class DomainClocks(Protocol):
    """Each tenant's domain time (`qipan.tenancy.clocks.Clocks`)."""

    def now(self, tenant: str) -> datetime: ...

    def real_delay(self, tenant: str, domain: timedelta) -> timedelta: ...


class Unsent(NamedTuple):
    """A message as the outbox holds it."""

    tenant: str
    key: str
    message_id: str
    traceparent: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer that has come due in its tenant's time."""

    tenant: str
    kind: str
    ref: str
    due_at: datetime
    payload: Mapping[str, Any]


class Work:
    """A transaction in progress. Nothing in it may wait for the network, except for the database itself.

    Messages published and timers set are buffered and written in one statement each just before the commit.
    """

    def __init__(
        self,
        conn: Connection,
        schema: str,
        source: str,
        clocks: DomainClocks,
        room: OutboxRoom | None = None,
    ) -> None:
        self._room = room
        self.conn = conn
        self.schema = schema
        self._source = source
        self._clocks = clocks
        # Taken here: the method may run on another greenlet, to which context variables do not go along.
        self._trace = tracing.current()
        self._messages: list[Unsent] = []
        self._timers: dict[tuple[str, str, str], tuple[datetime, str]] = {}
        self.committed: list[Callable[[], None]] = []
        """What is called once the transaction has committed: figures. It must not raise; a kill loses it."""

    def now(self, tenant: str) -> datetime:
        """The tenant's domain time, UTC."""
        return self._clocks.now(tenant)

    def real_delay(self, tenant: str, domain: timedelta) -> float:
        """How many seconds of real time a stretch of the tenant's domain time lasts."""
        return self._clocks.real_delay(tenant, domain).total_seconds()

    def publish(
        self, event: Event, *, tenant: str, subject: str | None = None, trace: str | None = None
    ) -> str:
        """Tell `event` to whoever subscribes, once this transaction has committed; returns the message id.

        `trace` continues the trace of the message that caused this one; without it, the trace in which the
        transaction began goes on.
        """
        traceparent = tracing.child(trace or self._trace)
        message_id = new_id()
        body = Envelope.seal(
            event, id=message_id, source=self._source, tenant=tenant, subject=subject, traceparent=traceparent
        )
        self._messages.append(Unsent(tenant, f"{tenant}.{event.type}", message_id, traceparent, body))
        return message_id

    def set_timer(
        self, *, tenant: str, kind: str, ref: str, due_at: datetime, payload: Mapping[str, Any] | None = None
    ) -> None:
        """Have `kind` fire for `ref` at `due_at` (domain time); setting it again moves it."""
        self._timers[tenant, kind, ref] = (due_at, json.dumps(dict(payload or {})))

    def cancel_timers(self, tenant: str, ref: str, kind: str | None = None) -> None:
        """Forget the timers of `ref`, or only that of `kind`."""
        for key in [k for k in self._timers if k[0] == tenant and k[2] == ref and kind in (None, k[1])]:
            del self._timers[key]
        if kind is None:
            self.conn.execute(
                text(f"DELETE FROM {self.schema}.timers WHERE tenant = :tenant AND ref = :ref"),
                {"tenant": tenant, "ref": ref},
            )
        else:
            self.conn.execute(
                text(
                    f"DELETE FROM {self.schema}.timers WHERE tenant = :tenant AND kind = :kind AND ref = :ref"
                ),
                {"tenant": tenant, "kind": kind, "ref": ref},
            )

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """A part that may fail by itself: what it raises goes on, and what it wrote, said and set is undone."""
        messages, timers = len(self._messages), dict(self._timers)
        try:
            with self.conn.begin_nested():
                yield
        except BaseException:
            del self._messages[messages:]
            self._timers = timers
            raise

    def flush(self, *, to_outbox: bool = True) -> "list[Unsent]":
        """Write what is buffered; called by the database before it commits.

        Returns the messages that were not written because `to_outbox` is off. OutboxFull when there is no room.
        """
        if self._timers:
            keys, values = list(self._timers), list(self._timers.values())
            self.conn.execute(
                _set_timers(self.schema),
                {
                    "tenants": [k[0] for k in keys],
                    "kinds": [k[1] for k in keys],
                    "refs": [k[2] for k in keys],
                    "dues": [v[0] for v in values],
                    "payloads": [v[1] for v in values],
                },
            )
            self._timers = {}
        unsent, self._messages = self._messages, []
        if unsent and to_outbox:
            if self._room is not None:
                self._room.check(self.conn)
            write_outbox(self.conn, self.schema, unsent)
            return []
        return unsent


def write_outbox(conn: Connection, schema: str, messages: Sequence[Unsent]) -> None:
    """Add messages to the schema's outbox in one statement."""
    tenants, keys, ids, traces, bodies = zip(*messages, strict=True)
    conn.execute(
        _write_outbox(schema),
        {
            "tenants": list(tenants),
            "keys": list(keys),
            "ids": list(ids),
            "traces": list(traces),
            "bodies": list(bodies),
        },
    )


@cache
def _write_outbox(schema: str) -> TextClause:
    return text(
        f"INSERT INTO {schema}.outbox (tenant, key, message_id, traceparent, body) "
        "SELECT * FROM unnest(CAST(:tenants AS text[]), CAST(:keys AS text[]), CAST(:ids AS text[]),"
        " CAST(:traces AS text[]), CAST(:bodies AS bytea[]))"
    )


@cache
def _set_timers(schema: str) -> TextClause:
    return text(
        f"INSERT INTO {schema}.timers (tenant, kind, ref, due_at, payload) "
        "SELECT * FROM unnest(CAST(:tenants AS text[]), CAST(:kinds AS text[]), CAST(:refs AS text[]),"
        " CAST(:dues AS timestamptz[]), CAST(:payloads AS jsonb[])) "
        "ON CONFLICT (tenant, kind, ref) DO UPDATE SET due_at = excluded.due_at, payload = excluded.payload"
    )
