"""A provisioned broker, the steward's schema, and stewards on them."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from amqp.exceptions import PreconditionFailed
from sqlalchemy import create_engine, text

from qipan.contracts.commands import Arrive, Lease
from qipan.messaging.dead import DeadLetters
from qipan.messaging.declaration import Queue, declare
from qipan.messaging.definitions import AddedService, Plan
from qipan.messaging.provision import user_url
from qipan.messaging.publisher import Fate, Publisher
from qipan.messaging.wire import Outgoing, Wire
from qipan.storage import Database
from qipan.storage.migrate import migrate
from qipan.tenancy import ServiceSpec
from qipan.testing import Broker
from services.steward import store
from services.steward.broker import Broker as Hands
from services.steward.link import Link
from services.steward.stewardship import Stewardship, Times

ROOT = Path(__file__).parents[3]
SECRET = "of this test"
READING = "reading.observed.v1"
TRIAGED = "report.triaged.v1"
SPECS = (
    ServiceSpec("sandun", "dispatch", "dispatch", None, 1, ()),
    ServiceSpec("sandun", "floodwatch", None, "own/floodwatch.py:FloodWatch", 1, (READING,)),
)
WAITS_MS = (500,)  # one for each service, not four: queues cost a test most of its time
PLAN = Plan(("sandun", "wenxin"), (AddedService("floodwatch", "sandun", (READING,)),), waits_ms=WAITS_MS)


LEFT_OVER = (
    "dispatch@sandun",
    "dispatch@sandun~ex7",
    "calls.dispatch.core",
    "calls.dispatch@sandun",
    "calls.dispatch@sandun~ex7",
    "calls.floodwatch@sandun",
)


def build(url: str) -> None:
    """The steward's schema, as the migrations make it."""
    engine = create_engine(url)
    with engine.begin() as conn:
        conn.execute(text("CREATE SCHEMA steward"))
    engine.dispose()
    migrate(url, "steward", ROOT / "services")


@dataclass
class Post:
    """What one test works with."""

    broker: Broker
    db: Database
    closing: list[Callable[[], None]] = field(default_factory=list)

    def clean(self) -> None:
        """Leave on the broker what was provisioned, as it was, and empty."""
        wire = self.wire()
        for left in LEFT_OVER:
            wire.channel.queue_delete(left)
        wire.channel.exchange_unbind("inbox.dispatch", "events", f"sandun.{READING}")
        for queue in (each for each in PLAN.declarations() if isinstance(each, Queue)):
            try:
                declare(wire.channel, [queue])
            except PreconditionFailed:
                wire = self.wire()
                wire.channel.queue_delete(queue.name)
        declare(wire.channel, PLAN.declarations())
        for queue in (each for each in PLAN.declarations() if isinstance(each, Queue)):
            wire.channel.queue_purge(queue.name)

    def close(self) -> None:
        for close in reversed(self.closing):
            close()

    def url(self, user: str) -> str:
        return user_url(self.broker.url, user, SECRET)

    def hands(self) -> Hands:
        link = Link(self.url("core"), "test steward")
        self.closing.append(link.close)
        return Hands(link, WAITS_MS)

    def steward(self, lease: float = 600.0, quiet: float = 600.0) -> Stewardship:
        """A steward; leases last long and empty queues stay unless a test says otherwise."""
        return Stewardship(self.db, self.hands(), SPECS, Times(lease=lease, drain=lease, quiet=quiet))

    def arrive(
        self,
        steward: Stewardship,
        instance: str = "i-1",
        *,
        tenant: str = "sandun",
        serves: str = "dispatch",
        events: tuple[str, ...] = (TRIAGED,),
    ) -> Lease:
        with self.db.begin() as work:
            return steward.arrive(work.conn, tenant, Arrive(serves=serves, instance=instance, events=events))

    def unbind(self, steward: Stewardship, instance: str = "i-1", serves: str = "dispatch") -> None:
        with self.db.begin() as work:
            steward.unbind(work.conn, "sandun", serves, instance)

    def gone(self, steward: Stewardship, instance: str = "i-1", serves: str = "dispatch") -> None:
        with self.db.begin() as work:
            steward.gone(work.conn, "sandun", serves, instance)

    def lapse(self, instance: str = "i-1") -> None:
        """Let an instance's lease be over."""
        with self.db.begin() as work:
            work.conn.execute(
                text("UPDATE steward.leases SET until = now() - interval '1 s' WHERE instance = :instance"),
                {"instance": instance},
            )

    def holders(self) -> list[str]:
        with self.db.begin() as work:
            return [holder.instance for holder in store.holders(work.conn)]

    def publish(self, *messages: Outgoing, user: str = "core") -> list[Fate]:
        publisher = Publisher(self.url(user), "test")
        try:
            return publisher.publish_all(messages)
        finally:
            publisher.close()

    def say(self, *ids: str, tenant: str = "sandun", type: str = TRIAGED, user: str = "core") -> None:
        fates = self.publish(*(event(id, tenant, type) for id in ids), user=user)
        assert set(fates) == {Fate.CONFIRMED}

    def call(self, *ids: str, tenant: str = "sandun") -> None:
        fates = self.publish(
            *(
                Outgoing(
                    "calls.dispatch",
                    f"{tenant}.case.get.v1",
                    b"{}",
                    {"message_id": id, "correlation_id": f"c-{id}", "reply_to": "r-1", "expiration": "60000"},
                )
                for id in ids
            )
        )
        assert set(fates) == {Fate.CONFIRMED}

    def wire(self, user: str = "core") -> Wire:
        wire = Wire(self.url(user), "test")
        self.closing.append(wire.close)
        return wire

    def slow_instance(self, serves: str = "dispatch", tenant: str = "sandun") -> Wire:
        """Takes one call at a time and never answers: what comes after the first waits."""
        wire = Wire(self.url(tenant), "slow", prefetch=1)
        self.closing.append(wire.close)
        wire.consume(f"calls.{serves}@{tenant}", lambda delivery: None)
        return wire

    def take(self, queue: str, user: str = "core") -> list[Any]:
        """Take everything out of a queue."""
        wire = self.wire(user)
        taken = []
        while (message := wire.channel.basic_get(queue, no_ack=True)) is not None:
            taken.append(message)
        return taken

    def ids(self, queue: str) -> list[str]:
        return sorted(message.properties["message_id"] for message in self.take(queue))

    def letters(self) -> DeadLetters:
        return DeadLetters(self.db)


def event(id: str, tenant: str = "sandun", type: str = TRIAGED) -> Outgoing:
    return Outgoing(
        "events",
        f"{tenant}.{type}",
        f'{{"id":"{id}"}}'.encode(),
        {
            "message_id": id,
            "type": type,
            "delivery_mode": 2,
            "application_headers": {"traceparent": "00-a-b-01"},
        },
    )


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for something to become true; the limit only ends a test that would never end."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)
