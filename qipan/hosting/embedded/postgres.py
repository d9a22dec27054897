"""A private PostgreSQL cluster: loopback only, a password of its own, crash-safe settings."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

import psycopg
from psycopg import sql

from qipan.hosting.embedded.server import EmbeddedServer
from qipan.hosting.guarded import Guarded, StartError

_INSTALLED = Path("/usr/lib/postgresql")
_SYSTEM_USER = "postgres"
_USER = "qipan"
_DATABASE = "qipan"

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # No Unix socket: nothing for other users of the machine to find, and no limit on the path's length.
    "unix_socket_directories": "",
    # An acknowledged report survives a power cut.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # A small machine that runs everything: some twenty processes with small pools, little memory.
    "max_connections": "200",
    "shared_buffers": "128MB",
    "work_mem": "4MB",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "10min",
    "max_parallel_workers_per_gather": "0",
    # Short statements gain nothing from compiling.
    "jit": "off",
    # Two cluster-wide promises that every instant is UTC and no transaction is left open for ever.
    "timezone": "UTC",
    "log_timezone": "UTC",
    "idle_in_transaction_session_timeout": "60s",
    "log_min_messages": "warning",
    "password_encryption": "scram-sha-256",
}


class EmbeddedPostgres(EmbeddedServer):
    """`with EmbeddedPostgres(base) as p: p.url`. Data and port stay in `<base>/postgres` from run to run.

    PostgreSQL refuses to run as root: then it runs as the system user `postgres`, and where that user cannot
    reach `<base>` the data lie in a directory under /var/tmp that `<base>/postgres/data` links to.
    """

    called = "PostgreSQL"

    def __init__(self, base: Path | str, *, ephemeral: bool = False) -> None:
        super().__init__(base, "postgres", ephemeral=ephemeral)
        self._port = self._home.port("port")
        self._password = self._home.secret("password")
        self._user = _SYSTEM_USER if os.geteuid() == 0 else None
        self._data = self._home.path / "data"

    @property
    def url(self) -> str:
        """SQLAlchemy URL of the database `qipan` as its superuser."""
        return self.url_of(_DATABASE)

    def url_of(self, database: str) -> str:
        """SQLAlchemy URL of a database of this cluster, as the superuser."""
        return f"postgresql+psycopg://{_USER}:{self._password}@127.0.0.1:{self._port}/{database}"

    def create_database(self, name: str, template: str | None = None) -> str:
        """Make a database, as a copy of `template` where given; returns its URL."""
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template is not None:
            statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
        self._execute(statement)
        return self.url_of(name)

    def drop_database(self, name: str) -> None:
        """Drop a database and whoever is connected to it."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def start(self, timeout: float = 60.0) -> Self:
        """Make the cluster if there is none, start it, wait until it answers a query. Raises StartError."""
        self._make_cluster()
        self._server = Guarded.start(
            [str(bin_dir() / "postgres"), "-D", str(self._data.resolve())],
            log=self._home.path / "console.log",
            env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8"},
            user=self._user,
            stop_signal="INT",
            grace=20.0,
            remove=self._directories() if self._ephemeral else [],
            hold=[self._home.lock],
        )
        self._await(self._has_database, timeout)
        return self

    def _directories(self) -> list[Path]:
        outside = [self._data.resolve()] if self._data.is_symlink() else []
        return [*outside, *super()._directories()]

    def _make_cluster(self) -> None:
        if not (self._data / "PG_VERSION").exists():
            self._place_data()
            self._initdb()
        lines = [f"{name} = '{value}'" for name, value in {**_SETTINGS, "port": str(self._port)}.items()]
        (self._data / "postgresql.auto.conf").write_text("\n".join(lines) + "\n")

    def _place_data(self) -> None:
        """An empty data directory that the server's user owns and can reach."""
        target = self._data
        if self._user is not None and not _reachable(self._home.path, self._user):
            outside = Path(tempfile.mkdtemp(prefix="qipan-", dir="/var/tmp"))
            outside.chmod(0o711)
            target = outside / "data"
            self._data.unlink(missing_ok=True)
            self._data.symlink_to(target)
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(mode=0o700)
        if self._user is not None:
            shutil.chown(target, self._user, self._user)

    def _initdb(self) -> None:
        user = pwd.getpwnam(self._user) if self._user else None
        with tempfile.NamedTemporaryFile("w") as password:
            if user is not None:
                os.fchown(password.fileno(), user.pw_uid, user.pw_gid)
            password.write(self._password)
            password.flush()
            command = [
                str(bin_dir() / "initdb"),
                "-D",
                str(self._data.resolve()),
                "-U",
                _USER,
                "--pwfile",
                password.name,
            ]
            command += ["--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-instructions"]
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                cwd="/",
                env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8"},
                user=user.pw_uid if user else None,
                group=user.pw_gid if user else None,
                extra_groups=[] if user else None,
                check=False,
            )
        if done.returncode != 0:
            raise StartError(f"initdb failed:\n{done.stderr.strip()}")

    def _has_database(self) -> bool:
        """Whether it answers; the first time, its one database is made."""
        try:
            self.create_database(_DATABASE)
        except psycopg.errors.DuplicateDatabase:
            return True
        except psycopg.OperationalError:
            return False
        return True

    def _execute(self, statement: sql.SQL | sql.Composed) -> None:
        address = self.url_of("postgres").replace("+psycopg", "")
        with psycopg.connect(address, connect_timeout=5, autocommit=True) as connection:
            connection.execute(statement)


def bin_dir() -> Path:
    """Where PostgreSQL's programs are, of the newest version that is installed. Raises StartError."""
    versions = [path for path in _INSTALLED.glob("*/bin") if (path / "postgres").exists()]
    if versions:
        return max(versions, key=lambda path: int(path.parent.name))
    found = shutil.which("postgres")
    if found:
        return Path(found).parent
    raise StartError(
        "PostgreSQL is not installed: `make setup` installs it, or set QIPAN_DATABASE_URL to one of yours"
    )


def _reachable(path: Path, user: str) -> bool:
    """Whether `user` may traverse every directory down to `path`."""
    done = subprocess.run(
        ["test", "-x", str(path)], user=user, group=user, extra_groups=[], cwd="/", check=False
    )
    return done.returncode == 0
