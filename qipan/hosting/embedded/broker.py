"""A private RabbitMQ node: loopback only, its own epmd, its own cookie, user and virtual host."""

import base64
import json
import os
import socket
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self
from urllib.parse import quote

from qipan.hosting.embedded.server import EmbeddedServer
from qipan.hosting.guarded import Guarded, StartError

_BINARIES = (Path("/usr/lib/rabbitmq/bin"), Path("/opt/rabbitmq/sbin"), Path("/usr/local/sbin"))
_DISK_FREE_LIMIT = "200MB"
_VHOST = "qipan"
_USER = "qipan"

_CONFIG = """\
listeners.tcp.1 = 127.0.0.1:{port}
management.tcp.ip = 127.0.0.1
management.tcp.port = {admin_port}
prometheus.tcp.ip = 127.0.0.1
prometheus.tcp.port = {metrics_port}
default_vhost = {vhost}
default_user = {user}
default_pass = {password}
default_permissions.configure = .*
default_permissions.read = .*
default_permissions.write = .*
log.console = true
log.console.level = warning
log.file = false
# A small machine: the alarm at 1 GB, the log segments of quorum queues at 64 MB instead of 512.
vm_memory_high_watermark.absolute = 1GB
disk_free_limit.absolute = {disk_free_limit}
raft.wal_max_size_bytes = 64000000
# Management is there to provision users and permissions over HTTP, not to draw charts.
management_agent.disable_metrics_collector = true
collect_statistics_interval = 60000
"""


class EmbeddedBroker(EmbeddedServer):
    """`with EmbeddedBroker(base) as b: b.url`. Data and ports stay in `<base>/rabbitmq` from run to run."""

    called = "RabbitMQ"

    def __init__(self, base: Path | str, *, ephemeral: bool = False) -> None:
        super().__init__(base, "rabbitmq", ephemeral=ephemeral)
        self._port = self._home.port("port")
        self._admin_port = self._home.port("admin_port")
        self._metrics_port = self._home.port("metrics_port")
        self._dist_port = self._home.port("dist_port")
        self._epmd_port = self._home.port("epmd_port")
        self._password = self._home.secret("password")

    @property
    def url(self) -> str:
        """AMQP URL of the node's own virtual host, with full rights."""
        return self.url_of(_VHOST)

    @property
    def admin_url(self) -> str:
        """Base URL of the management HTTP API, with the administrator's credentials."""
        return f"http://{_USER}:{self._password}@127.0.0.1:{self._admin_port}"

    @property
    def metrics_address(self) -> str:
        """Where the node's Prometheus plugin answers, as host:port."""
        return f"127.0.0.1:{self._metrics_port}"

    def url_of(self, vhost: str) -> str:
        """AMQP URL of a virtual host, with full rights."""
        return f"amqp://{_USER}:{self._password}@127.0.0.1:{self._port}/{quote(vhost, safe='')}"

    def create_vhost(self, name: str) -> str:
        """Make an empty virtual host (tests: one each); returns its URL."""
        self.admin("PUT", f"/api/vhosts/{quote(name, safe='')}")
        self.admin(
            "PUT",
            f"/api/permissions/{quote(name, safe='')}/{_USER}",
            {"configure": ".*", "write": ".*", "read": ".*"},
        )
        return self.url_of(name)

    def delete_vhost(self, name: str) -> None:
        """Delete a virtual host with all that is in it."""
        self.admin("DELETE", f"/api/vhosts/{quote(name, safe='')}")

    def admin(self, method: str, path: str, body: object | None = None) -> object:
        """One request to the management API; returns the decoded answer, raises urllib's HTTPError."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._admin_port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "content-type": "application/json",
                "authorization": "Basic " + base64.b64encode(f"{_USER}:{self._password}".encode()).decode(),
            },
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            text = response.read()
        return json.loads(text) if text else None

    def start(self, timeout: float = 60.0) -> Self:
        """Start the node and wait until it answers an AMQP handshake and its management API.

        Raises StartError with the end of the log.
        """
        self._write_config()
        self._server = Guarded.start(
            [str(bin_dir() / "rabbitmq-server")],
            log=self._home.path / "console.log",
            env=self._environment(),
            cwd=self._home.path,
            grace=20.0,
            remove=self._directories() if self._ephemeral else [],
            hold=[self._home.lock],
        )
        self._await(lambda: self._greets() and self._administers(), timeout)
        return self

    def set_memory_alarm(self, on: bool) -> None:
        """Raise or clear the memory alarm: with it on, every publisher is blocked."""
        self.ctl("set_vm_memory_high_watermark", *(("0.0000001",) if on else ("absolute", "1GB")))

    def set_disk_alarm(self, on: bool) -> None:
        """Raise or clear the disk alarm: with it on, every publisher is blocked."""
        self.ctl("set_disk_free_limit", "1000000GB" if on else _DISK_FREE_LIMIT)

    def alarms(self) -> set[str]:
        """The alarms that are on: "memory", "disk", or none."""
        return {
            name
            for name in ("memory", "disk")
            if f"{{resource_limit,{name}," in self.ctl("eval", "rabbit_alarm:get_alarms().")
        }

    def ctl(self, *arguments: str) -> str:
        """Run rabbitmqctl on this node (half a second); returns its output. Raises RuntimeError."""
        done = subprocess.run(
            [str(bin_dir() / "rabbitmqctl"), "-q", *arguments],
            env=self._environment(),
            cwd=self._home.path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(
                f"rabbitmqctl {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}"
            )
        return done.stdout

    def _write_config(self) -> None:
        config = self._home.path / "rabbitmq.conf"
        config.touch(mode=0o600)
        config.write_text(
            _CONFIG.format(
                port=self._port,
                admin_port=self._admin_port,
                metrics_port=self._metrics_port,
                vhost=_VHOST,
                user=_USER,
                password=self._password,
                disk_free_limit=_DISK_FREE_LIMIT,
            )
        )
        (self._home.path / "enabled_plugins").write_text("[rabbitmq_management,rabbitmq_prometheus].\n")

    def _environment(self) -> dict[str, str]:
        home = self._home.path
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "LANG": "C.UTF-8",
            "HOME": str(home),
            "RABBITMQ_NODENAME": f"qipan{self._port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
            "RABBITMQ_LOG_BASE": str(home / "log"),
            "RABBITMQ_PID_FILE": str(home / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
            # Schedulers that do not spin while idle: other processes need the cores more.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"
            " -kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_CRASH_DUMP_SECONDS": "0",
            # The start script then becomes the Erlang machine instead of waiting for it as its parent.
            "detached": "true",
        }

    def _greets(self) -> bool:
        """Whether the node answers the AMQP protocol header with connection.start, not only accepts TCP."""
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=2) as connection:
                connection.sendall(b"AMQP\x00\x00\x09\x01")
                return connection.recv(1) == b"\x01"
        except OSError:
            return False

    def _administers(self) -> bool:
        try:
            self.admin("GET", "/api/whoami")
        except (OSError, urllib.error.HTTPError):
            return False
        return True


def bin_dir() -> Path:
    """Where RabbitMQ's own programs are; StartError when it is not installed."""
    for directory in _BINARIES:
        if (directory / "rabbitmq-server").exists():
            return directory
    raise StartError(
        "RabbitMQ is not installed: `make setup` installs it, or set QIPAN_AMQP_URL to a broker of yours"
    )
