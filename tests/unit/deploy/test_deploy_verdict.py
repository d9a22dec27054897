"""What the deploy test makes of its figures, and that nothing that is wrong slips through."""

from typing import Any

import pytest

from deploy.test import verdict, walls

GOOD: dict[str, Any] = {
    **dict.fromkeys(verdict.MUST_BE_ZERO, 0),
    **{name: [] for name in verdict.MUST_BE_EMPTY},
    **dict.fromkeys(verdict.MUST_NOT_BE_ZERO, 7),
    "visible": 7,
    "replicas": verdict.REPLICAS,
}

CONTAINER: dict[str, Any] = {
    "HostConfig": {"ReadonlyRootfs": True, "CapDrop": ["ALL"], "CapAdd": None, "Privileged": False},
    "Config": {"User": "10001:10001"},
    "NetworkSettings": {"Ports": {"8080/tcp": None}, "Networks": {"p_broker": {}, "p_data": {}}},
    "Mounts": [{"Source": "/var/lib/volumes/x"}],
}


def test_figures_that_are_as_they_must_be_are_not_broken() -> None:
    assert verdict.broken(GOOD) == []


@pytest.mark.parametrize("name", verdict.MUST_BE_ZERO)
def test_a_figure_that_must_be_zero_is_noticed_when_it_is_not_or_is_missing(name: str) -> None:
    assert verdict.broken({**GOOD, name: 1}) == [f"{name}: 1"]
    assert verdict.broken({key: value for key, value in GOOD.items() if key != name}) != []


@pytest.mark.parametrize("name", verdict.MUST_BE_EMPTY)
def test_a_list_that_must_be_empty_is_noticed_when_it_is_not_or_is_missing(name: str) -> None:
    assert verdict.broken({**GOOD, name: ["x"]}) != []
    assert verdict.broken({key: value for key, value in GOOD.items() if key != name}) != []


@pytest.mark.parametrize(
    "wrong", [*({name: 0} for name in verdict.MUST_NOT_BE_ZERO), {"replicas": 2}, {"visible": 6}]
)
def test_what_did_not_happen_is_noticed(wrong: dict[str, int]) -> None:
    assert verdict.broken({**GOOD, **wrong}) != []


def test_a_container_that_is_closed_has_no_holes() -> None:
    assert walls.holes("dispatch", CONTAINER) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"HostConfig": {**CONTAINER["HostConfig"], "ReadonlyRootfs": False}},
        {"HostConfig": {**CONTAINER["HostConfig"], "CapDrop": None}},
        {"HostConfig": {**CONTAINER["HostConfig"], "CapAdd": ["NET_ADMIN"]}},
        {"HostConfig": {**CONTAINER["HostConfig"], "Privileged": True}},
        {"Config": {"User": ""}},
        {"Mounts": [{"Source": "/var/run/docker.sock"}]},
        {
            "NetworkSettings": {
                "Ports": {"9100/tcp": [{"HostIp": "127.0.0.1", "HostPort": "9100"}]},
                "Networks": {},
            }
        },
    ],
)
def test_a_hole_is_noticed(wrong: dict[str, Any]) -> None:
    assert walls.holes("dispatch", {**CONTAINER, **wrong}) != []


def test_the_gateway_is_open_on_loopback_only() -> None:
    def gateway(address: str) -> dict[str, Any]:
        ports = {"8080/tcp": [{"HostIp": address, "HostPort": "8080"}]}
        return {**CONTAINER, "NetworkSettings": {"Ports": ports, "Networks": {}}}

    assert walls.holes("gateway", gateway("127.0.0.1")) == []
    assert walls.holes("gateway", gateway("0.0.0.0")) != []


def test_a_shared_network_and_a_compiler_are_noticed() -> None:
    other = {"NetworkSettings": {"Networks": {"p_data": {}}}}
    assert walls.shared_networks(CONTAINER, other) == {"p_data"}
    assert walls.compilers_of(["/usr/bin/gcc", "ls", "as"]) == ["as", "gcc"]
