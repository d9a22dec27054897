"""The district under test: its processes by layer, reports through its door, and when a case is through."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from bench.cpu import Layers
from qipan.hosting.embedded import EmbeddedBroker, EmbeddedPostgres
from qipan.hosting.plan import plan
from qipan.hosting.port import ProcessSpec
from qipan.hosting.running import RunningDistrict, run_district
from qipan.settings import Settings
from qipan.tenancy import District

CONNECTIONS = 32

_STORED = "SELECT count(*) FROM intake.reports"
_OPEN_ENDS = """
SELECT (SELECT count(*) FROM intake.reports WHERE status = 'received')
     + (SELECT count(*) FROM (SELECT 1 FROM intake.outbox LIMIT 1) AS waiting)
     + (SELECT count(*) FROM (SELECT 1 FROM dispatch.outbox LIMIT 1) AS waiting)
"""
_THROUGH = "SELECT (SELECT count(*) FROM dispatch.cases), (SELECT count(*) FROM analytics.case_states)"


@dataclass
class Ours:
    """A running district with its private servers."""

    running: RunningDistrict
    broker: EmbeddedBroker
    postgres: EmbeddedPostgres
    admin: psycopg.Connection

    @property
    def door_port(self) -> int:
        return int(self.running.door_url.rsplit(":", 1)[1])

    def pids(self) -> dict[str, tuple[int, ...]]:
        """Process ids by layer: door, services, gateway, steward, towns' own."""
        found: dict[str, list[int]] = {}
        for status in self.running.host.list():
            layer = status.service if status.tenant is None else "towns' own"
            if status.pid is not None:
                found.setdefault(layer, []).append(status.pid)
        return {layer: tuple(pids) for layer, pids in found.items()}

    def layers(self) -> Layers:
        """Everything that works for a case, the servers included."""
        return Layers({**self.pids(), **servers(self.broker, self.postgres)})

    def pause(self, name: str) -> None:
        """Stop ("STOP") or continue ("CONT") every process, so that the other system is measured alone."""
        for status in self.running.host.list():
            self.running.host.signal(status.id, name)

    def send(
        self, reports: Sequence[dict[str, Any]], *, bulk: int = 1, rate: float = 0.0
    ) -> list[dict[str, Any]]:
        """Post reports from a process of its own; returns the answers. Raises if one was not accepted."""
        lines = []
        for start in range(0, len(reports), bulk):
            group = reports[start : start + bulk]
            path, body = ("/v1/reports", group[0]) if bulk == 1 else ("/v1/reports/batch", group)
            lines.append(json.dumps([path, "", body], ensure_ascii=False))
        done = subprocess.run(
            [sys.executable, "-m", "bench.load", str(self.door_port), str(CONNECTIONS), str(rate)],
            input="\n".join(lines),
            capture_output=True,
            text=True,
            check=True,
        )
        answers = []
        for line in done.stdout.splitlines():
            status, seconds, answer = line.split(" ", 2)
            if status not in ("200", "201", "207"):
                raise RuntimeError(f"the door answered {status}: {answer}")
            answers.append({"seconds": float(seconds), "answer": json.loads(answer)})
        return answers

    def wait_through(self, stored: int, seconds: float = 600.0) -> int:
        """Wait until `stored` reports are in and every case of theirs is on the board; returns the cases."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._one(_STORED)[0] >= stored and self._one(_OPEN_ENDS)[0] == 0:
                cases, counted = self._one(_THROUGH)
                if cases == counted:
                    return int(cases)
            time.sleep(0.05)
        raise RuntimeError(f"not through after {seconds:g} s: {self._one(_THROUGH)} of {stored}")

    def stored(self) -> int:
        """How many reports are stored."""
        return int(self._one(_STORED)[0])

    def _one(self, query: str) -> tuple[Any, ...]:
        row = self.admin.execute(query).fetchone()
        assert row is not None
        return row


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
        yield Ours(running, broker, postgres, admin)
