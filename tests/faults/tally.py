"""A subscriber without natural keys: one row for each event handled, so that every double shows.

The services' own tables have unique keys beneath the inbox; this one has only the inbox between a repeated
delivery and a doubled effect.
"""

import os
import sys
from collections.abc import Sequence
from typing import Any

from sqlalchemy import MetaData, create_engine, text

from qipan.contracts.events import CaseFiled
from qipan.messaging import topology
from qipan.messaging.consumer import Consumer, Policy
from qipan.messaging.received import Received
from qipan.messaging.wire import Wire
from qipan.storage import Database, Work, core_tables
from qipan.tenancy.clocks import Clocks

SERVICE = "tally"


def prepare(database_url: str, amqp_url: str) -> None:
    """The tally's schema and queue; before the first event, like every subscriber's."""
    engine = create_engine(database_url)
    with engine.begin() as conn:
        conn.execute(text(f"CREATE SCHEMA {SERVICE}"))
        metadata = MetaData(schema=SERVICE)
        core_tables(metadata)
        metadata.create_all(conn)
        conn.execute(text(f"CREATE TABLE {SERVICE}.effects (tenant text, case_id text, message_id text)"))
    engine.dispose()
    wire = Wire(amqp_url, "tally")
    topology.declare(wire.channel, topology.core_declarations({SERVICE: [CaseFiled.type]}))
    wire.close()


class Effects:
    """Adds a row a message, whatever is there already."""

    name = "effects"

    def run(self, work: Work | None, batch: Sequence[Received[Any]]) -> None:
        """One insert a batch."""
        assert work is not None
        work.conn.execute(
            text(f"INSERT INTO {SERVICE}.effects VALUES (:tenant, :case_id, :message_id)"),
            [{"tenant": m.tenant, "case_id": m.data.case.case_id, "message_id": m.id} for m in batch],
        )


def main() -> None:
    """Consume until killed. Environment: QIPAN_DATABASE_URL, QIPAN_AMQP_URL, QIPAN_CORE_USER, TALLY_INBOX."""
    Consumer(
        url=os.environ["QIPAN_AMQP_URL"],
        service=SERVICE,
        queue=topology.core_queue(SERVICE),
        handlers={CaseFiled.type: Effects()},
        models={CaseFiled.type: CaseFiled},
        database=Database(os.environ["QIPAN_DATABASE_URL"], schema=SERVICE, clocks=Clocks.real()),
        core_user=os.environ["QIPAN_CORE_USER"],
        policy=Policy(inbox=os.environ["TALLY_INBOX"] == "yes"),
    ).run()


if __name__ == "__main__":
    sys.exit(main())
