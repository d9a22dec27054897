"""Deliveries that did not arrive: listed, and sent again under the same key when somebody says so."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from qipan.contracts.deliveries import ListUndelivered, NoteReceipt, Resent, Undelivered, UndeliveredOne
from services.notify.deliveries import State

_PAGE = text(
    """
    SELECT key, channel, destination, recipient, event, case_id, report_id, title, at, state, attempts, next_at,
        error, changed_at
    FROM notify.deliveries
    WHERE tenant = :tenant AND (CAST(:destination AS text) IS NULL OR destination = :destination)
        AND (state = 'given-up' OR (:waiting AND state = 'failed')
            OR (state IN ('queued', 'sending', 'failed') AND next_at < now() - interval '1 hour')
            OR (state = 'gathering' AND next_at < now() - interval '1 hour'))
        AND (CAST(:after AS text) IS NULL OR (message_id, recipient, channel) < (
            SELECT message_id, recipient, channel FROM notify.deliveries WHERE tenant = :tenant AND key = :after
        ))
    ORDER BY message_id DESC, recipient DESC, channel DESC LIMIT :limit
    """
)

_RESEND = text(
    """
    UPDATE notify.deliveries SET state = 'queued', attempts = 0, next_at = now(), changed_at = now()
    WHERE tenant = :tenant AND key = ANY(:keys) AND state IN ('given-up', 'failed')
    RETURNING key
    """
)

_RECEIPT = text(
    """
    UPDATE notify.deliveries SET state = :state, error = :error, changed_at = now()
    WHERE tenant = :tenant AND key = :key AND state IN ('sending', 'accepted', 'delivered')
    """
)


def page(conn: Connection, tenant: str, ask: ListUndelivered) -> Undelivered:
    """What was given up, or also what failed and will be tried again; newest first.

    What should have gone an hour ago is there as well: its destination is gone, or cannot keep up.
    """
    asked = {
        "tenant": tenant,
        "destination": ask.destination,
        "waiting": ask.waiting,
        "after": ask.after,
        "limit": ask.limit + 1,
    }
    rows = [UndeliveredOne(**row) for row in conn.execute(_PAGE, asked).mappings()]
    shown = tuple(rows[: ask.limit])
    return Undelivered(deliveries=shown, next=shown[-1].key if len(rows) > ask.limit else None)


def resend(conn: Connection, tenant: str, keys: Sequence[str]) -> Resent:
    """Queue these again, with all their attempts before them; what is under way or has arrived stays as it is."""
    found = {row[0] for row in conn.execute(_RESEND, {"tenant": tenant, "keys": list(keys)})}
    return Resent(
        queued=tuple(key for key in keys if key in found),
        not_queued=tuple(key for key in keys if key not in found),
    )


def note_receipt(conn: Connection, tenant: str, receipt: NoteReceipt) -> bool:
    """Note a provider's word; False when it has taken nothing under this key. What did not arrive is undelivered."""
    state = State.DELIVERED if receipt.arrived else State.GIVEN_UP
    said = {"tenant": tenant, "key": receipt.key, "state": state.value}
    error = None if receipt.arrived else (receipt.reason or "the provider could not deliver it")
    return conn.execute(_RECEIPT, {**said, "error": error}).rowcount == 1
