"""Containers as a host: what the engine's JSON says of them, and what is asked of the engine, by a double of it."""

from typing import Any

import pytest

from qipan.hosting.container_config import (
    COMPOSE_NUMBER,
    DISTRICT,
    NUMBER,
    SERVER,
    SERVICE,
    TENANT,
    VERSION,
    another,
    status,
)
from qipan.hosting.containers import ContainerHost
from qipan.hosting.guarded import StartError
from qipan.hosting.port import Host, ProcessSpec, Refused, State


def attributes(service: str, tenant: str = "", number: int = 1, **state: Any) -> dict[str, Any]:
    name = f"{service}-{tenant}" if tenant else service
    return {
        "Id": f"{name}{number}".ljust(64, "0"),
        "Name": f"/x_{name}_{number}",
        "RestartCount": 2,
        "State": {
            "Status": "running",
            "Pid": 17,
            "StartedAt": "2026-03-02T01:00:00.123456789Z",
            "ExitCode": 0,
            "Health": {"Status": "healthy"},
            **state,
        },
        "Config": {
            "Image": "qipan:local",
            "Cmd": ["run", service],
            "Hostname": "abc",
            "Labels": {
                DISTRICT: "x",
                SERVICE: service,
                TENANT: tenant,
                COMPOSE_NUMBER: str(number),
                VERSION: "0.1.0",
            },
        },
        "HostConfig": {"ReadonlyRootfs": True, "NetworkMode": "x_data"},
        "NetworkSettings": {
            "Networks": {
                "x_broker": {
                    "Aliases": [name, f"{name}{number}".ljust(64, "0")[:12]],
                    "IPAddress": "172.18.0.5",
                },
                "x_data": {"Aliases": [name], "IPAddress": "172.19.0.5"},
            }
        },
    }


class FakeContainer:
    """One container of the double."""

    def __init__(self, engine: "FakeEngine", attrs: dict[str, Any]) -> None:
        self.engine, self.attrs = engine, attrs

    @property
    def name(self) -> str:
        return str(self.attrs["Name"])

    def start(self) -> None:
        self.attrs["State"]["Status"] = "running"
        self.engine.started.append(self.name)

    def reload(self) -> None:
        """The double is always up to date."""

    def stop(self, timeout: int) -> None:
        assert timeout >= 30
        self.attrs["State"]["Status"] = "exited"

    def kill(self) -> None:
        self.attrs["State"]["Status"] = "exited"

    def remove(self, force: bool) -> None:
        self.engine.found.remove(self)

    def logs(self, tail: int) -> bytes:
        return b"said"

    def stats(self, stream: bool, one_shot: bool) -> dict[str, Any]:
        memory = {"usage": 300, "stats": {"total_inactive_file": 100}}
        return {"memory_stats": memory, "cpu_stats": {"cpu_usage": {"total_usage": 2_000_000_000}}}

    def connect(self, made: str, aliases: list[str]) -> None:
        self.engine.joined.append((made, aliases))


class FakeEngine:
    """What of the SDK's client the host uses."""

    def __init__(self, *found: dict[str, Any]) -> None:
        self.found = [FakeContainer(self, attrs) for attrs in found]
        self.joined: list[tuple[str, list[str]]] = []
        self.started: list[str] = []
        self.containers = self.api = self.networks = self

    def list(self, all: bool, filters: dict[str, Any], ignore_removed: bool) -> list[FakeContainer]:
        assert all
        [kind, district] = filters["label"]
        assert district == f"{DISTRICT}=x"
        return [each for each in self.found if kind in each.attrs["Config"]["Labels"]]

    def create_container_from_config(self, config: dict[str, Any], name: str) -> dict[str, str]:
        labels = config["Labels"]
        made = attributes(labels[SERVICE], labels[TENANT], int(labels[NUMBER]), Status="created")
        made["Config"]["Labels"] = labels
        self.found.append(FakeContainer(self, made))
        return {"Id": made["Id"]}

    def get(self, network: str) -> FakeContainer:
        return FakeContainer(self, {})

    def start(self, id: str) -> None:
        next(each for each in self.found if each.attrs["Id"] == id).start()


def host(*found: dict[str, Any]) -> tuple[Host, FakeEngine]:
    engine = FakeEngine(*found)
    return ContainerHost(engine, "x"), engine


def running(of: Host) -> list[str]:
    return [each.id for each in of.list()]


