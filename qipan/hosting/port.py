"""The port behind which Qipan's processes run: local processes now, containers by the same words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

HTTP_SERVICES = ("door", "gateway")
"""What is served over HTTP and has one address; everything else is a Nameko service."""


class Refused(Exception):
    """The host does not do this; the text says why and what would be possible."""


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One process to run: a replica of a service, for everyone (`tenant` None: the core) or for one tenant.

    `schema` is the database schema that it may use; None: it gets no database.
    """

    service: str
    tenant: str | None = None
    number: int = 1
    schema: str | None = None

    @property
    def serves(self) -> str:
        """What people call it: `dispatch`, or `dispatch@sandun`."""
        return self.service if self.tenant is None else f"{self.service}@{self.tenant}"

    @property
    def id(self) -> str:
        """Its name among all processes: `dispatch@sandun.2`."""
        return f"{self.serves}.{self.number}"


class State(StrEnum):
    """How a process is doing."""

    STARTING = "starting"  # runs, has not been ready since it started
    READY = "ready"
    NOT_READY = "not ready"  # runs, was ready before; a broker or database may be away
    RESTARTING = "restarting"  # ended unasked, is started again after a pause
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class Status:
    """A process as `qipan ps` shows it. Times are real time in UTC; `url` is where `/readyz` answers,
    `exit_code` how it last ended unasked (128 + n: killed by signal n)."""

    id: str
    service: str
    tenant: str | None
    state: State
    pid: int | None
    url: str
    since: datetime
    restarts: int
    exit_code: int | None = None


class Host(Protocol):
    """Runs processes. Every method may be called from any thread."""

    def start(self, spec: ProcessSpec) -> None:
        """Run a process and keep it running; Refused when one of that id runs already."""
        ...

    def stop(self, id: str, *, graceful: bool = True) -> None:
        """End a process for good; not gracefully means SIGKILL. Refused when there is none of that id."""
        ...

    def list(self) -> Sequence[Status]:
        """Every process, as it is now."""
        ...

    def scale(self, service: str, tenant: str | None, replicas: int) -> None:
        """Start or gracefully stop replicas until there are `replicas`. Refused for what cannot be run."""
        ...

    def retire(self, service: str, tenant: str) -> None:
        """Stop a tenant's own instances of a service; what they served goes back to the core."""
        ...

    def logs(self, id: str, lines: int = 100) -> str:
        """The last lines that a process wrote; Refused when nothing of that id was ever run."""
        ...
