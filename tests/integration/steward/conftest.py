"""A provisioned broker, shared by a module's tests and clean for each; the steward's schema, fresh for each."""

from collections.abc import Iterator

import pytest
from steward_post import PLAN, SECRET, Post, build

from qipan.hosting.embedded import EmbeddedBroker
from qipan.ids import new_id
from qipan.messaging.definitions import definitions
from qipan.messaging.provision import apply
from qipan.storage import Database
from qipan.tenancy.clocks import Clocks
from qipan.testing import Broker, Databases


@pytest.fixture(scope="module")
def place(broker_node: EmbeddedBroker) -> Iterator[Broker]:
    vhost = f"steward-{new_id()}"
    url = broker_node.create_vhost(vhost)
    apply(broker_node.admin_url, definitions(PLAN, SECRET, vhost=vhost))
    yield Broker(url=url, vhost=vhost, admin_url=broker_node.admin_url, node=broker_node)
    broker_node.delete_vhost(vhost)


@pytest.fixture
def post(place: Broker, database_url: Databases) -> Iterator[Post]:
    db = Database(database_url(build), schema="steward", clocks=Clocks.real())
    post = Post(place, db)
    post.clean()
    yield post
    post.close()
    db.close()