def test_a_status_says_what_the_engine_knows() -> None:
    said = status(attributes("dispatch", "sandun", 2))
    assert (said.id, said.state, said.pid, said.restarts) == ("dispatch@sandun.2", State.READY, 17, 2)
    assert said.url == "http://172.18.0.5:9100"
    assert f"{said.since:%F %T %z}" == "2026-03-02 01:00:00 +0000"
    assert status(attributes("gateway")).url.endswith(":8080")


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        ({"Health": {"Status": "starting"}}, State.STARTING),
        ({"Health": {"Status": "unhealthy"}}, State.NOT_READY),
        ({"Status": "restarting"}, State.RESTARTING),
        ({"Status": "exited"}, State.STOPPING),
    ],
)
def test_health_becomes_a_state(state: dict[str, Any], wanted: State) -> None:
    assert status(attributes("dispatch", **state)).state is wanted


def test_another_replica_has_everything_but_name_and_number() -> None:
    model = attributes("dispatch", "sandun")
    name, config, rest = another(model, 3)
    assert name == "x_dispatch-sandun_3"
    assert config["HostConfig"] == model["HostConfig"]
    assert "Hostname" not in config
    assert (config["Labels"][NUMBER], config["Labels"][COMPOSE_NUMBER]) == ("3", "3")
    assert list(config["NetworkingConfig"]["EndpointsConfig"]) == ["x_data"]
    assert rest == {"x_broker": {"Aliases": ["dispatch-sandun"]}}


def test_scaling_up_makes_replicas_and_joins_them_to_every_network() -> None:
    of, engine = host(attributes("dispatch", "sandun"), attributes("dispatch"))
    of.scale("dispatch", "sandun", 3)
    assert running(of) == ["dispatch.1", "dispatch@sandun.1", "dispatch@sandun.2", "dispatch@sandun.3"]
    assert len(engine.joined) == 2


def test_scaling_down_ends_the_last_ones_and_touches_nobody_else() -> None:
    of, engine = host(
        *(attributes("dispatch", "sandun", number) for number in (1, 2, 3)), attributes("dispatch")
    )
    of.scale("dispatch", "sandun", 1)
    assert running(of) == ["dispatch.1", "dispatch@sandun.1"]
    assert len(engine.found) == 2


def test_what_was_retired_can_be_started_again() -> None:
    of, _ = host(attributes("dispatch", "sandun"), attributes("dispatch", "sandun", 2))
    of.retire("dispatch", "sandun")
    assert running(of) == []
    of.scale("dispatch", "sandun", 2)
    assert running(of) == ["dispatch@sandun.1", "dispatch@sandun.2"]


def test_what_there_is_no_container_of_is_refused_with_what_there_is() -> None:
    of, _ = host(attributes("dispatch", "sandun"))
    with pytest.raises(Refused, match=r"bring up its file first\. There are: dispatch@sandun"):
        of.scale("crier", "wenxin", 1)
    with pytest.raises(Refused, match="qipan ps --on docker"):
        of.logs("crier@wenxin.1")
    with pytest.raises(Refused, match="runs already"):
        of.start(ProcessSpec("dispatch", "sandun", 1))


def test_the_gateway_has_one_address_and_one_container() -> None:
    of, _ = host(attributes("gateway"))
    with pytest.raises(Refused, match="one address"):
        of.scale("gateway", None, 2)


def test_usage_is_what_the_kernel_would_not_give_back() -> None:
    of, _ = host(attributes("dispatch"))
    assert isinstance(of, ContainerHost)
    assert of.usage() == {"dispatch.1": (200.0, 2.0)}
    assert of.versions() == {"dispatch.1": "0.1.0"}
    assert of.logs("dispatch.1") == "said"


def test_up_starts_servers_first_and_http_last() -> None:
    stopped = {"Status": "exited"}
    broker = attributes("broker", **stopped)
    broker["Config"]["Labels"] = {DISTRICT: "x", SERVER: "broker"}
    parts = [attributes(name, **stopped) for name in ("gateway", "dispatch", "steward")]
    of, engine = host(*parts, attributes("dispatch", "sandun", **stopped), broker)
    told: list[tuple[int, int]] = []
    assert isinstance(of, ContainerHost)
    of.up(1.0, lambda healthy, all: told.append((healthy, all)))
    assert engine.started == [
        "/x_broker_1",
        "/x_steward_1",
        "/x_dispatch_1",
        "/x_dispatch-sandun_1",
        "/x_gateway_1",
    ]
    assert told[-1] == (5, 5)


def test_up_names_what_does_not_get_healthy() -> None:
    of, _ = host(attributes("dispatch", Health={"Status": "unhealthy"}))
    assert isinstance(of, ContainerHost)
    with pytest.raises(StartError, match="x_dispatch_1"):
        of.up(0.0, lambda _healthy, _all: None)
    none, _ = host()
    assert isinstance(none, ContainerHost)
    with pytest.raises(Refused, match="compose file first"):
        none.up(0.0, lambda _healthy, _all: None)
