"""The district under fault: its servers in hand, so that they can be killed, and what goes through it counted."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from exercise.house import audit_urls
from qipan.hosting.embedded import EmbeddedBroker, EmbeddedPostgres
from qipan.hosting.running import RunningDistrict, run_district
from qipan.messaging.provision import user_url
from qipan.settings import Settings
from qipan.tenancy.clocks import EVERYONE, Clock, Clocks
from tests.faults import tally
from tests.faults.post_office import PostOffice, post_office

PACK = Path("districts/xihu")
MORNING = datetime(2026, 3, 2, 1, tzinfo=UTC)
"""A Monday, nine o'clock in Hangzhou: working clocks run."""
RATE = 30.0
"""Fast enough that stage clocks run out, and their timers fire, while the faults strike."""


@dataclass
class House:
    """Everything the harness acts on."""

    base: Path
    running: RunningDistrict
    broker: EmbeddedBroker
    postgres: EmbeddedPostgres
    tallying: subprocess.Popen[bytes]
    inbox: bool
    office: PostOffice

    @property
    def core_url(self) -> str:
        """The broker as the core's own user."""
        return user_url(self.running.servers.amqp_url, "core", self.running.credentials.secret)

    def one(self, query: str) -> tuple[int, ...] | None:
        """One row, or None while the database is away."""
        try:
            with psycopg.connect(plain(self.running.servers.database_url), connect_timeout=2) as conn:
                return conn.execute(query).fetchone()
        except psycopg.OperationalError:
            return None

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Every row, as whoever owns the database sees them."""
        with psycopg.connect(plain(self.running.servers.database_url), connect_timeout=10) as conn:
            return conn.execute(query, parameters or None).fetchall()

    def through(self) -> int:
        """Reports that triage is done with; while the database is away, what was last seen."""
        row = self.one("SELECT count(*) FROM intake.reports WHERE status <> 'received'")
        if row is not None:
            self._through = row[0]
        return getattr(self, "_through", 0)

    def restart_tally(self) -> None:
        """Kill the tally as any other service would be killed, and start it again."""
        self.tallying.kill()
        self.tallying.wait()
        self.tallying = start_tally(self.running, self.core_url, inbox=self.inbox)

    def settle(self, seconds: float = 600.0) -> None:
        """Wait until nothing is on its way any more."""
        end = time.monotonic() + seconds
        calm = 0
        while calm < 3:
            if time.monotonic() > end:
                raise TimeoutError(f"not settled after {seconds:g} s: {self._waiting()}")
            calm = calm + 1 if self._waiting() == "" else 0
            time.sleep(1)

    def settle_or_give_up(self, seconds: float = 45.0) -> None:
        """For a control, in which something may be waiting for ever."""
        with suppress(TimeoutError):
            self.settle(seconds)

    def running_now(self) -> datetime:
        """Domain time."""
        return Clocks.from_json(self.running.settings.clocks).now("sandun")

    def _waiting(self) -> str:
        outboxes = ("intake", "dispatch", "notify", "analytics")
        for schema in outboxes:
            row = self.one(f"SELECT count(*) FROM {schema}.outbox")
            if row is None or row[0]:
                return f"{schema}.outbox {row}"
        queues = self.running.servers.amqp_management_url
        if not queues:
            return ""
        for name, depth in queue_depths(self).items():
            if depth:
                return f"queue {name}: {depth}"
        return ""


def queue_depths(house: House) -> dict[str, int]:
    """Messages, ready and unacked, in each queue."""
    vhost = house.running.servers.amqp_url.rsplit("/", 1)[1]
    lines = house.broker.ctl(
        "list_queues", "-p", vhost, "--no-table-headers", "name", "messages"
    ).splitlines()
    return {name: int(count) for name, count in (line.split("\t") for line in lines if "\t" in line)}


@contextmanager
def house(unguarded: str = "") -> Iterator[House]:
    """A district on servers of its own; all of it is gone at the end, also when this process is killed."""
    base = Path(tempfile.mkdtemp(prefix="qipan-faults-"))
    base.chmod(0o711)
    with ExitStack() as stack:
        broker = stack.enter_context(EmbeddedBroker(base / "broker", ephemeral=True))
        postgres = stack.enter_context(EmbeddedPostgres(base / "postgres", ephemeral=True))
        office = stack.enter_context(post_office())
        settings = Settings(
            district=PACK,
            var=base / "var",
            amqp_url=broker.url,
            amqp_management_url=broker.admin_url,
            database_url=postgres.url,
            unguarded=unguarded,  # type: ignore[arg-type]
            smtp_url=office.url,
            retry_delays_ms=(500, 2_000, 10_000, 60_000),
            log_level="WARNING",
            clocks=Clocks({EVERYONE: Clock(MORNING, datetime.now(UTC), RATE)}).to_json(),
        )
        running = stack.enter_context(run_district(settings, say=lambda text: print(f"  {text}", flush=True)))
        if unguarded == "no_inbox":
            _without_notifys_keys(postgres.url)
        tally.prepare(postgres.url, broker.url)
        inbox = unguarded != "no_inbox"
        core_url = user_url(broker.url, "core", running.credentials.secret)
        tallying = start_tally(running, core_url, inbox=inbox)
        found = House(base, running, broker, postgres, tallying, inbox, office)
        try:
            yield found
        finally:
            found.tallying.kill()
            found.tallying.wait()


def _without_notifys_keys(database_url: str) -> None:
    """Beneath the inbox lie the tables' own keys, which would hide that it is off: here notify has none."""
    with psycopg.connect(plain(database_url)) as conn:
        for table in ("messages", "deliveries"):
            keys = conn.execute(
                "SELECT conname FROM pg_constraint WHERE contype IN ('p', 'u') AND conrelid = %s::regclass",
                (f"notify.{table}",),
            ).fetchall()
            for (key,) in keys:
                conn.execute(
                    sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(
                        sql.Identifier("notify", table), sql.Identifier(key)
                    )
                )


def start_tally(running: RunningDistrict, core_url: str, *, inbox: bool) -> subprocess.Popen[bytes]:
    """Run the tally as a process of its own."""
    environment = {
        **os.environ,
        "QIPAN_DATABASE_URL": running.servers.database_url,
        "QIPAN_AMQP_URL": core_url,
        "QIPAN_CORE_USER": "core",
        "TALLY_INBOX": "yes" if inbox else "no",
    }
    return subprocess.Popen([sys.executable, "-m", "tests.faults.tally"], env=environment)


def plain(url: str) -> str:
    """A database URL as psycopg itself wants it."""
    return url.replace("+psycopg", "")


def urls(found: House) -> dict[str, str]:
    """What the audit reads."""
    return {schema: plain(url) for schema, url in audit_urls(found.running).items()}
