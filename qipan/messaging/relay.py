"""The outbox relay: what was committed is published, confirmed, and only then forgotten.

One relay an outbox works at a time; any number stand by, holding out for a PostgreSQL advisory lock that goes
with its connection. A relay that lost the lock without noticing publishes twice at worst, which inboxes absorb.
"""

import threading
import time
from collections.abc import Callable, Sequence

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from qipan.messaging import outgoing
from qipan.messaging.declaration import Channel
from qipan.messaging.publisher import Fate, Publisher
from qipan.messaging.wire import BROKER_GONE
from qipan.observability import metrics
from qipan.observability.cpu_share import CpuShare
from qipan.observability.logs import logger
from qipan.storage import inbox
from qipan.storage.database import Database
from qipan.storage.work import Unsent

log = logger(__name__)

BATCH = 500
IDLE_SECONDS = (0.02, 0.05, 0.1)
"""How long to wait between looks at an outbox that was not full, growing while it stays empty."""
HOLD_SECONDS = (2.0, 60.0)
"""How long a tenant's messages are left alone after a queue of theirs was missing or full, at first and at most:
nobody else waits, and who did take them is not told twice every moment."""
COUNTED = 10_000
"""Up to so many messages in an outbox are counted exactly; more are told by the span of their numbers."""
TROUBLED_SECONDS = 10.0
"""The longest pause before another try after an error that nobody foresaw."""
TIDY_SECONDS = 3600.0

NOT_TAKEN = (Fate.RETURNED, Fate.REFUSED)

Row = tuple[int, Unsent]


