"""Fixtures and doubles for tests, the towns' own included: `pytest_plugins = ("qipan.testing",)`.

The broker and the database are real, private to the test session, started at their first use, and gone
with it however it ends.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from qipan.hosting.embedded import EmbeddedBroker, EmbeddedPostgres
from qipan.ids import new_id


@dataclass(frozen=True)
class Broker:
    """An empty virtual host of its own for one test. Whoever kills `node` is marked `kills_broker` and restarts it."""

    url: str
    vhost: str
    admin_url: str
    node: EmbeddedBroker


class Databases:
    """Makes databases for one test; each call gives another one."""

    def __init__(self, postgres: EmbeddedPostgres, templates: dict[str, str]) -> None:
        self._postgres = postgres
        self._templates = templates
        self._made: list[str] = []

    def __call__(self, build: Callable[[str], None] | None = None) -> str:
        """The superuser's SQLAlchemy URL of a fresh database.

        `build` is given the URL of an empty database to fill, once a session; every later call with the same
        function gets a copy of that. It must leave no connection open.
        """
        name = f"test_{new_id().replace('-', '')}"
        url = self._postgres.create_database(name, template=self._template(build) if build else None)
        self._made.append(name)
        return url

    def drop(self) -> None:
        """Drop what this test was given."""
        for name in self._made:
            self._postgres.drop_database(name)

    def _template(self, build: Callable[[str], None]) -> str:
        key = f"{build.__module__}.{build.__qualname__}"
        if key not in self._templates:
            name = f"template_{new_id().replace('-', '')}"
            build(self._postgres.create_database(name))
            self._templates[key] = name
        return self._templates[key]


@pytest.fixture(scope="session")
def broker_node() -> Iterator[EmbeddedBroker]:
    """The session's RabbitMQ node."""
    with EmbeddedBroker(_directory("broker"), ephemeral=True) as node:
        yield node


@pytest.fixture
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """A virtual host, empty and for this test alone, on the session's node.

    A test marked `kills_broker` gets a node of its own: RabbitMQ 3.10 may come back from a power cut unable to
    declare another queue, and that must not be the next test's trouble.
    """
    if request.node.get_closest_marker("kills_broker"):
        with EmbeddedBroker(_directory("mortal-broker"), ephemeral=True) as node:
            yield _virtual_host(node)
        return
    shared: EmbeddedBroker = request.getfixturevalue("broker_node")
    given = _virtual_host(shared)
    yield given
    shared.delete_vhost(given.vhost)


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """The session's PostgreSQL cluster."""
    with EmbeddedPostgres(_directory("postgres"), ephemeral=True) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def database_templates() -> dict[str, str]:
    """The databases already built in this session, by the function that built them."""
    return {}


@pytest.fixture
def database_url(postgres: EmbeddedPostgres, database_templates: dict[str, str]) -> Iterator[Databases]:
    """A function that gives a fresh database: `url = database_url()` or `database_url(build=migrate)`."""
    databases = Databases(postgres, database_templates)
    yield databases
    databases.drop()


def _virtual_host(node: EmbeddedBroker) -> Broker:
    vhost = f"test-{new_id()}"
    return Broker(url=node.create_vhost(vhost), vhost=vhost, admin_url=node.admin_url, node=node)


def _directory(what: str) -> Path:
    path = Path(tempfile.mkdtemp(prefix=f"qipan-test-{what}-"))
    os.chmod(path, 0o711)  # PostgreSQL's system user must get through, nobody else may look in
    return path
