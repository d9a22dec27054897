"""What the containers themselves keep out: nothing of it is asked of the processes within."""

from collections.abc import Iterable, Mapping
from typing import Any

COMPILERS = ("cc", "gcc", "g++", "clang", "tcc", "as", "ld")
LOOPBACK = "127.0.0.1"
CORE = frozenset({"broker", "database"})
"""Images of others; what is asked of ours is not asked of these, but for the ports."""

SHOULD_NOT_REACH = {"door": "broker", "floodwatch-sandun": "database"}
"""Accepting a report never touches the broker, and what a town adds has no database: not by good will, by network."""


def holes(service: str, attributes: Mapping[str, Any]) -> list[str]:
    """What the engine says of a container that should not be so; `attributes` as the engine's API has them."""
    host, found = attributes["HostConfig"], []
    for bindings in (attributes["NetworkSettings"]["Ports"] or {}).values():
        for binding in bindings or ():
            if service != "gateway":
                found.append(f"{service} has an open port: {binding['HostPort']}")
            elif binding["HostIp"] != LOOPBACK:
                found.append(f"{service} is open on {binding['HostIp']}")
    if any("docker.sock" in mount.get("Source", "") for mount in attributes["Mounts"]):
        found.append(f"{service} has the engine's socket")
    if host.get("Privileged"):
        found.append(f"{service} is privileged")
    if service in CORE:
        return found
    if not host.get("ReadonlyRootfs"):
        found.append(f"{service} can write to its root file system")
    if host.get("CapDrop") != ["ALL"] or host.get("CapAdd"):
        found.append(f"{service} has capabilities")
    if attributes["Config"].get("User", "") in ("", "0", "root", "0:0"):
        found.append(f"{service} runs as root")
    return found


def shared_networks(one: Mapping[str, Any], other: Mapping[str, Any]) -> set[str]:
    """Networks over which two containers reach each other."""
    return _networks(one) & _networks(other)


def compilers_of(paths: Iterable[str]) -> list[str]:
    """Compilers among the programs of an image."""
    return sorted({path.rpartition("/")[2] for path in paths} & set(COMPILERS))


def _networks(attributes: Mapping[str, Any]) -> set[str]:
    return set(attributes["NetworkSettings"]["Networks"] or {})
