"""The host that runs Qipan's processes as containers: what compose made, seen and scaled through the engine.

An operator's tool, for whoever may speak to the engine; no container is ever given the engine's socket. It keeps
nothing of its own: labels say which containers are a district's, and a replica is made after the one that is there.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import docker
from docker import DockerClient
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container

from qipan.hosting.container_config import DISTRICT, SERVER, SERVICE, Contained, another, contained, status
from qipan.hosting.guarded import StartError
from qipan.hosting.plan import check_replicas, phase_of
from qipan.hosting.port import ProcessSpec, Refused, Status
from qipan.hosting.servers import NotRunning

GRACE = 40
"""Seconds in which a process may finish what it holds before it is killed; the compose files' stop_grace_period."""


class ContainerHost:
    """`Host` over the containers of one district on one engine. `name` is compose's project."""

    def __init__(self, client: DockerClient, name: str) -> None:
        self._client = client
        self._name = name

    @classmethod
    def here(cls, name: str) -> "ContainerHost":
        """On the engine that DOCKER_HOST names, or this machine's; NotRunning."""
        try:
            client = docker.from_env()
            client.ping()
        except DockerException as error:
            raise NotRunning(f"No Docker engine answers ({error}). DOCKER_HOST names another.") from None
        return cls(client, name)

    def up(self, seconds: float, told: Callable[[int, int], None]) -> None:
        """Start every container of the district that is stopped: servers, steward, core, towns, and HTTP last.

        `told` hears how many of how many are healthy. Refused when compose never made any; StartError, naming
        those that are not healthy after so many seconds.
        """
        servers, processes = self._labelled(SERVER), self._all()
        if not processes:
            raise Refused(
                f"There are no containers of {self._name} yet: bring it up by its compose file first."
            )
        phases = [servers]
        for phase in range(3, -1, -1):
            phases.append([container for container, each in processes if phase_of(each.spec) == phase])
        give_up, whole = time.monotonic() + seconds, len(servers) + len(processes)
        healthy = 0
        for containers in phases:
            for container in containers:
                container.start()
            while ailing := [each.name for each in containers if not _healthy(each)]:
                told(healthy + len(containers) - len(ailing), whole)
                if time.monotonic() > give_up:
                    raise StartError(f"not healthy within {seconds:g} s: {', '.join(ailing)}")
                time.sleep(0.5)
            healthy += len(containers)
        told(healthy, whole)

    def start(self, spec: ProcessSpec) -> None:
        """See `Host.start`: another replica, made like one that there is or was."""
        replicas = self._of(spec.service, spec.tenant)
        for container, found in replicas:
            if found.spec.number == spec.number:
                if found.running:
                    raise Refused(f"{spec.id} runs already.")
                container.start()
                return
        model = replicas[0][0]
        name, config, networks = another(model.attrs, spec.number)
        made = self._client.api.create_container_from_config(config, name)
        try:
            for network, endpoint in networks.items():
                self._client.networks.get(network).connect(made["Id"], aliases=endpoint["Aliases"])
            self._client.api.start(made["Id"])
        except APIError as error:
            self._client.api.remove_container(made["Id"], force=True)
            raise Refused(f"The engine does not start {spec.id}: {error.explanation}") from error

    def stop(self, id: str, *, graceful: bool = True) -> None:
        """See `Host.stop`. The last of its like is kept, stopped: others can be made after it."""
        container, found = self._get(id)
        last = len(self._of(found.spec.service, found.spec.tenant)) == 1
        if graceful:
            container.stop(timeout=GRACE)
        else:
            container.kill()
        if not last:
            container.remove(force=True)

    def list(self) -> Sequence[Status]:
        """See `Host.list`. As the engine's health checks say, without asking the processes."""
        found = [status(container.attrs) for container, each in self._all() if each.running]
        return sorted(found, key=lambda each: each.id)

    def scale(self, service: str, tenant: str | None, replicas: int) -> None:
        """See `Host.scale`. Returns when those that are too many have ended."""
        check_replicas(service, tenant, replicas)
        present = self._of(service, tenant)
        running = sorted(each.spec.number for _, each in present if each.running)
        stopped = sorted(each.spec.number for _, each in present if not each.running)
        free = (
            number for number in range(1, replicas + len(present) + 1) if number not in (*running, *stopped)
        )
        candidates = [*stopped, *free]
        for number in candidates[: max(0, replicas - len(running))]:
            self.start(ProcessSpec(service, tenant, number))
        for number in reversed(running[replicas:]):
            self.stop(ProcessSpec(service, tenant, number).id)

    def retire(self, service: str, tenant: str) -> None:
        """See `Host.retire`."""
        self.scale(service, tenant, 0)

    def logs(self, id: str, lines: int = 100) -> str:
        """See `Host.logs`."""
        container, _ = self._get(id)
        return str(container.logs(tail=lines).decode(errors="replace"))

    def usage(self) -> dict[str, tuple[float, float]]:
        """Memory in bytes, without what the kernel would give back, and CPU seconds since its start, by process."""
        running = [(container, each) for container, each in self._all() if each.running]
        if not running:
            return {}
        with ThreadPoolExecutor(min(16, len(running))) as pool:
            used = list(pool.map(lambda pair: _usage(pair[0]), running))
        return {each.spec.id: usage for (_, each), usage in zip(running, used, strict=True)}

    def versions(self) -> dict[str, str]:
        """The version of each process's image."""
        return {each.spec.id: each.version for _, each in self._all() if each.running}

    def _all(self) -> Sequence[tuple[Container, Contained]]:
        return [(container, contained(container.attrs)) for container in self._labelled(SERVICE)]

    def _labelled(self, label: str) -> Sequence[Container]:
        labels = [label, f"{DISTRICT}={self._name}"]
        found: Sequence[Container] = self._client.containers.list(
            all=True, filters={"label": labels}, ignore_removed=True
        )
        return found

    def _of(self, service: str, tenant: str | None) -> Sequence[tuple[Container, Contained]]:
        wanted = ProcessSpec(service, tenant).serves
        found = [pair for pair in self._all() if pair[1].spec.serves == wanted]
        if not found:
            there = sorted({each.spec.serves for _, each in self._all()})
            raise Refused(
                f"{self._name} has no container of {wanted}; bring up its file first. There are: {', '.join(there)}."
            )
        return found

    def _get(self, id: str) -> tuple[Container, Contained]:
        for container, each in self._all():
            if each.spec.id == id:
                return container, each
        raise Refused(
            f"{self._name} has no container of {id!r}; `qipan ps --on docker` lists those there are."
        )


def _healthy(container: Container) -> bool:
    container.reload()
    state = container.attrs["State"]
    return bool(state.get("Health", {}).get("Status") == "healthy" and state["Status"] == "running")


def _usage(container: Container) -> tuple[float, float]:
    try:
        found: dict[str, Any] = container.stats(stream=False, one_shot=True)
    except NotFound:
        return 0.0, 0.0
    memory, cpu = found.get("memory_stats", {}), found.get("cpu_stats", {})
    kept = memory.get("usage", 0) - memory.get("stats", {}).get("total_inactive_file", 0)
    return float(kept), cpu.get("cpu_usage", {}).get("total_usage", 0) / 1e9
