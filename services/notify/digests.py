"""Digests: what a reader has gathered for later goes as one message when its time has come."""

from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, text

from qipan.ids import new_id
from services.notify import store, wish_store
from services.notify.deliveries import NO_ADDRESS, State, key_of
from services.notify.desk import DIGEST, Desk
from services.notify.notes import Heading
from services.notify.templates import LANGUAGES

MOST_LINES = 100
"""So many titles are in one digest; the rest are in the next."""

_DUE = text(
    """
    SELECT tenant, recipient, channel, message_id, title, at, about_tenant FROM notify.deliveries
    WHERE state = 'gathering' AND (tenant, recipient, channel) IN (
        SELECT tenant, recipient, channel FROM notify.deliveries
        WHERE state = 'gathering' AND next_at <= :now ORDER BY next_at LIMIT 1
    )
    ORDER BY tenant, recipient, channel, message_id LIMIT :most FOR UPDATE SKIP LOCKED
    """
)
_GATHERED = text(
    """
    UPDATE notify.deliveries SET state = :state, gathered_in = :key, error = :error, changed_at = :now
    WHERE tenant = :tenant AND recipient = :recipient AND channel = :channel AND message_id = ANY(:ids)
    """
)


def gather(conn: Connection, desk: Desk, now: datetime) -> int:
    """Make one reader's digest, if one is due (real time); returns how many messages it has.

    It and its messages change in one transaction: another process skips them meanwhile, a kill loses nothing.
    """
    rows: list[Any] = list(conn.execute(_DUE, {"now": now, "most": MOST_LINES}))
    for (tenant, recipient, channel), found in groupby(rows, key=lambda row: tuple(row[:3])):
        _one(conn, desk, now, tenant, recipient, channel, list(found))
    return len(rows)


def _one(
    conn: Connection, desk: Desk, now: datetime, tenant: str, recipient: str, channel: str, rows: list[Any]
) -> None:
    known, me = desk.directory.person(recipient), (tenant, recipient)
    wished = wish_store.wishes_of(conn, [me]).get(me, wish_store.NONE).language
    language = wished or (known.language if known else LANGUAGES[0])
    words = {"number": str(len(rows)), "lines": "\n".join(row.title for row in rows)}
    said = desk.say(tenant, DIGEST, language, words)
    heading = Heading(new_id(), "digest", tenant, None, None, 0, rows[-1].at)
    notes = list(desk.outside(recipient, tenant, (channel,), language, said, heading))
    store.add(conn, notes)
    asked = {"tenant": tenant, "recipient": recipient, "channel": channel, "now": now}
    asked["ids"] = [row.message_id for row in rows]
    if notes:
        key = key_of(tenant, heading.message_id, recipient, channel)
        came = {"state": State.GATHERED.value, "key": key, "error": None}
    else:  # There is no way to the reader any more: somebody is to see that.
        came = {"state": State.GIVEN_UP.value, "key": None, "error": NO_ADDRESS}
    conn.execute(_GATHERED, asked | came)
