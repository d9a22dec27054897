"""Notify's rows: messages in inboxes, written once however often an event comes, and read there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, or_, select, text, update

from qipan.storage import arrays
from services.notify.deliveries import key_of
from services.notify.desk import Note
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

_ADD_MESSAGES = text(
    f"INSERT INTO notify.messages ({_COLUMNS}) SELECT * FROM unnest({_ARRAYS}) ON CONFLICT DO NOTHING"
)
_ADD_DELIVERIES = text(
    f"INSERT INTO notify.deliveries ({_COLUMNS}, channel, key, destination, html) "
    f"SELECT * FROM unnest({_ARRAYS}, CAST(:channel AS text[]), CAST(:key AS text[]),"
    " CAST(:destination AS text[]), CAST(:html AS text[])) ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and the id after which the rest begins."""

    rows: Sequence[Mapping[str, Any]]
    next: str | None


def add(conn: Connection, notes: Sequence[Note]) -> None:
    """Put in-app notes into their inboxes and queue the others for delivery; what is there already stays."""
    # One order everywhere: two replicas that handle the same events wait for each other, never in a circle.
    ordered = sorted(notes, key=lambda note: (note.tenant, note.recipient, note.about.message_id))
    inbox = [note for note in ordered if note.channel == Channel.IN_APP]
    outside = [note for note in ordered if note.channel != Channel.IN_APP]
    if inbox:
        conn.execute(_ADD_MESSAGES, _shared(inbox))
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


def _shared(notes: Sequence[Note]) -> dict[str, str]:
    about = [note.about for note in notes]
    return {
        "tenant": arrays.texts(note.tenant for note in notes),
        "recipient": arrays.texts(note.recipient for note in notes),
        "message_id": arrays.texts(occurrence.message_id for occurrence in about),
        "about_tenant": arrays.texts(occurrence.about.tenant for occurrence in about),
        "case_id": arrays.texts(occurrence.case_id for occurrence in about),
        "report_id": arrays.texts(occurrence.report_id for occurrence in about),
        "version": arrays.numbers(occurrence.version for occurrence in about),
        "event": arrays.texts(occurrence.event for occurrence in about),
        "title": arrays.texts(note.title for note in notes),
        "body": arrays.texts(note.body for note in notes),
        "at": arrays.instants(occurrence.at for occurrence in about),
        "traceparent": arrays.texts(occurrence.traceparent for occurrence in about),
    }
