"""The district under test: its processes by layer, reports through its door, and when a case is through."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg

from bench.cpu import Layers
from bench.generator import Generator
from bench.through import Through
from qipan.hosting.embedded import EmbeddedBroker, EmbeddedPostgres
from qipan.hosting.plan import plan
from qipan.hosting.port import ProcessSpec
from qipan.hosting.running import RunningDistrict, run_district
from qipan.settings import Settings
from qipan.tenancy import District

_STORED = "SELECT count(*) FROM intake.reports"
# All that a report leads to: triaged and counted; a case, which its report knows of, that is counted and told of.
_THROUGH = """
SELECT k.tenant, k.id, r.case_id IS NOT NULL FROM unnest(%s::text[], %s::text[]) AS k(tenant, id)
JOIN intake.reports r ON r.tenant = k.tenant AND r.report_id = k.id
JOIN analytics.report_states s ON s.tenant = k.tenant AND s.report_id = k.id
WHERE CASE WHEN r.case_id IS NULL THEN r.status NOT IN ('received', 'filed')
    ELSE EXISTS (SELECT FROM analytics.case_states c WHERE c.tenant = r.tenant AND c.case_id = r.case_id)
        AND EXISTS (SELECT FROM notify.messages m WHERE m.about_tenant = r.tenant AND m.case_id = r.case_id) END
"""
LAYERS = {"intake": "triage"}
"""What a service's layer is called where it is not called like the service."""
_RELAY_CPU = re.compile(r"^qipan_relay_cpu_seconds_total\{.*\} (\S+)$", re.MULTILINE)


@dataclass
class Ours:
    """A running district with its private servers."""

    running: RunningDistrict
    broker: EmbeddedBroker
    postgres: EmbeddedPostgres
    admin: psycopg.Connection
    through: Through

    @property
    def door_port(self) -> int:
        return int(self.running.door_url.rsplit(":", 1)[1])

    def pids(self) -> dict[str, tuple[int, ...]]:
        """Process ids by layer: door, services, gateway, steward, towns' own. Intake's is triage, and its following
        of cases."""
        found: dict[str, list[int]] = {}
        for status in self.running.host.list():
            layer = LAYERS.get(status.service, status.service) if status.tenant is None else "towns' own"
            if status.pid is not None:
                found.setdefault(layer, []).append(status.pid)
        return {layer: tuple(pids) for layer, pids in found.items()}

    def layers(self) -> Layers:
        """Everything that works for a case, the servers included."""
        return Layers({**self.pids(), **servers(self.broker, self.postgres)})

    def relaying(self) -> dict[str, float]:
        """CPU seconds that relays have used so far, by the layer in whose processes they run."""
        found = {}
        for status in self.running.host.list():
            if status.tenant is None:
                shown = httpx.get(f"{status.url}/metrics", timeout=10).text
                if used := _RELAY_CPU.search(shown):
                    found[LAYERS.get(status.service, status.service)] = float(used[1])
        return found

    def pause(self, name: str) -> None:
        """Stop ("STOP") or continue ("CONT") every process, so that the other system is measured alone."""
        for status in self.running.host.list():
            self.running.host.signal(status.id, name)

    def ready(self, reports: Sequence[dict[str, Any]], *, bulk: int = 1, rate: float = 0.0) -> Generator:
        """A load generator that is about to post these, `bulk` a request, `rate` requests a second (0: any)."""
        return Generator(self.door_port, reports, bulk=bulk, rate=rate)

    def send(self, reports: Sequence[dict[str, Any]], *, bulk: int = 1) -> int:
        """Post reports, and wait until they have had all their effects; returns how many became cases."""
        generator = self.ready(reports, bulk=bulk)
        generator.go()
        return self.through.wait(generator.finish())

    def stored(self) -> int:
        """How many reports are stored."""
        row = self.admin.execute(_STORED).fetchone()
        return int(row[0]) if row else 0


def servers(broker: EmbeddedBroker, postgres: EmbeddedPostgres) -> dict[str, tuple[int, ...]]:
    """The servers' process ids, as layers."""
    return {"broker": (broker.pid,), "database": (postgres.pid,)}


@contextmanager
def district(
    base: Path,
    broker: EmbeddedBroker,
    postgres: EmbeddedPostgres,
    name: str,
    pack: Path,
    *,
    own_services: bool = False,
) -> Iterator[Ours]:
    """Run a district on given servers, in a database and a virtual host of its own.

    Without `own_services` the core serves every town: the hops that the raw pipeline has, and no others.
    """

    def processes(found: District) -> Sequence[ProcessSpec]:
        return [spec for spec in plan(found) if own_services or spec.tenant is None]

    settings = Settings(
        district=pack,
        var=base / name,
        amqp_url=broker.create_vhost(name),
        amqp_management_url=broker.admin_url,
        database_url=postgres.create_database(name),
    )
    with (
        run_district(
            settings, say=lambda text: print(f"  {name}: {text}", flush=True), processes=processes
        ) as running,
        psycopg.connect(settings.database_url.replace("+psycopg", ""), autocommit=True) as admin,
    ):
        yield Ours(running, broker, postgres, admin, Through(admin, _THROUGH))
