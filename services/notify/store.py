"""Notify's rows: messages in inboxes, written once however often an event comes, and read there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, or_, select, text, update

from qipan.storage import arrays
from services.notify.deliveries import key_of
from services.notify.notes import Note
from services.notify.rules import Channel
from services.notify.tables import deliveries, messages

_SHARED = (
    "tenant",
    "recipient",
    "message_id",
    "about_tenant",
    "case_id",
    "report_id",
    "version",
    "event",
    "title",
    "body",
    "at",
    "traceparent",
)
_COLUMNS = ", ".join(_SHARED)
_TYPES = {"version": "integer", "at": "timestamptz"}
_ARRAYS = ", ".join(f"CAST(:{name} AS {_TYPES.get(name, 'text')}[])" for name in _SHARED)

# Stamped once the lock is held: whoever asks what is new waits for no earlier stamp than the oldest lock (`news`).
_ADD_MESSAGES = text(
    "WITH begun AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared("
    "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)))"
    f" INSERT INTO notify.messages ({_COLUMNS}, callout_id, created_at)"
    f" SELECT new.*, clock_timestamp() FROM begun, unnest({_ARRAYS}, CAST(:callout_id AS text[])) AS new"
    " ON CONFLICT DO NOTHING"
)
_ADD_DELIVERIES = text(
    f"INSERT INTO notify.deliveries ({_COLUMNS}, channel, key, destination, html, state, next_at) "
    f"SELECT {_COLUMNS}, channel, key, destination, html, state, now() + make_interval(secs => wait)"
    f" FROM unnest({_ARRAYS}, CAST(:channel AS text[]), CAST(:key AS text[]), CAST(:destination AS text[]),"
    " CAST(:html AS text[]), CAST(:state AS text[]), CAST(:wait AS double precision[]))"
    f" AS new ({_COLUMNS}, channel, key, destination, html, state, wait) ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and the id after which the rest begins."""

    rows: Sequence[Mapping[str, Any]]
    next: str | None


Delay = Callable[[str, timedelta], timedelta]
"""How long (real time) a stretch of a tenant's domain time lasts: (tenant, stretch)."""


def add(conn: Connection, notes: Sequence[Note], delay: Delay = lambda _, stretch: stretch) -> None:
    """Put in-app notes into their inboxes and queue the others for delivery; what is there already stays."""
    # One order everywhere: two replicas that handle the same events wait for each other, never in a circle.
    ordered = sorted(notes, key=lambda note: (note.tenant, note.recipient, note.about.message_id))
    inbox = [note for note in ordered if note.channel == Channel.IN_APP]
    outside = [note for note in ordered if note.channel != Channel.IN_APP]
    if inbox:
        callouts = arrays.texts(note.callout_id for note in inbox)
        conn.execute(_ADD_MESSAGES, {**_shared(inbox), "callout_id": callouts})
    if outside:
        keys = (key_of(note.tenant, note.about.message_id, note.recipient, note.channel) for note in outside)
        conn.execute(
            _ADD_DELIVERIES,
            {
                **_shared(outside),
                "channel": arrays.texts(note.channel for note in outside),
                "key": arrays.texts(keys),
                "destination": arrays.texts(note.destination for note in outside),
                "html": arrays.texts(note.html for note in outside),
                "state": arrays.texts("gathering" if note.gathered else "queued" for note in outside),
                "wait": arrays.texts(str(_wait(note, delay)) for note in outside),
            },
        )


def page(
    conn: Connection, tenant: str, recipient: str, limit: int, after: str | None, unread_only: bool
) -> Page:
    """A person's messages, newest first."""
    query = select(messages).where(messages.c.tenant == tenant, messages.c.recipient == recipient)
    if after is not None:
        query = query.where(messages.c.message_id < after)
    if unread_only:
        query = query.where(messages.c.read_at.is_(None))
    found = conn.execute(query.order_by(messages.c.message_id.desc()).limit(limit + 1))
    rows = [row._asdict() for row in found]
    return Page(rows[:limit], rows[limit - 1]["message_id"] if len(rows) > limit else None)


def mark_read(conn: Connection, tenant: str, recipient: str, message_id: str, now: datetime) -> bool:
    """Note when a message was first read; False when this person has no such message."""
    mine = (
        messages.c.tenant == tenant,
        messages.c.recipient == recipient,
        messages.c.message_id == message_id,
    )
    done = conn.execute(update(messages).where(*mine, messages.c.read_at.is_(None)).values(read_at=now))
    return done.rowcount > 0 or conn.execute(select(messages.c.message_id).where(*mine)).first() is not None


def told_about(conn: Connection, tenant: str, subject: str, limit: int = 500) -> list[dict[str, Any]]:
    """Every message and delivery about a case, or a report before it has one, in the order of the steps."""
    found: list[dict[str, Any]] = []
    for table in (messages, deliveries):
        meant = or_(table.c.case_id == subject, table.c.report_id == subject)
        query = select(table).where(table.c.about_tenant == tenant, meant)
        rows = conn.execute(query.order_by(table.c.version).limit(limit)).mappings()
        found.extend({"channel": Channel.IN_APP.value, **row} for row in rows)
    return sorted(found, key=lambda row: (row["version"], row["created_at"], row["recipient"]))


def _wait(note: Note, delay: Delay) -> float:
    """Real seconds until it may go; a clock that stands still is taken for one that goes."""
    if note.at is None:
        return 0.0
    stretch = note.at - note.about.at
    return min(delay(note.tenant, stretch), max(stretch, timedelta(0))).total_seconds()


def _shared(notes: Sequence[Note]) -> dict[str, str]:
    about = [note.about for note in notes]
    return {
        "tenant": arrays.texts(note.tenant for note in notes),
        "recipient": arrays.texts(note.recipient for note in notes),
        "message_id": arrays.texts(heading.message_id for heading in about),
        "about_tenant": arrays.texts(heading.tenant for heading in about),
        "case_id": arrays.texts(heading.case_id for heading in about),
        "report_id": arrays.texts(heading.report_id for heading in about),
        "version": arrays.numbers(heading.version for heading in about),
        "event": arrays.texts(heading.event for heading in about),
        "title": arrays.texts(note.title for note in notes),
        "body": arrays.texts(note.body for note in notes),
        "at": arrays.instants(heading.at for heading in about),
        "traceparent": arrays.texts(heading.traceparent for heading in about),
    }
