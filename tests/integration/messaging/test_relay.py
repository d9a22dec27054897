"""The outbox relay: what was committed is published until the broker has it, whoever dies in between."""

import pytest
from sqlalchemy import text

from qipan.messaging.relay import Relay
from qipan.messaging.unguarded import PublishAfterCommit
from qipan.observability import metrics
from qipan.storage import Database
from qipan.tenancy.clocks import Clocks
from tests.integration.messaging.conftest import House, report, until


def test_what_is_rolled_back_is_never_heard(house: House) -> None:
    house.relay()

    def fail() -> None:
        with house.sender.begin() as work:
            work.publish(report("r1"), tenant="sandun")
            raise RuntimeError("the effect failed")

    with pytest.raises(RuntimeError):
        fail()
    house.say(1, start=2)
    until(lambda: house.depth("intake.core") == 1)
    until(lambda: house.unsent() == 0)  # the broker has it before its row goes


def test_a_message_waits_in_the_outbox_while_its_subscriber_has_no_queue(house: House) -> None:
    wire = house.wire()
    wire.channel.exchange_unbind("inbox.intake", "events", "*.report.received.v1")
    relay = house.relay()
    until(lambda: relay.ready() == (True, "relaying"))
    house.say(3)
    # The relay declares every subscriber's queue anew, and then the message finds it.
    until(lambda: house.depth("intake.core") == 3)
    until(lambda: house.unsent() == 0)


def test_a_message_nobody_subscribes_to_does_not_wait_for_ever(house: House) -> None:
    relay = house.relay(subscribed=lambda key: False)
    until(lambda: relay.ready() == (True, "relaying"))  # it declares the binding anew when it starts
    house.wire().channel.exchange_unbind("inbox.intake", "events", "*.report.received.v1")
    house.say(3)
    until(lambda: house.unsent() == 0)


def test_two_relays_of_one_outbox_take_turns_and_the_second_takes_over(house: House) -> None:
    first = house.relay()
    until(lambda: first.ready() == (True, "relaying"))
    second = house.relay()
    house.say(200)
    until(lambda: house.unsent() == 0)
    assert house.depth("intake.core") == 200
    assert second.ready() == (True, "standing by")
    first.stop()
    house.say(10, start=200)
    until(lambda: house.unsent() == 0)
    assert house.depth("intake.core") == 210


@pytest.mark.kills_broker
def test_nothing_is_lost_when_the_broker_is_killed_under_load(house: House) -> None:
    house.relay()
    for start in range(0, 2000, 100):
        house.say(100, start=start)
        if start == 1000:
            house.kill_broker()
    assert house.unsent() > 0
    house.broker.node.restart()
    until(lambda: house.unsent() == 0)
    assert house.depth("intake.core") >= 2000  # more when a confirm was lost: the inbox drops those


@pytest.mark.kills_broker
def test_without_the_outbox_a_message_is_lost_with_the_broker(house: House) -> None:
    """The control: commit, then publish, is what the outbox guards against."""
    unguarded = Database(
        house.admin,
        schema="intake",
        clocks=Clocks.real(),
        instead_of_outbox=PublishAfterCommit(house.broker.url),
    )
    house.running.append(unguarded.close)
    house.kill_broker()
    with unguarded.begin() as work:
        work.publish(report("r1"), tenant="sandun")
    house.broker.node.restart()
    with unguarded.begin() as work:
        work.publish(report("r2"), tenant="sandun")
    until(lambda: house.depth("intake.core") == 1)
    assert house.unsent() == 0


def test_a_relay_survives_an_error_that_nobody_foresaw(house: House) -> None:
    troubles = iter([KeyError("a name that nobody knows"), ValueError("nor this")])

    def subscribed(key: str) -> bool:
        for trouble in troubles:
            raise trouble
        return True

    relay = house.relay(subscribed=subscribed)
    house.say(3)
    until(lambda: relay.ready() == (False, "it failed: KeyError"))
    until(lambda: house.unsent() == 0)
    until(lambda: relay.ready() == (True, "relaying"))
    assert house.depth("intake.core") == 3
    relay.stop()
    assert relay.ready() == (False, "the relay has ended")


def test_what_was_handled_long_ago_is_forgotten_and_the_rest_is_not(house: House) -> None:
    with house.sender.begin() as work:
        work.conn.execute(
            text(
                "INSERT INTO intake.inbox (tenant, message_id, handled_at) VALUES"
                " ('sandun', 'old', now() - interval '61 days'), ('sandun', 'young', now() - interval '59 days')"
            )
        )
    house.relay()

    def left() -> list[str]:
        with house.sender.begin() as work:
            return list(work.conn.execute(text("SELECT message_id FROM intake.inbox")).scalars())

    until(lambda: left() == ["young"])


def test_a_blocked_broker_shows_and_passes(house: House) -> None:
    relay = house.relay()
    house.say(1)
    until(lambda: house.unsent() == 0)
    house.broker.node.set_memory_alarm(True)
    try:
        house.say(5, start=1)
        until(lambda: not relay.ready()[0], 60)
        assert house.unsent() == 5
    finally:
        house.broker.node.set_memory_alarm(False)
    until(lambda: house.unsent() == 0 and relay.ready()[0], 60)
    assert house.depth("intake.core") >= 6


def test_a_tenants_full_queue_holds_up_nobody_else(house: House) -> None:
    channel = house.wire().channel
    full = {"x-queue-type": "quorum", "x-max-length": 1, "x-overflow": "reject-publish"}
    channel.queue_declare("intake@sandun", durable=True, auto_delete=False, arguments=full)
    channel.queue_bind("intake@sandun", "inbox.intake", "sandun.#")
    relay = house.relay()

    def refused() -> bool:
        house.say(100, tenant="sandun")  # a quorum queue takes somewhat more than its limit before it refuses
        return "sandun" in relay.ready()[1]

    until(refused)
    house.say(700, tenant="sandun")  # more than the relay takes at once
    house.say(5, tenant="beishan")
    until(lambda: house.depth("intake.core") == 5)
    assert house.unsent() > 0


def test_an_outbox_is_measured_while_the_broker_is_away_and_by_nobody_who_stands_by(house: House) -> None:
    def told() -> float | None:
        return metrics.REGISTRY.get_sample_value("qipan_outbox_messages", {"service": house.sender.schema})

    house.say(3)
    away = Relay(
        house.sender, "amqp://nobody:x@127.0.0.1:1/", declare=lambda _: None, subscribed=lambda _: True
    )
    away.start()
    until(lambda: told() == 3.0)
    away.stop()
    with house.sender.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        lock = text("SELECT pg_advisory_lock(hashtext(:name))")
        conn.execute(lock, {"name": f"qipan.relay.{house.sender.schema}"})
        house.relay()
        until(lambda: told() == 0.0)
        assert house.unsent() == 3
        conn.invalidate()
