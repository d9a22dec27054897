"""A broker of several nodes: one that does not answer is passed over, and none that answers is left out."""

import urllib.error
from dataclasses import replace
from urllib.parse import urlsplit, urlunsplit

import pytest

from qipan.hosting.embedded.home import free_port
from qipan.messaging import management
from qipan.messaging.provision import ProvisionError, apply
from qipan.messaging.wire import BROKER_GONE, Wire
from qipan.testing import Broker
from tests.integration.messaging.conftest import House, until

pytestmark = pytest.mark.slow


def beside(url: str, *others: str) -> str:
    """`url` with further hosts, half of them before its own."""
    parts = urlsplit(url)
    credentials, at, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=credentials + at + ",".join([*others[::2], host, *others[1::2]])))


def nowhere() -> str:
    return f"127.0.0.1:{free_port()}"


def test_a_wire_finds_the_node_that_lives(broker: Broker) -> None:
    url = beside(broker.url, nowhere(), nowhere())
    for _ in range(12):  # in a random order: the living one comes first, second and last
        Wire(url, "test").close()


def test_where_none_lives_it_says_so() -> None:
    with pytest.raises(BROKER_GONE):
        Wire(f"amqp://u:p@{nowhere()},{nowhere()}/q", "test")


def test_what_is_published_and_consumed_goes_over_whichever_node_lives(house: House) -> None:
    house.broker = replace(house.broker, url=beside(house.broker.url, nowhere(), nowhere()))
    house.relay()
    house.say(100)
    until(lambda: house.unsent() == 0)
    assert house.depth("intake.core") == 100


def test_the_management_api_of_whichever_node_lives_is_asked(broker: Broker) -> None:
    url = beside(broker.node.admin_url, nowhere(), nowhere())
    nodes, _ = management.asked(url, "nodes")
    assert len(nodes) == 1
    apply(url, {})


def test_a_node_that_refuses_has_answered(broker: Broker) -> None:
    parts = urlsplit(broker.node.admin_url)
    wrong = urlunsplit(parts._replace(netloc="nobody:x@" + parts.netloc.rpartition("@")[2]))
    with pytest.raises(urllib.error.HTTPError):
        management.asked(beside(wrong, nowhere()), "nodes")
    with pytest.raises(ProvisionError, match="refused"):
        apply(beside(wrong, nowhere()), {})
