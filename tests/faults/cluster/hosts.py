"""Hosts for a broker's nodes: a network namespace each, a cable between any two, and none to anywhere else.

The namespaces have no names. A guarded process keeps each, and when that ends, by whatever death, the kernel takes the
namespace and its cables away. Host 0 is the namespace of this process, where clients and the database are; it must be
one of its own too (`apart`), so that nothing of the machine's network is touched or reached.
"""

import os
import subprocess
import time
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Self

from qipan.hosting.guarded import Guarded, StartError

HOME = 0
"""Where the clients are."""

NODES = (1, 2, 3)

Cable = tuple[int, int]
"""The two hosts that it joins, the lower first."""

CABLES: tuple[Cable, ...] = tuple(combinations((HOME, *NODES), 2))
START_SECONDS = 10.0


def address(host: int) -> str:
    """A host's address, the same on each of its cables."""
    return f"10.77.0.{host or 254}"


def of(host: int, *, home: bool = True) -> tuple[Cable, ...]:
    """The cables of a host; without that to the clients if not `home`."""
    return tuple(cable for cable in CABLES if host in cable and (home or HOME not in cable))


class Hosts:
    """`with Hosts(base) as hosts`: three hosts beside this one, every cable plugged in."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._keepers: dict[int, Guarded] = {}

    def within(self, host: int) -> list[str]:
        """What to write before a command so that it runs on that host."""
        if host == HOME:
            return []
        return ["nsenter", f"--net=/proc/{self._keepers[host].pid}/ns/net"]

    def cut(self, cables: Iterable[Cable]) -> None:
        """Pull cables out at both ends: what is sent is gone, and nobody is told."""
        self._set(cables, "down")

    def heal(self) -> None:
        """Plug every cable in again."""
        self._set(CABLES, "up")

    def __enter__(self) -> Self:
        try:
            self._ip(HOME, "link", "set", "lo", "up")
            for host in NODES:
                self._keepers[host] = _kept(self._base / "hosts")
                self._ip(host, "link", "set", "lo", "up")
            for one, other in CABLES:
                self._join(one, other)
            self.heal()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for keeper in self._keepers.values():
            keeper.kill()

    def _join(self, one: int, other: int) -> None:
        here = ["name", f"to{other}"]
        if one != HOME:
            here += ["netns", str(self._keepers[one].pid)]
        there = ["name", f"to{one}", "netns", str(self._keepers[other].pid)]
        self._ip(HOME, "link", "add", *here, "type", "veth", "peer", *there)
        for host, peer in ((one, other), (other, one)):
            # The route to the peer comes and goes with the cable, the address stays.
            self._ip(host, "address", "add", address(host), "peer", address(peer), "dev", f"to{peer}")

    def _set(self, cables: Iterable[Cable], state: str) -> None:
        for one, other in cables:
            self._ip(one, "link", "set", f"to{other}", state)
            self._ip(other, "link", "set", f"to{one}", state)

    def _ip(self, host: int, *words: str) -> None:
        _run([*self.within(host), "ip", *words])


def _kept(log: Path) -> Guarded:
    """A new namespace's keeper; StartError when it could not be made."""
    keeper = Guarded.start(
        ["unshare", "--net", "sleep", "infinity"], log=log / "keeper.log", grace=0.0, remove=[log]
    )
    mine, its = Path("/proc/self/ns/net"), Path(f"/proc/{keeper.pid}/ns/net")
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and keeper.poll() is None:
        if os.readlink(mine) != os.readlink(its):
            return keeper
        time.sleep(0.01)
    keeper.kill()
    raise StartError(f"no network namespace could be made: {keeper.tail() or 'no reason was given'}")


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
