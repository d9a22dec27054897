"""Two schemas with core tables, a broker with the core's topology, and the means to watch messages arrive."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import MetaData, create_engine, text

from qipan.contracts.base import Event
from qipan.contracts.events import ReportReceived
from qipan.messaging import topology
from qipan.messaging.consumer import Consumer, Policy
from qipan.messaging.received import Received
from qipan.messaging.relay import Relay
from qipan.messaging.wire import Wire
from qipan.storage import Database, Work, core_tables
from qipan.tenancy.clocks import Clocks
from qipan.testing import Broker, Databases

DELAYS_MS = (300, 600)


def build(url: str) -> None:
    """Schemas `intake` and `dispatch` with core tables; `effects` has no natural key, so doubles show."""
    engine = create_engine(url)
    with engine.begin() as conn:
        for schema in ("intake", "dispatch"):
            conn.execute(text(f"CREATE SCHEMA {schema}"))
            metadata = MetaData(schema=schema)
            core_tables(metadata)
            metadata.create_all(conn)
        conn.execute(text("CREATE TABLE dispatch.effects (tenant text, report_id text)"))
    engine.dispose()


@dataclass
class Handler:
    """Writes one row an event; fails where it is told to."""

    name: str = "effects"
    fails: Callable[[Received[Any]], bool] = lambda message: False
    batches: list[int] = field(default_factory=list)

    def run(self, work: Work | None, batch: Sequence[Received[Any]]) -> None:
        self.batches.append(len(batch))
        for message in batch:
            if self.fails(message):
                raise ValueError(f"{message.data.report_id} cannot be handled")
        if work is not None:
            work.conn.execute(
                text("INSERT INTO dispatch.effects VALUES (:tenant, :report_id)"),
                [{"tenant": m.tenant, "report_id": m.data.report_id} for m in batch],
            )


@dataclass
class House:
    """What one test works with."""

    broker: Broker
    admin: str
    sender: Database
    receiver: Database
    running: list[Any] = field(default_factory=list)

    @property
    def user(self) -> str:
        return self.broker.url.split("//")[1].split(":")[0]

    def wire(self, confirm: bool = False) -> Wire:
        wire = Wire(self.broker.url, "test", confirm=confirm)
        self.running.append(wire.close)
        return wire

    def say(self, count: int, *, tenant: str = "sandun", start: int = 0) -> None:
        with self.sender.begin() as work:
            for number in range(start, start + count):
                work.publish(report(f"r{number}"), tenant=tenant, subject=f"r{number}")

    def relay(self, subscribed: Callable[[str], bool] = lambda key: True) -> Relay:
        wanted = topology.core_declarations(waits_ms=DELAYS_MS)
        relay = Relay(
            self.sender,
            self.broker.url,
            declare=lambda channel: topology.declare(channel, wanted),
            subscribed=subscribed,
        )
        relay.start()
        self.running.append(relay.stop)
        return relay

    def consumer(
        self, handler: Handler, *, inbox: bool = True, stateless: bool = False, **options: Any
    ) -> Consumer:
        policy = Policy(
            delays_ms=DELAYS_MS,
            inbox=inbox,
            batch_size=options.pop("batch_size", 50),
            linger=options.pop("linger", 0.02),
        )
        kinds: dict[str, type[Event]] = {ReportReceived.type: ReportReceived}
        consumer = Consumer(
            url=self.broker.url,
            service="intake",
            queue=options.pop("queue", "intake.core"),
            handlers=dict.fromkeys(kinds, handler),
            models=kinds,
            database=None if stateless else self.receiver,
            core_user=self.user,
            policy=policy,
            **options,
        )
        threading.Thread(target=consumer.run, daemon=True).start()
        self.running.append(consumer.stop)
        return consumer

    def effects(self) -> list[str]:
        with self.receiver.begin() as work:
            return sorted(work.conn.execute(text("SELECT report_id FROM dispatch.effects")).scalars())

    def kill_broker(self) -> None:
        """A power cut; not within a second of a declaration, which RabbitMQ 3.10 may not come back from."""
        time.sleep(1.5)
        self.broker.node.kill()

    def unsent(self) -> int:
        with self.sender.begin() as work:
            return int(work.conn.execute(text("SELECT count(*) FROM intake.outbox")).scalar_one())

    def depth(self, queue: str) -> int:
        wire = Wire(self.broker.url, "depth")
        try:
            return int(wire.channel.queue_declare(queue, passive=True).message_count)
        finally:
            wire.close()

    def dead(self) -> list[Any]:
        wire = Wire(self.broker.url, "dead")
        found = []
        try:
            while (message := wire.channel.basic_get("dead", no_ack=True)) is not None:
                found.append(message)
        finally:
            wire.close()
        return found


def report(report_id: str) -> ReportReceived:
    """A report as intake's door tells of it."""
    return ReportReceived(
        report_id=report_id,
        channel="test",
        text="路灯不亮",
        lon=120.1,
        lat=30.2,
        received_at=datetime.now(UTC),
    )


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for something to become true; the limit only ends a test that would never end."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("it did not come about")
        time.sleep(0.02)


@pytest.fixture
def house(broker: Broker, database_url: Databases) -> Iterator[House]:
    url = database_url(build)
    house = House(
        broker,
        url,
        Database(url, schema="intake", clocks=Clocks.real()),
        Database(url, schema="dispatch", clocks=Clocks.real()),
    )
    wire = house.wire()
    topology.declare(wire.channel, topology.core_declarations(waits_ms=DELAYS_MS))
    yield house
    for stop in reversed(house.running):
        stop()
    house.sender.close()
    house.receiver.close()
