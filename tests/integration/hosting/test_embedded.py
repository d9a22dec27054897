"""The embedded servers: real readiness, power cuts, alarms, and nothing left behind."""

import time

import amqp
import psycopg
import pytest

from qipan.hosting.embedded import EmbeddedBroker, EmbeddedPostgres
from qipan.hosting.embedded.home import InUse
from qipan.testing import Broker, Databases

# RabbitMQ writes a new quorum queue's name to disk up to half a second after confirming the declaration;
# killed before that, the queue never answers again (seen with 3.10).
QUEUE_SETTLES = 1.5


def dsn(url: str) -> str:
    return url.replace("+psycopg", "")


def connect(url: str) -> amqp.Connection:
    address, _, vhost = url.removeprefix("amqp://").rpartition("/")
    credentials, _, host = address.rpartition("@")
    user, _, password = credentials.partition(":")
    connection = amqp.Connection(
        host, user, password, virtual_host=vhost, confirm_publish=True, read_timeout=20, write_timeout=5
    )
    connection.connect()
    return connection


def publish_durably(url: str, queue: str, text: str) -> None:
    with connect(url) as connection:
        channel = connection.channel()
        channel.queue_declare(queue, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})
        channel.basic_publish(amqp.Message(text, delivery_mode=2), routing_key=queue)


def test_each_test_gets_an_empty_virtual_host(broker: Broker) -> None:
    queues = broker.node.admin("GET", f"/api/queues/{broker.vhost}")
    assert queues == []
    publish_durably(broker.url, "q", "hello")


@pytest.mark.kills_broker
def test_a_confirmed_message_survives_a_power_cut_of_the_broker(broker: Broker) -> None:
    publish_durably(broker.url, "q", "kept")
    time.sleep(QUEUE_SETTLES)
    broker.node.kill()
    with pytest.raises(ConnectionRefusedError):
        connect(broker.url)
    broker.node.restart()
    with connect(broker.url) as connection:
        message = connection.channel().basic_get("q")
    assert message is not None
    assert message.body == "kept"


@pytest.mark.parametrize("alarm", ["memory", "disk"])
def test_an_alarm_blocks_publishers_until_it_is_cleared(broker: Broker, alarm: str) -> None:
    switch = broker.node.set_memory_alarm if alarm == "memory" else broker.node.set_disk_alarm
    switch(True)
    try:
        assert broker.node.alarms() == {alarm}
    finally:
        switch(False)
    assert broker.node.alarms() == set()
    publish_durably(broker.url, "q", "flows again")


def test_a_committed_row_survives_a_power_cut_of_the_database(
    postgres: EmbeddedPostgres, database_url: Databases
) -> None:
    url = database_url()
    with psycopg.connect(dsn(url)) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (7)")
    postgres.kill()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(dsn(url))
    postgres.restart()
    with psycopg.connect(dsn(url)) as connection:
        assert connection.execute("SELECT n FROM kept").fetchall() == [(7,)]
        assert connection.execute("SHOW fsync").fetchone() == ("on",)


def test_a_database_is_built_once_and_copied_afterwards(database_url: Databases) -> None:
    built = []

    def build(url: str) -> None:
        built.append(url)
        with psycopg.connect(dsn(url)) as connection:
            connection.execute("CREATE TABLE t (n int)")

    first, second = database_url(build), database_url(build)
    assert len(built) == 1
    assert first != second
    with psycopg.connect(dsn(first)) as connection:
        connection.execute("INSERT INTO t VALUES (1)")
    with psycopg.connect(dsn(second)) as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)


def test_a_second_server_in_the_same_directory_is_refused_in_words(
    broker_node: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qipan.hosting.embedded.home.PATIENCE", 0.0)
    with pytest.raises(InUse, match="in use by another Qipan"):
        EmbeddedBroker(broker_node.base)


def test_nobody_gets_in_without_the_password(broker: Broker, database_url: Databases) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(dsn(database_url()), password="guess")
    with pytest.raises(amqp.AccessRefused):
        connect(broker.url.replace("amqp://qipan:", "amqp://guest:guest"))
