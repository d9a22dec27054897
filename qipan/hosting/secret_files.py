"""Each process's secrets as files, for hosts that mount them into containers: a folder for each, and only its own.

Which folders are there says who is to get any: below one root each is named like a process (`dispatch`,
`dispatch@sandun`), or is one of the three for `SERVERS` and whoever administers them.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from sqlalchemy import make_url

from qipan.hosting.credentials import Credentials
from qipan.hosting.plan import spec_of
from qipan.hosting.port import Refused
from qipan.hosting.prepare import broker_definitions
from qipan.hosting.servers import Servers
from qipan.messaging.definitions import EVERYTHING, password_hash, user_password
from qipan.messaging.provision import vhost_of, write
from qipan.settings import Settings
from qipan.storage.roles import role_password
from qipan.tenancy import District

BROKER, DATABASE, OPERATOR = "broker", "database", "operator"
SERVERS = (BROKER, DATABASE)

ADMINISTRATOR = "qipan"
"""The servers' administrator. No tenant may be called so: on the broker it would have all rights."""


def fill(root: Path, district: District, credentials: Credentials, settings: Settings) -> tuple[str, ...]:
    """Write what belongs into each folder below `root`; their names.

    `settings` have the servers' addresses; names and passwords in them are not looked at. Refused, before
    anything is written, for a folder of a name that nothing has.
    """
    if ADMINISTRATOR in district.tenants:
        raise Refused(f"No tenant may be called {ADMINISTRATOR!r}: that is the servers' administrator.")
    if not settings.amqp_url or not settings.database_url:
        raise Refused("QIPAN_AMQP_URL and QIPAN_DATABASE_URL must say where the servers are.")
    servers = administrators_servers(settings, credentials.secret)
    folders = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    if not folders:
        raise Refused(
            f"There is no folder in {root}; make one for each process, e.g. {root}/dispatch@sandun."
        )
    processes = {
        folder: _of_process(folder.name, district, credentials, settings, servers)
        for folder in folders
        if folder.name not in (*SERVERS, OPERATOR)
    }
    for folder, told in processes.items():
        _write(folder, told, 0o400)
    for folder in folders:
        if folder.name == BROKER:
            _write_definitions(folder, district, credentials.secret, settings)
        elif folder.name == DATABASE:
            _write(folder, {"password": role_password(ADMINISTRATOR, credentials.secret)}, 0o444)
        elif folder.name == OPERATOR:
            told = {
                "amqp_url": servers.amqp_url,
                "amqp_management_url": servers.amqp_management_url,
                "database_url": servers.database_url,
            }
            _write(folder, told, 0o400)
    return tuple(folder.name for folder in folders)


def administrators_servers(settings: Settings, secret: str) -> Servers:
    """The settings' servers, with the administrator's name and passwords, which are derived too."""
    password = user_password(ADMINISTRATOR, secret)
    database = make_url(settings.database_url).set(
        username=ADMINISTRATOR, password=role_password(ADMINISTRATOR, secret)
    )
    management = settings.amqp_management_url
    return Servers(
        _with(settings.amqp_url, password),
        _with(management, password) if management else "",
        database.render_as_string(hide_password=False),
    )


def _of_process(
    serves: str, district: District, credentials: Credentials, settings: Settings, servers: Servers
) -> dict[str, str]:
    service, _, tenant = serves.partition("@")
    spec = spec_of(district, service, tenant or None)
    told = credentials.of_process(spec, servers, settings, district.id)
    if service == "notify":  # a file that is mounted must be there; an empty one means no mail
        told = {"QIPAN_SMTP_URL": "", **told}
    return {
        name.removeprefix("QIPAN_").lower(): value
        for name, value in told.items()
        if name.startswith("QIPAN_")
    }


def _write_definitions(folder: Path, district: District, secret: str, settings: Settings) -> None:
    """All that the broker must hold, for it to read at its first start; the administrator beside the rest."""
    vhost = vhost_of(settings.amqp_url)
    found = broker_definitions(district, settings.amqp_url, secret, settings.core_user)
    users, rights = found["users"], found["permissions"]
    assert isinstance(users, list)
    assert isinstance(rights, list)
    users.append(
        {
            "name": ADMINISTRATOR,
            "password_hash": password_hash(ADMINISTRATOR, secret),
            "hashing_algorithm": "rabbit_password_hashing_sha256",
            "tags": ["administrator"],
        }
    )
    all_of_it = dict.fromkeys(("configure", "write", "read"), EVERYTHING)
    rights.append({"user": ADMINISTRATOR, "vhost": vhost, **all_of_it})
    beside = folder / "definitions.json.new"
    beside.unlink(missing_ok=True)
    write(beside, found)
    beside.chmod(0o444)
    beside.replace(folder / "definitions.json")


def _write(folder: Path, told: Mapping[str, str], mode: int) -> None:
    """A file for each; one that is being read meanwhile stays whole."""
    for name, value in told.items():
        beside = folder / f"{name}.new"
        beside.unlink(missing_ok=True)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as out:
            out.write(value)
        beside.chmod(mode)
        beside.replace(folder / name)


def _with(url: str, password: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{ADMINISTRATOR}:{quote(password, safe='')}@{host}"))
