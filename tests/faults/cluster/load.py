"""Events through the outbox, the relay, the cluster, the consumer and its inbox, and a ledger outside of them."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import MetaData, create_engine, text

from qipan.contracts.events import ReportReceived
from qipan.messaging import topology
from qipan.messaging.consumer import Consumer, Policy
from qipan.messaging.received import Received
from qipan.messaging.relay import Relay
from qipan.messaging.unguarded import PublishAfterCommit
from qipan.messaging.wire import Wire
from qipan.observability import metrics
from qipan.storage import Database, Work, core_tables
from qipan.tenancy.clocks import Clocks
from tests.faults.cluster.gaps import Gaps
from tests.faults.cluster.nodes import USER

TENANT = "sandun"
BATCH = 50
AHEAD = 5_000
"""How many events may wait in the outbox before no more are told: an outage is not followed by an hour's backlog."""

LOOK_SECONDS = 0.05
"""How often it is looked whether more was confirmed: gaps are exact to that."""


@dataclass(frozen=True, slots=True)
class Books:
    """What became of the events: `effects` are rows, `effective` the different events among them."""

    told: int
    unsent: int
    effects: int
    effective: int

    @property
    def confirmed(self) -> int:
        """Those that the relay has confirmed and forgotten."""
        return self.told - self.unsent


class Effects:
    """Adds a row an event, whatever is there already: only the inbox keeps it from doubling."""

    name = "effects"

    def __init__(self, schema: str, gaps: Gaps) -> None:
        self._insert = text(f"INSERT INTO {schema}.effects VALUES (:report_id)")
        self._gaps = gaps

    def run(self, work: Work | None, batch: Sequence[Received[Any]]) -> None:
        """One insert a batch."""
        assert work is not None
        work.conn.execute(self._insert, [{"report_id": each.data.report_id} for each in batch])
        self._gaps.mark(time.monotonic())


class Load:
    """One sender and one taker, which are schemas and services called `<name>_sender` and `<name>-taker`.

    Unguarded it publishes after the commit, as fast as it can, and takes without an inbox: the control.
    """

    def __init__(self, url: str, database_url: str, name: str, *, rate: float, guarded: bool = True) -> None:
        self.confirms, self.deliveries = Gaps(), Gaps()
        self._url = url
        self._sender, self._taker = f"{name}_sender", f"{name}_taker"
        self.queue = topology.core_queue(f"{name}-taker")
        self._pause = BATCH / rate
        self._guarded = guarded
        self._told = 0
        self._stopping = threading.Event()
        _build(database_url, self._sender, self._taker)
        self._declarations = topology.core_declarations({f"{name}-taker": [ReportReceived.type]})
        self._from = Database(
            database_url,
            schema=self._sender,
            clocks=Clocks.real(),
            instead_of_outbox=None if guarded else PublishAfterCommit(url),
        )
        self._to = Database(database_url, schema=self._taker, clocks=Clocks.real())
        self._relay = Relay(
            self._from,
            url,
            declare=lambda channel: topology.declare(channel, self._declarations),
            subscribed=lambda key: True,
        )
        effects = Effects(self._taker, self.deliveries)
        self._consumer = Consumer(
            url=url,
            service=self._taker,
            queue=self.queue,
            handlers={ReportReceived.type: effects},
            models={ReportReceived.type: ReportReceived},
            database=self._to,
            core_user=USER,
            policy=Policy(inbox=guarded),
        )
        self._threads = [
            threading.Thread(target=work, name=f"{name} {work.__name__}", daemon=True)
            for work in (self._tell, self._watch, self._consumer.run)
        ]

    def start(self) -> None:
        """Declare, and begin."""
        wire = Wire(self._url, "load")
        topology.declare(wire.channel, self._declarations)
        wire.close()
        # A quorum queue's name reaches the disk of RabbitMQ 3.10 up to half a second after it was confirmed.
        time.sleep(1.5)
        if self._guarded:
            self._relay.start()
        for thread in self._threads:
            thread.start()

    @property
    def confirmed(self) -> int:
        """How many events the relay has had confirmed so far, those confirmed again included."""
        return int(metrics.RELAYED.labels(self._sender)._value.get())

    @property
    def repeated(self) -> int:
        """How many deliveries the inbox dropped because they had been taken before."""
        return int(metrics.DUPLICATES.labels(self._taker)._value.get())

    def phase(self, name: str) -> None:
        """What goes on from now."""
        self.confirms.phase = self.deliveries.phase = name

    def books(self) -> Books:
        """As it is now."""
        with self._to.engine.connect() as conn:
            effects, effective, unsent = conn.execute(
                text(
                    f"SELECT count(*), count(DISTINCT report_id), (SELECT count(*) FROM {self._sender}.outbox)"
                    f" FROM {self._taker}.effects"
                )
            ).one()
        return Books(self._told, unsent, effects, effective)

    def settle(self, patience: float) -> Books:
        """Tell no more; wait until all took effect, or nothing has moved for `patience` seconds."""
        self._stopping.set()
        self._threads[0].join()
        books, moved = self.books(), time.monotonic()
        while books.effective < books.told and time.monotonic() < moved + patience:
            time.sleep(0.5)
            now = self.books()
            if now != books:
                books, moved = now, time.monotonic()
        return books

    def stop(self) -> None:
        """Stop what still runs."""
        self._stopping.set()
        if self._guarded:
            self._relay.stop()
        self._consumer.stop()
        for database in (self._from, self._to):
            database.close()

    def _tell(self) -> None:
        while not self._stopping.wait(self._pause):
            if self._guarded and self._told - self.confirmed > AHEAD:
                continue
            with self._from.begin() as work:
                for number in range(self._told, self._told + BATCH):
                    work.publish(_report(f"r{number}"), tenant=TENANT)
            self._told += BATCH

    def _watch(self) -> None:
        seen = 0
        while not self._stopping.wait(LOOK_SECONDS):
            now = self.confirmed
            if now != seen:
                seen = now
                self.confirms.mark(time.monotonic())


def _report(report_id: str) -> ReportReceived:
    return ReportReceived(
        report_id=report_id,
        channel="test",
        text="路灯不亮",
        lon=120.1,
        lat=30.2,
        received_at=datetime.now(UTC),
    )


def _build(database_url: str, *schemas: str) -> None:
    engine = create_engine(database_url)
    with engine.begin() as conn:
        for schema in schemas:
            conn.execute(text(f"CREATE SCHEMA {schema}"))
            metadata = MetaData(schema=schema)
            core_tables(metadata)
            metadata.create_all(conn)
        conn.execute(text(f"CREATE TABLE {schemas[-1]}.effects (report_id text)"))
    engine.dispose()
