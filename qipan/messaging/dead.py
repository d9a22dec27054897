"""The store of dead letters: each kept whole until a person redrives or discards it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from amqp.exceptions import NotFound as NoSuchExchange
from sqlalchemy import Connection, text

from qipan.contracts.errors import Conflict, NotFound
from qipan.messaging import topology
from qipan.messaging.dead_letter import REDRIVEN_HEADER, DeadLetter
from qipan.messaging.headers import carried_on
from qipan.messaging.publisher import Fate, Publisher
from qipan.messaging.wire import Outgoing
from qipan.storage.database import Database
from qipan.storage.inbox import REMEMBERED_DAYS

AT_ONCE = 100

SENDING_SECONDS = 60
"""After how long a letter that was being sent, and of which nothing was heard, may be sent by somebody else."""

KEPT_DAYS = 185
"""Settled letters are a record of what operators did: kept for the six months that such records must be."""

_COLUMNS = (
    "tenant, id, service, message_id, key, reason, traceback, properties, headers, body,"
    " redrives, first_at, last_at, state"
)


class DeadLetters:
    """The store, over the steward's schema."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, letters: Sequence[DeadLetter]) -> None:
        """Keep them. A death delivered twice is kept once; a redriven one that died again is open again."""
        if not letters:
            return
        with self._db.begin() as work:
            work.conn.execute(
                text(
                    "INSERT INTO steward.dead_letters AS d (tenant, id, service, message_id, key, reason,"
                    " traceback, properties, headers, body, redrives) VALUES (:tenant, :id, :service,"
                    " :message_id, :key, :reason, :traceback, :properties, :headers, :body, :redrives)"
                    " ON CONFLICT (tenant, id) DO UPDATE SET state = 'open', reason = excluded.reason,"
                    " traceback = excluded.traceback, headers = excluded.headers, last_at = clock_timestamp()"
                    " WHERE d.state IN ('redriven', 'redriving') AND d.redrives <= excluded.redrives"
                ),
                [_row(letter) for letter in sorted(letters, key=lambda each: (each.tenant, each.id))],
            )

    def page(
        self,
        *,
        tenant: str | None = None,
        service: str | None = None,
        state: str = "open",
        limit: int = 100,
        after: str | None = None,
    ) -> list[DeadLetter]:
        """A page, oldest first; `after` is the id of the last one seen."""
        with self._db.begin() as work:
            return _letters(
                work.conn,
                "state = ANY(:states) AND (CAST(:tenant AS text) IS NULL OR tenant = :tenant)"
                " AND (CAST(:service AS text) IS NULL OR service = :service)"
                " AND (CAST(:after AS text) IS NULL OR (first_at, id) >"
                " (SELECT first_at, id FROM steward.dead_letters WHERE id = :after))"
                " ORDER BY first_at, id LIMIT :limit",
                {
                    "tenant": tenant,
                    "service": service,
                    "states": ["open", "redriving"] if state == "open" else [state],
                    "limit": limit,
                    "after": after,
                },
            )

    def about(self, subject: str, limit: int = 100) -> list[DeadLetter]:
        """Those whose body names `subject` (a case's or a report's id), in whatever state, oldest first."""
        with self._db.begin() as work:
            return _letters(
                work.conn,
                "position(CAST(:subject AS bytea) IN body) > 0 ORDER BY first_at, id LIMIT :limit",
                {"subject": subject.encode(), "limit": limit},
            )

    def counts(self) -> dict[tuple[str, str], int]:
        """How many are open, by tenant and service."""
        with self._db.begin() as work:
            rows = work.conn.execute(
                text(
                    "SELECT tenant, service, count(*) FROM steward.dead_letters"
                    " WHERE state IN ('open', 'redriving') GROUP BY tenant, service ORDER BY tenant, service"
                )
            )
            return {(row[0], row[1]): int(row[2]) for row in rows}

    def oldest_age(self) -> float:
        """For how many seconds of real time the oldest open one has waited; 0 when there is none."""
        with self._db.begin() as work:
            age = work.conn.execute(
                text(
                    "SELECT extract(epoch FROM clock_timestamp() - min(last_at)) FROM steward.dead_letters"
                    " WHERE state IN ('open', 'redriving')"
                )
            ).scalar_one()
        return 0.0 if age is None else max(0.0, float(age))

    def show(self, id: str) -> DeadLetter:
        """One of them; NotFound."""
        with self._db.begin() as work:
            found = _letters(work.conn, "id = :id", {"id": id})
        if not found:
            raise NotFound(f"There is no dead letter {id!r}.")
        return found[0]

    def redrive(self, ids: Iterable[str], publisher: Publisher, by: str) -> list[str]:
        """Send open ones to their service again, under their own key and message id; returns which went.

        Only what the broker confirmed counts, and what the service has handled meanwhile it does not handle
        twice. NotFound when one is for a service that the broker does not know; Conflict, before anything is
        sent, when one is older than it is remembered what was handled.
        """
        done: list[str] = []
        wanted = list(ids)
        self._refuse_the_forgotten(wanted)
        for start in range(0, len(wanted), AT_ONCE):
            letters = self._taken(wanted[start : start + AT_ONCE], by)
            went: list[str] = []
            try:
                fates = publisher.publish_all([_again(letter) for letter in letters])
                went = [each.id for each, fate in zip(letters, fates, strict=True) if fate is Fate.CONFIRMED]
            except NoSuchExchange as error:
                services = ", ".join(sorted({letter.service for letter in letters}))
                raise NotFound(f"One of these services is unknown to the broker: {services}") from error
            finally:
                self._sent(letters, went)
            done += went
        return done

    def _refuse_the_forgotten(self, ids: Sequence[str]) -> None:
        with self._db.begin() as work:
            forgotten = work.conn.execute(
                text(
                    "SELECT id FROM steward.dead_letters WHERE id = ANY(:ids) AND state IN ('open', 'redriving')"
                    " AND first_at < now() - make_interval(days => :days) ORDER BY first_at, id LIMIT 5"
                ),
                {"ids": list(ids), "days": REMEMBERED_DAYS},
            ).scalars()
            if found := ", ".join(forgotten):
                raise Conflict(
                    f"Too old to be sent again: {found}. What was handled is remembered for {REMEMBERED_DAYS} days;"
                    " sent again after that, a message might take effect twice. Read it, see to it, discard it."
                )

    def _taken(self, ids: Sequence[str], by: str) -> list[DeadLetter]:
        """Mark letters as being sent, so that nothing is locked while the broker is asked.

        One that was marked and whose sender then died is taken again a minute later.
        """
        with self._db.begin() as work:
            letters = _letters(
                work.conn,
                "id = ANY(:ids) AND key <> '' AND (state = 'open' OR (state = 'redriving'"
                f" AND settled_at < clock_timestamp() - interval '{SENDING_SECONDS} seconds'))"
                " ORDER BY tenant, id FOR UPDATE",
                {"ids": list(ids)},
            )
            _settle(work.conn, [letter.id for letter in letters], "redriving", by)
        return letters

    def _sent(self, letters: Sequence[DeadLetter], went: Sequence[str]) -> None:
        """What went is redriven, what did not is open again; one that has died again meanwhile stays open."""
        with self._db.begin() as work:
            work.conn.execute(
                text(
                    "UPDATE steward.dead_letters"
                    " SET state = CASE WHEN id = ANY(:went) THEN 'redriven' ELSE 'open' END,"
                    " redrives = redrives - CASE WHEN id = ANY(:went) THEN 0 ELSE 1 END"
                    " WHERE id = ANY(:ids) AND state = 'redriving'"
                ),
                {"went": list(went), "ids": [letter.id for letter in letters]},
            )

    def forget_settled(self, days: int = KEPT_DAYS) -> int:
        """Drop letters that were redriven or discarded more than `days` ago; returns how many. Open ones stay."""
        with self._db.begin() as work:
            return work.conn.execute(
                text(
                    "DELETE FROM steward.dead_letters WHERE state IN ('redriven', 'discarded')"
                    " AND settled_at < now() - make_interval(days => :days)"
                ),
                {"days": days},
            ).rowcount

    def discard(self, ids: Iterable[str], by: str) -> list[str]:
        """Close open ones without sending them anywhere; returns which were closed. They stay readable."""
        with self._db.begin() as work:
            found = _letters(
                work.conn,
                "id = ANY(:ids) AND state = 'open' ORDER BY tenant, id FOR UPDATE",
                {"ids": list(ids)},
            )
            closed = [letter.id for letter in found]
            _settle(work.conn, closed, "discarded", by)
        return closed


