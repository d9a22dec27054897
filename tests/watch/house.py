"""The district that is watched: real processes and servers; one town in a year without holidays, one in a hurry."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg

from bench.reports import Reports
from qipan.hosting import targets
from qipan.hosting.embedded import EmbeddedBroker, EmbeddedPostgres
from qipan.hosting.running import RunningDistrict, run_district
from qipan.messaging.provision import user_url
from qipan.settings import Settings
from qipan.tenancy.clocks import EVERYONE, Clock, Clocks
from tests.faults.house import MORNING, PACK, plain
from tests.faults.post_office import PostOffice, post_office
from tests.watch.prometheus import Prometheus

AHEAD = "lingyin"
"""The town whose clock shows a year for which nobody has published holidays."""
HURRIED, HURRY = "wenxin", 60.0
"""The town whose clock runs fast, so that limits run out and timers fire while one watches."""


@dataclass
class Watched:
    """Everything that the watch acts on."""

    running: RunningDistrict
    broker: EmbeddedBroker
    postgres: EmbeddedPostgres
    office: PostOffice
    prometheus: Prometheus
    reports: Reports

    @property
    def core_url(self) -> str:
        """The broker as the core's own user."""
        return user_url(self.running.servers.amqp_url, "core", self.running.credentials.secret)

    def sql(self, statement: str) -> None:
        """Change something as whoever owns the database."""
        with psycopg.connect(plain(self.running.servers.database_url), connect_timeout=10) as conn:
            conn.execute(statement)

    def post(self, count: int) -> int:
        """Post reports in batches to the door; returns how many were taken. A door that cannot take any may say so."""
        taken = 0
        with httpx.Client(base_url=self.running.door_url, timeout=10) as http:
            for _ in range(0, count, 25):
                batch = self.reports.take(min(25, count))
                try:
                    answer = http.post("/v1/reports/batch", json=batch)
                except httpx.HTTPError:
                    continue
                if answer.is_success:
                    taken += sum("report" in line for line in answer.json()["results"])
        return taken

    def ready(self) -> None:
        """Wait until every process is ready."""
        self.running.host.wait_ready(180)


@contextmanager
def house() -> Iterator[Watched]:
    """A district and its Prometheus; all of it is gone at the end."""
    base = Path(tempfile.mkdtemp(prefix="qipan-watch-"))
    base.chmod(0o711)
    with ExitStack() as stack:
        broker = stack.enter_context(EmbeddedBroker(base / "broker", ephemeral=True))
        postgres = stack.enter_context(EmbeddedPostgres(base / "postgres", ephemeral=True))
        office = stack.enter_context(post_office())
        now = datetime.now(UTC)
        clocks = Clocks(
            {
                EVERYONE: Clock(MORNING, now),
                AHEAD: Clock(MORNING + timedelta(days=8 * 365), now),
                HURRIED: Clock(MORNING, now, HURRY),
            }
        )
        settings = Settings(
            district=PACK,
            var=base / "var",
            amqp_url=broker.url,
            amqp_management_url=broker.admin_url,
            database_url=postgres.url,
            smtp_url=office.url,
            log_level="WARNING",
            clocks=clocks.to_json(),
        )
        running = stack.enter_context(run_district(settings, say=lambda text: print(f"  {text}", flush=True)))
        node = targets.Target(broker.metrics_address, "broker", "broker")
        targets.write(settings.var, targets.BROKER, [node])
        prometheus = stack.enter_context(Prometheus(base / "prometheus", settings.var))
        yield Watched(running, broker, postgres, office, prometheus, Reports(running.district, seed=7))


def pause(seconds: float) -> None:
    """Let real time pass: here it is what is tested."""
    time.sleep(seconds)