class Relay:
    """Publishes one schema's outbox on a thread of its own.

    `declare(channel)` makes every subscriber's queue before the first publish on a connection; `subscribed(key)`
    tells whether anybody must hear a message, so that one nobody subscribes to does not wait for ever.
    """

    def __init__(
        self,
        database: Database,
        url: str,
        *,
        declare: Callable[[Channel], None],
        subscribed: Callable[[str], bool],
    ) -> None:
        self._database = database
        self._url = url
        self._declare = declare
        self._subscribed = subscribed
        outbox = f"{database.schema}.outbox"
        self._select = text(
            f"SELECT seq, tenant, key, message_id, traceparent, body FROM {outbox}"
            " WHERE tenant <> ALL(CAST(:held AS text[])) ORDER BY seq LIMIT :limit"
        )
        self._delete = text(f"DELETE FROM {outbox} WHERE seq = ANY(CAST(:done AS bigint[]))")
        self._stopping = threading.Event()
        self._state = "standing by"
        self._ok = True
        self._held: dict[str, float] = {}
        self._holds: dict[str, float] = {}
        self._cpu = CpuShare()
        self._thread = threading.Thread(target=self._run, name=f"{database.schema} relay", daemon=True)

    def start(self) -> None:
        """Begin to relay or to stand by."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the batch at hand, then stop."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(15)

    def ready(self) -> tuple[bool, str]:
        """Whether messages leave (or would, if this relay were not standing by), and if not why."""
        if not self._thread.is_alive():
            return False, "the relay has ended"
        return self._ok, self._state

    def cpu_seconds(self) -> float:
        """CPU time that relaying has taken so far."""
        return self._cpu.seconds

    def _run(self) -> None:
        self._cpu.begin()
        pause = 0.1
        while not self._stopping.wait(pause):
            try:
                self._lead()
                pause = 0.5
            except BROKER_GONE as error:
                self._down("the broker is away", error)
                pause = min(2.0, pause * 2)
            except (SQLAlchemyError, TimeoutError) as error:
                self._down("the database is away", error)
                pause = min(2.0, pause * 2)
            except Exception as error:
                # A thread that ends would leave the outbox to grow, and nobody would say so.
                log.exception("the relay failed", schema=self._database.schema)
                self._down(f"it failed: {type(error).__name__}", error)
                pause = min(TROUBLED_SECONDS, pause * 2)

    def _down(self, state: str, error: BaseException) -> None:
        if self._ok:
            log.warning(
                "relay halted",
                schema=self._database.schema,
                why=state,
                error=(str(error).splitlines() or [""])[0],
            )
        self._ok, self._state = False, state

    def _lead(self) -> None:
        """Take the lock if it is free, and relay until told to stop or something goes away."""
        with self._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            name = f"qipan.relay.{self._database.schema}"
            lock = text("SELECT pg_try_advisory_lock(hashtext(:name))")
            if not conn.execute(lock, {"name": name}).scalar():
                self._ok, self._state = True, "standing by"
                self._tell(0.0, 0.0)  # whoever leads tells how it is
                return
            try:
                self._measure(conn)  # here too, for while the broker is away nobody comes further
                self._relay(conn)
            finally:
                # The connection goes back to a pool: without this the lock would stay with it.
                conn.invalidate()

    def _relay(self, conn: Connection) -> None:
        publisher = Publisher(self._url, f"{self._database.schema} relay")
        try:
            self._declare(publisher.wire.channel)
            self._ok, self._state = True, "relaying"
            quiet = 0
            beat_at = tidy_at = time.monotonic()
            while not self._stopping.is_set():
                rows = self._next(conn)
                sent = self._send(conn, publisher, rows) if rows else 0
                quiet = 0 if sent else quiet + 1
                now = time.monotonic()
                if now >= beat_at:
                    beat_at = now + 1
                    publisher.idle(0.0)
                    self._measure(conn)
                    if now >= tidy_at and not inbox.forget_old(
                        conn, self._database.schema, inbox.REMEMBERED_DAYS
                    ):
                        tidy_at = now + TIDY_SECONDS
                    self._held = {tenant: until for tenant, until in self._held.items() if until > now}
                if len(rows) < BATCH:
                    self._stopping.wait(IDLE_SECONDS[min(quiet // 20, len(IDLE_SECONDS) - 1)])
        finally:
            publisher.close()

    def _next(self, conn: Connection) -> Sequence[Row]:
        rows = conn.execute(self._select, {"held": list(self._held), "limit": BATCH})
        return [(row[0], Unsent(*row[1:])) for row in rows]

    def _send(self, conn: Connection, publisher: Publisher, rows: Sequence[Row]) -> int:
        source = self._database.schema
        fates = publisher.publish_all(
            [outgoing.event(message, source, mandatory=self._subscribed(message.key)) for _, message in rows]
        )
        done = [seq for (seq, _), fate in zip(rows, fates, strict=True) if fate is Fate.CONFIRMED]
        if done:
            conn.execute(self._delete, {"done": done})
            metrics.RELAYED.labels(self._database.schema).inc(len(done))
        not_taken = [(m, fate) for (_, m), fate in zip(rows, fates, strict=True) if fate in NOT_TAKEN]
        for tenant in {message.tenant for _, message in rows} - {message.tenant for message, _ in not_taken}:
            self._holds.pop(tenant, None)
        self._hold(publisher, not_taken)
        if Fate.UNKNOWN in fates:
            self._ok, self._state = False, "the broker is silent or blocks publishers"
            self._stopping.wait(1.0)
        elif self._held:
            self._ok, self._state = False, f"queues are missing or full for {', '.join(sorted(self._held))}"
        elif done:
            self._ok, self._state = True, "relaying"
        return len(done)

    def _hold(self, publisher: Publisher, not_taken: Sequence[tuple[Unsent, Fate]]) -> None:
        shortest, longest = HOLD_SECONDS
        for message, fate in {message.tenant: (message, fate) for message, fate in not_taken}.values():
            log.error(
                "a queue did not take a message", key=message.key, id=message.message_id, fate=fate.value
            )
            hold = min(longest, 2 * self._holds.get(message.tenant, shortest / 2))
            self._holds[message.tenant] = hold
            self._held[message.tenant] = time.monotonic() + hold
        if any(fate is Fate.RETURNED for _, fate in not_taken):
            self._declare(publisher.wire.channel)

    def _measure(self, conn: Connection) -> None:
        outbox = f"{self._database.schema}.outbox"
        counted, span, age = conn.execute(
            text(
                f"SELECT (SELECT count(*) FROM (SELECT 1 FROM {outbox} LIMIT :most) AS counted),"
                " coalesce(max(seq) - min(seq) + 1, 0),"
                f" coalesce(extract(epoch FROM now() - (SELECT created_at FROM {outbox} ORDER BY seq LIMIT 1)), 0)"
                f" FROM {outbox}"
            ),
            {"most": COUNTED},
        ).one()
        self._tell(float(counted if counted < COUNTED else span), float(age))

    def _tell(self, depth: float, age: float) -> None:
        metrics.OUTBOX_DEPTH.labels(self._database.schema).set(depth)
        metrics.OUTBOX_AGE.labels(self._database.schema).set(age)
