"""A notify as it runs: a process of its own on a real broker and database, which can be killed and started again."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine, create_engine, make_url, text

from bench.deliveries.peers import HttpSink, MailSink, mail_sink, operators_file
from qipan.access import new_keys
from qipan.hosting.embedded import EmbeddedBroker, EmbeddedPostgres
from qipan.messaging import topology
from qipan.messaging.wire import Wire
from qipan.storage import migrate

ROOT = Path(__file__).parents[2]


@dataclass
class House:
    """The process, its database and its peers."""

    http: HttpSink
    mail: MailSink
    engine: Engine
    environment: dict[str, str]
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    def start(self) -> None:
        """Begin to send."""
        command = [sys.executable, "-m", "qipan.hosting.service_main", "notify"]
        self.process = subprocess.Popen(command, env=self.environment, cwd=ROOT)

    def kill(self) -> None:
        """As a power cut does."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(30)
            self.process = None


@contextmanager
def house(base: Path, broker: EmbeddedBroker, postgres: EmbeddedPostgres, name: str) -> Iterator[House]:
    """One with an empty delivery log, whose process has not been started."""
    amqp_url, database_url = broker.create_vhost(name), postgres.create_database(name)
    engine = create_engine(database_url)
    with engine.begin() as conn:
        conn.execute(text("CREATE SCHEMA notify"))
    migrate.migrate(database_url, "notify", ROOT / "services")
    wire = Wire(amqp_url, "topology")
    topology.declare(wire.channel, topology.core_declarations())
    wire.close()
    file = base / f"{name}.toml"
    with HttpSink() as http, mail_sink() as mail:
        file.write_text(operators_file(http, mail), encoding="utf-8")
        environment = {
            **os.environ,
            "QIPAN_AMQP_URL": amqp_url,
            "QIPAN_CORE_USER": str(make_url(amqp_url).username),
            "QIPAN_DATABASE_URL": database_url,
            "QIPAN_DISTRICT": str(ROOT / "districts/xihu"),
            "QIPAN_VERIFY_KEY": new_keys()[1],
            "QIPAN_DESTINATIONS": str(file),
            "QIPAN_LOG_LEVEL": "ERROR",
        }
        found = House(http, mail, engine, environment)
        try:
            yield found
        finally:
            found.kill()
            engine.dispose()