def _again(letter: DeadLetter) -> Outgoing:
    kept = {name: value for name, value in letter.properties.items() if value is not None}
    headers = {name: value for name, value in carried_on(letter.headers).items() if not _is_ours(name)}
    headers[REDRIVEN_HEADER] = letter.redrives + 1
    return Outgoing(
        topology.inbox(letter.service),
        letter.key,
        letter.body,
        {**kept, "message_id": letter.message_id, "delivery_mode": 2, "application_headers": headers},
    )


def _is_ours(name: str) -> bool:
    return name.startswith("qipan-")


def _settle(conn: Connection, ids: Sequence[str], state: str, by: str) -> None:
    conn.execute(
        text(
            "UPDATE steward.dead_letters SET state = CAST(:state AS text), settled_by = :by,"
            " settled_at = clock_timestamp(),"
            " redrives = redrives + CASE CAST(:state AS text) WHEN 'redriving' THEN 1 ELSE 0 END"
            " WHERE id = ANY(:ids)"
        ),
        {"ids": list(ids), "state": state, "by": by},
    )


def _letters(conn: Connection, where: str, values: Mapping[str, Any]) -> list[DeadLetter]:
    rows = conn.execute(text(f"SELECT {_COLUMNS} FROM steward.dead_letters WHERE {where}"), values)
    return [DeadLetter(**{**row, "body": bytes(row["body"])}) for row in rows.mappings()]


def _row(letter: DeadLetter) -> dict[str, Any]:
    return {
        "tenant": letter.tenant,
        "id": letter.id,
        "service": letter.service,
        "message_id": letter.message_id,
        "key": letter.key,
        "reason": letter.reason,
        "traceback": letter.traceback,
        "properties": json.dumps(letter.properties, ensure_ascii=False),
        "headers": json.dumps(letter.headers, ensure_ascii=False),
        "body": letter.body,
        "redrives": letter.redrives,
    }
