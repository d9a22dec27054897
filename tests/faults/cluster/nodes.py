"""Three RabbitMQ nodes, one a host, clustered: the smaller part of a partition pauses."""

import secrets
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

from qipan.hosting.embedded.broker import bin_dir
from qipan.hosting.guarded import Guarded
from qipan.messaging import management
from tests.faults.cluster.hosts import NODES, Hosts, address

USER = "qipan"
VHOST = "qipan"
PORT, ADMIN_PORT = 5672, 15672
NOTICE_SECONDS = 5
"""After about so long of silence a node takes another for gone (Erlang's net_ticktime; 60 unless it is set)."""

START_SECONDS = 120.0
WHOLE_SECONDS = 180.0

_CONFIG = """\
listeners.tcp.1 = {address}:{port}
management.tcp.ip = {address}
management.tcp.port = {admin_port}
default_vhost = {vhost}
default_user = {user}
default_pass = {password}
cluster_partition_handling = pause_minority
cluster_formation.peer_discovery_backend = classic_config
cluster_formation.classic_config.nodes.1 = {first}
log.console = true
log.console.level = warning
log.file = false
vm_memory_high_watermark.absolute = 1GB
disk_free_limit.absolute = 200MB
raft.wal_max_size_bytes = 64000000
"""


class Node:
    """One node, killed and started again with its data. Its ports are its host's own."""

    def __init__(self, number: int, hosts: Hosts, base: Path, password: str, cookie: str) -> None:
        self.number = number
        self.admin_url = f"http://{USER}:{password}@{address(number)}:{ADMIN_PORT}"
        self._hosts = hosts
        self._home = base / f"node{number}"
        self._home.mkdir()
        self._server: Guarded | None = None
        config = _CONFIG.format(
            address=address(number),
            port=PORT,
            admin_port=ADMIN_PORT,
            vhost=VHOST,
            user=USER,
            password=password,
            first=_name(NODES[0]),
        )
        for name, text in (
            ("rabbitmq.conf", config),
            ("enabled_plugins", "[rabbitmq_management].\n"),
            (".erlang.cookie", cookie),
        ):
            path = self._home / name
            path.touch(mode=0o600)
            path.write_text(text)

    def start(self) -> None:
        """Start it; returns at once."""
        self._server = Guarded.start(
            [*self._hosts.within(self.number), str(bin_dir() / "rabbitmq-server")],
            log=self._home / "console.log",
            env=self._environment(),
            cwd=self._home,
            grace=30.0,
            remove=[self._home],
        )

    def kill(self) -> None:
        """SIGKILL, with its epmd."""
        if self._server is not None:
            self._server.kill()

    def stop(self) -> None:
        """Stop it in order."""
        if self._server is not None:
            self._server.stop()

    def sees(self) -> int:
        """How many nodes of the cluster run and are not cut off, by its own account; 0 when it does not answer."""
        try:
            found, _ = management.asked(self.admin_url, "nodes")
        except OSError:
            return 0
        return sum(bool(node.get("running")) and not node.get("partitions") for node in found)

    def tail(self) -> str:
        """The end of its log."""
        return self._server.tail() if self._server is not None else ""

    def _environment(self) -> dict[str, str]:
        home = self._home
        return {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(home),
            "RABBITMQ_USE_LONGNAME": "true",
            "RABBITMQ_NODENAME": _name(self.number),
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
            "RABBITMQ_LOG_BASE": str(home / "log"),
            "RABBITMQ_PID_FILE": str(home / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none"
            f" -kernel net_ticktime {NOTICE_SECONDS}",
            "ERL_CRASH_DUMP_SECONDS": "0",
            # The start script then becomes the Erlang machine instead of waiting for it as its parent.
            "detached": "true",
        }


class Cluster:
    """`with Cluster(hosts, base) as cluster`: the three of them, whole."""

    def __init__(self, hosts: Hosts, base: Path) -> None:
        password, cookie = secrets.token_urlsafe(18), secrets.token_hex(16)
        self.nodes = {number: Node(number, hosts, base, password, cookie) for number in NODES}
        self._credentials = f"{USER}:{password}"

    @property
    def url(self) -> str:
        """Where clients go: all three."""
        return f"amqp://{self._credentials}@{_all(PORT)}/{VHOST}"

    @property
    def admin_url(self) -> str:
        """The management API of all three."""
        return f"http://{self._credentials}@{_all(ADMIN_PORT)}"

    def await_whole(self, *queues: str) -> float:
        """Wait until each sees all three, and these quorum queues have all of their replicas; the seconds it took.

        Raises TimeoutError with the ends of their logs.
        """
        began = time.monotonic()
        while not (all(n.sees() == len(NODES) for n in self.nodes.values()) and all(map(self._full, queues))):
            if time.monotonic() > began + WHOLE_SECONDS:
                raise TimeoutError("\n".join(f"{n.number}:\n{n.tail()}" for n in self.nodes.values()))
            time.sleep(0.5)
        return time.monotonic() - began

    def leader(self, queue: str) -> int:
        """The node that leads a quorum queue, or on which a classic one is."""
        found = self._queue(queue)
        return _number(str(found.get("leader") or found["node"]))

    def busiest(self) -> int:
        """The node that most clients are connected to."""
        words = ["ss", "-Htn", "state", "established", "dport", "=", f":{PORT}"]
        found = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
        peers = Counter(_number(line.split()[-1].rpartition(":")[0]) for line in found)
        return max(NODES, key=lambda number: peers[number])

    def __enter__(self) -> Self:
        first, *others = self.nodes.values()
        try:
            first.start()
            _until(lambda: first.sees() == 1, first)
            for node in others:
                node.start()
            self.await_whole()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with ThreadPoolExecutor() as pool:
            list(pool.map(Node.kill, self.nodes.values()))

    def _full(self, queue: str) -> bool:
        try:
            return len(self._queue(queue).get("online", ())) == len(NODES)
        except OSError:
            return False

    def _queue(self, name: str) -> Any:
        found, _ = management.asked(self.admin_url, f"queues/{VHOST}/{name}")
        return found


def _name(number: int) -> str:
    return f"qipan@{address(number)}"


def _number(place: str) -> int:
    """The node at an address or of a name."""
    return int(place.rpartition(".")[2])


def _all(port: int) -> str:
    return ",".join(f"{address(number)}:{port}" for number in NODES)


def _until(there: Callable[[], bool], node: Node) -> None:
    end = time.monotonic() + START_SECONDS
    while not there():
        if time.monotonic() > end:
            raise TimeoutError(node.tail())
        time.sleep(0.2)
