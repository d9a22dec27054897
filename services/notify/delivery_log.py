"""The delivery log: claimed by one sender at a time, recorded after every attempt."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from services.notify.deliveries import LEASE, Delivery, State, wait_after

_CLAIM = text(
    """
    UPDATE notify.deliveries AS d
    SET state = 'sending', attempts = d.attempts + 1, next_at = :until, changed_at = :now
    FROM (
        SELECT tenant, message_id, recipient, channel FROM notify.deliveries
        WHERE state IN ('queued', 'sending', 'failed') AND next_at <= :now
            AND channel = ANY(:channels)
        ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED
    ) AS due
    WHERE (d.tenant, d.message_id, d.recipient, d.channel)
        = (due.tenant, due.message_id, due.recipient, due.channel)
    RETURNING d.tenant, d.message_id, d.recipient, d.channel, d.key, d.title, d.body, d.attempts
    """
)

_RECORD = text(
    """
    UPDATE notify.deliveries SET state = :state, next_at = :next_at, error = :error, changed_at = :now
    WHERE tenant = :tenant AND message_id = :message_id AND recipient = :recipient AND channel = :channel
        AND state = 'sending' AND attempts = :attempt
    """
)


def claim(conn: Connection, now: datetime, channels: Sequence[str]) -> Delivery | None:
    """Take the delivery that has waited longest, for as long as a lease; None if none by `channels` is due.

    `now` is real time. What other senders are claiming is skipped; a lease that has lapsed is due again.
    """
    row = conn.execute(_CLAIM, {"now": now, "until": now + LEASE, "channels": list(channels)}).first()
    return Delivery(*row) if row is not None else None


def record(
    conn: Connection, delivery: Delivery, outcome: State, now: datetime, error: str | None = None
) -> bool:
    """What came of an attempt; a failed one becomes due again after a growing wait.

    False, and nothing is recorded, when the lease had lapsed and another sender has it meanwhile.
    """
    wait = wait_after(delivery.attempt) if outcome is State.FAILED else None
    done = conn.execute(
        _RECORD,
        {
            "state": outcome.value,
            "next_at": now + wait if wait is not None else now,
            "error": error,
            "now": now,
            "tenant": delivery.tenant,
            "message_id": delivery.message_id,
            "recipient": delivery.recipient,
            "channel": delivery.channel,
            "attempt": delivery.attempt,
        },
    )
    return done.rowcount == 1
