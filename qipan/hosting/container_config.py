"""What a container says of the process in it, and how another like it is made. Pure: the engine's JSON in and out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from qipan.hosting.port import ProcessSpec, State, Status

DISTRICT, SERVICE, TENANT, NUMBER = "qipan.district", "qipan.service", "qipan.tenant", "qipan.number"
"""Labels by which a district's containers are found, and told apart."""

SERVER = "qipan.server"
"""The label of the broker's and the database's containers, which everything else needs."""

VERSION = "org.opencontainers.image.version"
COMPOSE_NUMBER = "com.docker.compose.container-number"
COMPOSE_SERVICE = "com.docker.compose.service"

OPS_PORT, HTTP_PORT = 9100, 8080

Attributes = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Contained:
    """One process in a container. `version` is its image's."""

    container: str
    spec: ProcessSpec
    version: str
    running: bool


def contained(attributes: Attributes) -> Contained:
    """What a container with our labels has in it; `number` counts from 1 among replicas."""
    labels = attributes["Config"]["Labels"]
    number = labels.get(NUMBER) or labels.get(COMPOSE_NUMBER) or "1"
    spec = ProcessSpec(labels[SERVICE], labels.get(TENANT) or None, int(number))
    running = attributes["State"]["Status"] in ("running", "restarting", "paused")
    return Contained(attributes["Id"], spec, labels.get(VERSION, ""), running)


def status(attributes: Attributes) -> Status:
    """How the process is doing, as its health check last said."""
    found, state = contained(attributes), attributes["State"]
    return Status(
        id=found.spec.id,
        service=found.spec.service,
        tenant=found.spec.tenant,
        state=_state(state),
        pid=state.get("Pid") or None,
        url=_url(attributes),
        since=_instant(state["StartedAt"]),
        restarts=int(attributes.get("RestartCount", 0)),
        exit_code=state["ExitCode"] if state["Status"] == "exited" else None,
    )


def another(attributes: Attributes, number: int) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Name, configuration and networks of one more replica like this one.

    Only its first network can be given when it is made; the others, name → endpoint, are to be joined before it starts.
    """
    labels = {**attributes["Config"]["Labels"], NUMBER: str(number)}
    if COMPOSE_NUMBER in labels:  # compose then knows it as a replica, and takes it down with the others
        labels[COMPOSE_NUMBER] = str(number)
    kept = {
        name: value for name, value in attributes["Config"].items() if name not in ("Hostname", "MacAddress")
    }
    old = attributes["Id"][:12]
    networks = {
        name: {"Aliases": [alias for alias in endpoint.get("Aliases") or () if alias != old]}
        for name, endpoint in attributes["NetworkSettings"]["Networks"].items()
    }
    mode = attributes["HostConfig"].get("NetworkMode", "")
    first = {mode: networks[mode]} if mode in networks else dict(list(networks.items())[:1])
    config = {
        **kept,
        "Labels": labels,
        "HostConfig": attributes["HostConfig"],
        "NetworkingConfig": {"EndpointsConfig": first},
    }
    rest = {name: endpoint for name, endpoint in networks.items() if name not in first}
    return f"{_stem(attributes['Name'])}{number}", config, rest


def _state(state: Mapping[str, Any]) -> State:
    if state["Status"] != "running":
        return State.RESTARTING if state["Status"] == "restarting" else State.STOPPING
    health = state.get("Health", {}).get("Status", "starting")
    return {"healthy": State.READY, "unhealthy": State.NOT_READY}.get(health, State.STARTING)


def _url(attributes: Attributes) -> str:
    """Where it answers, from the engine's own machine."""
    port = HTTP_PORT if contained(attributes).spec.service in ("door", "gateway") else OPS_PORT
    for endpoint in attributes["NetworkSettings"]["Networks"].values():
        if endpoint.get("IPAddress"):
            return f"http://{endpoint['IPAddress']}:{port}"
    return ""


def _instant(text: str) -> datetime:
    """The engine writes nanoseconds; Python reads microseconds."""
    head, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{head}.{fraction[:6] or '0'}").replace(tzinfo=UTC)


def _stem(name: str) -> str:
    """`/qipan-dispatch-1` → `qipan-dispatch-`."""
    return name.lstrip("/").rstrip("0123456789")
