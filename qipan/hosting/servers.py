"""The broker and the database that a district runs on: given from outside, or private ones under `var/`."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from qipan.hosting import targets
from qipan.hosting.embedded import EmbeddedBroker, EmbeddedPostgres
from qipan.settings import Settings


@dataclass(frozen=True, slots=True)
class Servers:
    """The administrator's addresses. `amqp_management_url` may be empty for a broker given from outside."""

    amqp_url: str
    amqp_management_url: str
    database_url: str


class NotRunning(Exception):
    """There is nothing to act on; the text says what to do."""


@contextmanager
def servers(settings: Settings, say: Callable[[str], None], *, ephemeral: bool = False) -> Iterator[Servers]:
    """The servers of the settings; private ones, while the block lasts, where none is named.

    `ephemeral` private ones leave no data behind.
    """
    with ExitStack() as stack:
        amqp_url, management_url = settings.amqp_url, settings.amqp_management_url
        database_url = settings.database_url
        if not database_url:
            say("starting a private PostgreSQL cluster")
            database_url = stack.enter_context(EmbeddedPostgres(settings.var, ephemeral=ephemeral)).url
        if not amqp_url:
            say("starting a private RabbitMQ node")
            broker = stack.enter_context(EmbeddedBroker(settings.var, ephemeral=ephemeral))
            amqp_url, management_url = broker.url, broker.admin_url
            targets.write(
                settings.var,
                targets.BROKER,
                [targets.Target(broker.metrics_address, broker.metrics_address, "broker")],
            )
            stack.callback(targets.forget, settings.var, targets.BROKER)
        found = Servers(amqp_url, management_url, database_url)
        stack.enter_context(_remembered(settings.var, found))
        yield found


def known_database(settings: Settings) -> str:
    """The administrator's database URL: the settings', or that of what runs in `var/`; NotRunning."""
    if settings.database_url:
        return settings.database_url
    return _running(settings.var, "QIPAN_DATABASE_URL to a database of yours").database_url


def known_broker(settings: Settings) -> tuple[str, str]:
    """The broker's AMQP and management URLs: the settings', else those of what runs in `var/`; NotRunning."""
    if settings.amqp_url:
        return settings.amqp_url, settings.amqp_management_url
    running = _running(settings.var, "QIPAN_AMQP_URL to a broker of yours")
    return running.amqp_url, running.amqp_management_url


def _running(var: Path, instead: str) -> Servers:
    try:
        return Servers(**json.loads(_file(var).read_text()))
    except FileNotFoundError:
        raise NotRunning(f"No Qipan runs in {var}: start one with `qipan up`, or set {instead}.") from None


@contextmanager
def _remembered(var: Path, found: Servers) -> Iterator[None]:
    """Lets `qipan dead`, `qipan db` and their like in another terminal find the running servers."""
    file = _file(var)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        json.dump(asdict(found), out)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def _file(var: Path) -> Path:
    return var / "run" / "servers.json"
