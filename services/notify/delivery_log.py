"""The delivery log: claimed by one sender at a time for one destination, recorded after every attempt."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from services.notify.channel import NotAccepted, Outgoing
from services.notify.deliveries import LEASE, Delivery, State, wait_after
from services.notify.gate import Gate

_WAITING = "state IN ('queued', 'sending', 'failed')"

_DUE = text(
    f"""
    SELECT name FROM unnest(CAST(:names AS text[])) AS name
    WHERE EXISTS (
        SELECT FROM notify.deliveries WHERE destination = name AND {_WAITING} AND next_at <= :now
    ) AND NOT EXISTS (
        SELECT FROM notify.destinations AS gate WHERE gate.name = name.name
            AND greatest(gate.shut_until, gate.free_at) > :now
    )
    """
)

_CLAIM = text(
    f"""
    UPDATE notify.deliveries AS d
    SET state = 'sending', attempts = d.attempts + 1, next_at = :until, changed_at = :now
    FROM (
        SELECT tenant, message_id, recipient, channel FROM notify.deliveries
        WHERE destination = :destination AND {_WAITING} AND next_at <= :now
        ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED
    ) AS due
    WHERE (d.tenant, d.message_id, d.recipient, d.channel)
        = (due.tenant, due.message_id, due.recipient, due.channel)
    RETURNING d.tenant, d.message_id, d.recipient, d.channel, d.attempts,
        d.key, d.title, d.body, d.html, d.event, d.about_tenant, d.case_id, d.report_id, d.at
    """
)

_RECORD = text(
    """
    UPDATE notify.deliveries SET state = :state, next_at = :next_at, error = :error, changed_at = :now
    WHERE tenant = :tenant AND message_id = :message_id AND recipient = :recipient AND channel = :channel
        AND state = 'sending' AND attempts = :attempt
    """
)

_SHOW_GATE = text(
    "SELECT failures, shut_until, free_at FROM notify.destinations WHERE name = :name FOR UPDATE"
)
_KEEP_GATE = text(
    """
    INSERT INTO notify.destinations (name, failures, shut_until, free_at)
    VALUES (:name, :failures, :shut_until, :free_at)
    ON CONFLICT (name) DO UPDATE SET failures = excluded.failures, shut_until = excluded.shut_until,
        free_at = excluded.free_at
    """
)


def due(conn: Connection, now: datetime, destinations: Sequence[str]) -> list[str]:
    """Which of these destinations have something to send and are not left alone at present. `now` is real time."""
    return [row[0] for row in conn.execute(_DUE, {"now": now, "names": list(destinations)})]


def claim(conn: Connection, now: datetime, destination: str, rate: float | None = None) -> Delivery | None:
    """Take the delivery that has waited longest for a destination, for as long as a lease; None if none may go now.

    `now` is real time, `rate` messages a second the most. What other senders are claiming is skipped; a lease
    that has lapsed is due again.
    """
    before = gate(conn, destination)
    if not before.opens(now):
        return None
    row = conn.execute(_CLAIM, {"now": now, "until": now + LEASE, "destination": destination}).first()
    if row is None:
        return None
    _keep(conn, destination, before, before.passing(now, rate, LEASE))
    return Delivery(*row[:5], message=Outgoing(*row[5:]))


def record(
    conn: Connection,
    delivery: Delivery,
    outcome: State,
    now: datetime,
    error: str | None = None,
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


def note(conn: Connection, destination: str, now: datetime, trouble: NotAccepted | None) -> None:
    """Let the destination's gate know what came of an attempt; who refuses one message is well."""
    before = gate(conn, destination)
    retry_after = trouble.retry_after if trouble else None
    failed = trouble is not None and not trouble.of_message
    after = before.after(now, failed=failed, retry_after=retry_after)
    _keep(conn, destination, before, after)


def spare(conn: Connection, destination: str, claimed_at: datetime) -> None:
    """Let the gate know that the destination was not asked for what was claimed then: the next need not wait."""
    before = gate(conn, destination)
    _keep(conn, destination, before, before.spared(claimed_at + LEASE))


def gate(conn: Connection, destination: str) -> Gate:
    """What is remembered of a destination; held until the transaction ends, so that replicas count together."""
    row = conn.execute(_SHOW_GATE, {"name": destination}).first()
    return Gate(*row) if row is not None else Gate()


def _keep(conn: Connection, destination: str, before: Gate, after: Gate) -> None:
    if after != before:
        conn.execute(
            _KEEP_GATE,
            {
                "name": destination,
                "failures": after.failures,
                "shut_until": after.shut_until,
                "free_at": after.free_at,
            },
        )
