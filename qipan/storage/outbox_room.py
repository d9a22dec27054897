"""How much an outbox may hold: an outage of the broker, or of whoever should listen, must not fill the disk."""

import time

from sqlalchemy import Connection, text

from qipan.contracts.errors import OutboxFull

LOOK_SECONDS = 5.0
"""How long a look at the outbox holds good."""


class OutboxRoom:
    """Whether a schema's outbox takes another message: at most `limit` wait in it, and of one tenant half as many.

    Its owner asks before it writes. What is refused is not lost: a request's sender gets 503, an event goes
    back to its queue.
    """

    def __init__(self, schema: str, limit: int) -> None:
        self._limit = limit
        self._next_look = 0.0
        self._span = text(f"SELECT coalesce(max(seq) - min(seq) + 1, 0) FROM {schema}.outbox")
        self._count = text(
            f"SELECT tenant, count(*) FROM (SELECT tenant FROM {schema}.outbox ORDER BY seq LIMIT :most) AS o"
            " GROUP BY tenant"
        )
        self.full = False
        self.full_for: frozenset[str] = frozenset()

    def words(self) -> str:
        """What a person is told when nothing more is taken."""
        return f"more than {self._limit} messages wait for the broker; nothing is taken until it takes them"

    def check(self, conn: Connection) -> None:
        """OutboxFull when there is no room; looks every few seconds only."""
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + LOOK_SECONDS
            self._look(conn)
        if self.full:
            raise OutboxFull(self.words())

    def check_tenant(self, tenant: str) -> None:
        """OutboxFull when, at the last look, too much of one tenant's waited: nobody else is kept out."""
        if tenant in self.full_for:
            raise OutboxFull(f"more than {self._limit // 2} messages of {tenant} wait for a queue of its own")

    def _look(self, conn: Connection) -> None:
        # Both ends of the sequence: never less than the number of rows, and cheap, which counting is not.
        self.full, self.full_for = False, frozenset()
        if int(conn.execute(self._span).scalar_one()) <= self._limit // 2:
            return
        waiting = {row[0]: int(row[1]) for row in conn.execute(self._count, {"most": self._limit + 1})}
        self.full = sum(waiting.values()) > self._limit
        self.full_for = frozenset(tenant for tenant, count in waiting.items() if count > self._limit // 2)
