"""A URL that names several nodes of a broker: each alone, and whether it can be one."""

import pytest

from qipan.messaging.nodes import each_node, is_address
from qipan.messaging.provision import user_url, vhost_of

THREE = "amqp://core:s%40cret@one:5672,two,[::1]:5674/qi%2Fpan?x=1"


def test_each_node_has_all_but_the_other_hosts() -> None:
    assert each_node(THREE) == (
        "amqp://core:s%40cret@one:5672/qi%2Fpan?x=1",
        "amqp://core:s%40cret@two/qi%2Fpan?x=1",
        "amqp://core:s%40cret@[::1]:5674/qi%2Fpan?x=1",
    )
    assert each_node("http://one:15672,two:15672") == ("http://one:15672", "http://two:15672")
    assert each_node("amqp://core:x@one/qipan") == ("amqp://core:x@one/qipan",)


def test_a_users_url_has_all_nodes_and_the_vhost_is_the_same() -> None:
    mine = user_url(THREE, "sandun", "secret")
    assert [node.partition("@")[2] for node in each_node(mine)] == [
        node.partition("@")[2] for node in each_node(THREE)
    ]
    assert all(node.startswith("amqp://sandun:") for node in each_node(mine))
    assert vhost_of(THREE) == "qi/pan"


@pytest.mark.parametrize(
    "wrong", ["amqp://u:p@one,/q", "amqp://u:p@one:5672,two:x/q", "http://one,two", "amqp://", "one,two"]
)
def test_one_wrong_host_spoils_the_address(wrong: str) -> None:
    assert not is_address(wrong, "amqp", "amqps", several=True)


def test_several_are_an_address_only_where_several_may_be() -> None:
    assert is_address(THREE, "amqp", several=True)
    assert not is_address(THREE, "amqp")
    assert is_address("amqp://u:p@one:5672/q", "amqp")
