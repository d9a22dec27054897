"""The deployed district in hand: its containers, found by compose's labels; its tables; commands of an operator."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import docker
from docker.models.containers import Container

from deploy.test.engine import Compose

HEALTHY_SECONDS = 420.0
SERVERS = ("broker", "database")
JOBS = ("volumes", "secrets", "roles", "migrate", "provision")
AIDES = ("demo", "operator")


class Stack:
    """What one compose project runs."""

    def __init__(self, client: docker.DockerClient, compose: Compose) -> None:
        self.client = client
        self.compose = compose

    def up(self, *arguments: str) -> float:
        """Bring up what the files name, and wait until it is healthy; seconds that took."""
        began = time.monotonic()
        self.compose("up", "--detach", *arguments)
        self.wait_healthy()
        return time.monotonic() - began

    def containers(self, *services: str) -> list[Container]:
        """Those of some services, of all when none is named; ended ones too."""
        label = {"label": f"com.docker.compose.project={self.compose.project}"}
        found = self.client.containers.list(all=True, filters=label, ignore_removed=True)
        return [each for each in found if not services or service_of(each) in services]

    def processes(self) -> list[Container]:
        """The containers that are to run all the time."""
        return [each for each in self.containers() if not is_passing(service_of(each))]

    def wait_healthy(self, seconds: float = HEALTHY_SECONDS) -> None:
        """Until every process is; RuntimeError naming those that are not, with the end of their logs."""
        wait_for(lambda: not self._ailing(), seconds, lambda: self._complaint(self._ailing()))

    def kill(self, service: str) -> None:
        """SIGKILL every container of a service. The engine leaves what was killed by hand as it is."""
        for container in self.containers(service):
            container.kill()

    def start(self, service: str) -> None:
        """Start them again and wait until they are healthy."""
        for container in self.containers(service):
            container.start()
        self.wait_healthy()

    def rows(self, query: str) -> list[tuple[str, ...]]:
        """What the database's own client shows."""
        [database] = self.containers("database")
        command = ["psql", "-U", "qipan", "-d", "qipan", "-At", "-F", "|", "-c", query]
        code, said = database.exec_run(command)
        if code != 0:
            raise RuntimeError(f"psql: {said.decode(errors='replace')}")
        return [tuple(line.split("|")) for line in said.decode().splitlines()]

    def serving(self, service: str, tenant: str) -> int:
        """How many instances of a tenant's service hold a lease, as the steward's table has it."""
        [(count,)] = self.rows(
            "SELECT count(*) FROM steward.leases"
            f" WHERE service = '{service}' AND tenant = '{tenant}' AND NOT leaving AND until > now()"
        )
        return int(count)

    def operator(self, *words: str) -> str:
        """What `qipan WORDS` prints to an operator."""
        return self.compose("run", "--rm", "-T", "--no-deps", "operator", *words)

    def _ailing(self) -> list[Container]:
        return [each for each in self.processes() if health_of(each) != "healthy"]

    def _complaint(self, ailing: Iterable[Container]) -> str:
        return "not healthy: " + "\n".join(
            f"--- {service_of(each)} ({each.status}, {health_of(each)})\n"
            + each.logs(tail=15).decode(errors="replace")
            for each in ailing
        )


def is_passing(service: str) -> bool:
    """Whether a compose service is a job that ends, a town's included, or an aide."""
    return service in (*JOBS, *AIDES) or service.partition("-")[0] in ("volumes", "secrets")


def service_of(container: Container) -> str:
    """The compose service that a container is of."""
    return str(container.labels.get("com.docker.compose.service", ""))


def health_of(container: Container) -> str:
    """`healthy`, or what the engine says instead."""
    container.reload()
    state: dict[str, Any] = container.attrs["State"]
    return str(state.get("Health", {}).get("Status", "")) if state["Running"] else str(state["Status"])


def wait_for(holds: Callable[[], bool], seconds: float, otherwise: Callable[[], str]) -> float:
    """Until it holds; seconds that took. RuntimeError with what `otherwise` says."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > seconds:
            raise RuntimeError(f"after {seconds:g} s: {otherwise()}")
        time.sleep(0.5)
    return time.monotonic() - began


@contextmanager
def deployed(client: docker.DockerClient, compose: Compose, towns: Iterable[str]) -> Iterator[Stack]:
    """A project of its own; at the end its containers, networks and volumes are gone, whatever happened."""
    stack = Stack(client, compose)
    try:
        yield stack
    finally:
        compose.towns = sorted({*compose.towns, *towns})
        for container in stack.containers(*AIDES):
            container.remove(force=True)
        compose("down", "--volumes", "--remove-orphans")
