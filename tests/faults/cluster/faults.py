"""The faults of hosts, nodes and cables. Each ends healed; what follows waits for the cluster to be whole."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.faults.cluster.gaps import Gaps
from tests.faults.cluster.hosts import CABLES, NODES, Cable, Hosts, of
from tests.faults.cluster.nodes import NOTICE_SECONDS, Cluster

DOWN_SECONDS = (1.0, 5.0)
"""How long a node stays away."""

CUT_SECONDS = (1.6 * NOTICE_SECONDS, 2.4 * NOTICE_SECONDS)
"""How long cables are out: long enough that the nodes notice, and the smaller part pauses."""


@dataclass
class Strike:
    """What a fault works with: `queue` is the one whose leader is isolated."""

    hosts: Hosts
    cluster: Cluster
    queue: str
    chance: random.Random

    def cut(self, cables: Sequence[Cable]) -> None:
        """Pull them out for a while."""
        self.hosts.cut(cables)
        time.sleep(self.chance.uniform(*CUT_SECONDS))
        self.hosts.heal()


def kill(on: Strike) -> None:
    """SIGKILL of a node."""
    _kill(on, on.chance.choice(NODES))


def kill_busiest(on: Strike) -> None:
    """SIGKILL of the node that most clients are connected to."""
    _kill(on, on.cluster.busiest())


def stop(on: Strike) -> None:
    """A node is stopped in order, as for an upgrade."""
    node = on.cluster.nodes[on.chance.choice(NODES)]
    node.stop()
    time.sleep(on.chance.uniform(*DOWN_SECONDS))
    node.start()


def part(on: Strike) -> None:
    """One node can no longer reach the other two, nor they it; clients reach all three."""
    on.cut(of(on.chance.choice(NODES), home=False))


def isolate_leader(on: Strike) -> None:
    """Nobody reaches the node that leads the queue."""
    on.cut(of(on.cluster.leader(on.queue)))


def isolate_busiest(on: Strike) -> None:
    """Nobody reaches the node that most clients are connected to."""
    on.cut(of(on.cluster.busiest()))


def cut_everything(on: Strike) -> None:
    """No two hosts reach each other, and clients reach none."""
    on.cut(CABLES)


def _kill(on: Strike, number: int) -> None:
    node = on.cluster.nodes[number]
    node.kill()
    time.sleep(on.chance.uniform(*DOWN_SECONDS))
    node.start()


def comes(gaps: Gaps, seconds: float) -> bool:
    """Wait until one more has come; False when none does in time."""
    count, end = gaps.count, time.monotonic() + seconds
    while gaps.count == count:
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


FAULTS: dict[str, Callable[[Strike], None]] = {
    "kill a node": kill,
    "kill the clients' node": kill_busiest,
    "stop a node": stop,
    "one from two": part,
    "isolate the leader": isolate_leader,
    "isolate the clients' node": isolate_busiest,
    "cut everything": cut_everything,
}
