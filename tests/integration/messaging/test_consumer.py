"""The batch consumer: each message takes effect once, and a bad one costs only itself."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text

from qipan.contracts.envelope import Envelope
from qipan.messaging import topology
from qipan.messaging.received import Received
from qipan.messaging.wire import Outgoing
from qipan.observability import metrics
from qipan.storage import Work
from tests.integration.messaging.conftest import DELAYS_MS, Handler, House, report, until


def _named(*ids: str) -> Any:
    return lambda message: message.data.report_id in ids


def _send(
    house: House, body: bytes, *, message_id: str, key: str = "sandun.report.received.v1", **extra: Any
) -> None:
    properties = {"message_id": message_id, "type": "report.received.v1", "delivery_mode": 2, **extra}
    house.wire().publish(Outgoing("events", key, body, properties))


def _sealed(report_id: str, message_id: str, tenant: str = "sandun") -> bytes:
    return Envelope.seal(report(report_id), id=message_id, source="intake", tenant=tenant)


def _counted(outcome: str) -> float:
    return sum(
        sample.value
        for sample in next(iter(metrics.REQUESTS.collect())).samples
        if sample.name.endswith("_count")
        and (sample.labels["service"], sample.labels["outcome"]) == ("intake", outcome)
    )


def test_messages_arrive_in_batches_and_take_effect_once(house: House) -> None:
    house.say(120)
    house.relay()
    until(lambda: house.depth("intake.core") == 120)
    handler = Handler()
    house.consumer(handler, linger=2.0)  # long enough to fill a batch on any machine
    until(lambda: len(house.effects()) == 120)
    assert max(handler.batches) == 50
    assert house.unsent() == 0


def test_a_repeated_delivery_takes_effect_once(house: House) -> None:
    for _ in range(5):
        _send(house, _sealed("r1", "m1"), message_id="m1")
    house.consumer(Handler())
    _send(house, _sealed("end", "m2"), message_id="m2")
    until(lambda: "end" in house.effects())
    assert house.effects() == ["end", "r1"]


def test_without_the_inbox_a_repeated_delivery_doubles(house: House) -> None:
    """The control: this is what the inbox guards against."""
    for _ in range(5):
        _send(house, _sealed("r1", "m1"), message_id="m1")
    house.consumer(Handler(), inbox=False)
    until(lambda: len(house.effects()) == 5)


def test_a_bad_message_is_found_by_bisecting_and_kept(house: House) -> None:
    house.say(50)
    house.relay()
    until(lambda: house.depth("intake.core") == 50)
    handler = Handler(fails=_named("r17"))
    failed, succeeded = _counted("failed"), _counted("ok")
    house.consumer(handler)
    until(lambda: house.depth("dead") == 1)
    assert len(house.effects()) == 49
    assert _counted("failed") - failed == len(DELAYS_MS) + 1  # each try, and nobody else's
    assert _counted("ok") - succeeded == 49
    [letter] = house.dead()
    assert letter.headers["qipan-attempt"] == len(DELAYS_MS) + 1
    assert "r17 cannot be handled" in letter.headers["qipan-reason"]
    assert "Traceback" in letter.headers["qipan-traceback"]
    assert letter.headers["qipan-key"] == "sandun.report.received.v1"
    assert b'"r17"' in letter.body


def test_a_message_that_always_takes_too_long_is_found_and_kept(house: House) -> None:
    class Slow(Handler):
        def run(self, work: Work | None, batch: Sequence[Received[Any]]) -> None:
            assert work is not None
            if any(message.data.report_id == "r3" for message in batch):
                work.conn.execute(text("SET LOCAL statement_timeout = '20ms'"))
                work.conn.execute(text("SELECT pg_sleep(5)"))
            super().run(work, batch)

    house.say(8)
    house.relay()
    until(lambda: house.depth("intake.core") == 8)
    house.consumer(Slow())
    until(lambda: house.depth("dead") == 1)
    assert len(house.effects()) == 7


def test_a_failing_message_does_not_hold_up_those_behind_it(house: House) -> None:
    house.say(1)
    house.relay()
    house.consumer(Handler(fails=_named("r0")), batch_size=1)
    house.say(5, start=1)
    until(lambda: len(house.effects()) == 5)
    assert house.depth("dead") == 0  # it still has attempts left: the others went past it


def test_a_message_that_recovers_takes_effect_on_a_later_attempt(house: House) -> None:
    attempts: list[int] = []

    def fails_twice(message: Received[Any]) -> bool:
        attempts.append(message.attempt)
        return message.attempt < 3

    house.say(1)
    house.relay()
    house.consumer(Handler(fails=fails_twice))
    until(lambda: house.effects() == ["r0"])
    assert attempts == [1, 2, 3]
    assert house.depth("dead") == 0


def test_what_cannot_be_read_is_kept_with_the_reason(house: House) -> None:
    broken = {
        "not-json": (b"\xff\xfe{", {}, "not JSON in UTF-8"),
        "no-envelope": (b"[]", {}, "not a valid message"),
        "unknown-major": (
            _sealed("r1", "m1").replace(b"report.received.v1", b"report.received.v9"),
            {"type": "report.received.v9"},
            "unknown major version 'v9'",
        ),
        "lacks-a-field": (_sealed("r1", "m1").replace(b'"lon"', b'"lonn"'), {}, "data.lon"),
    }
    for name, (body, extra, _) in broken.items():
        _send(house, body, message_id=name, **extra)
    unreadable = _counted("unreadable")
    house.consumer(Handler())
    until(lambda: house.depth("dead") == len(broken))
    assert _counted("unreadable") - unreadable == len(broken)
    letters = {letter.properties["message_id"]: letter for letter in house.dead()}
    for name, (body, _, reason) in broken.items():
        assert reason in letters[name].headers["qipan-reason"]
        assert letters[name].body == body
    assert house.effects() == []


def test_a_message_for_another_tenant_than_its_key_is_not_handled(house: House) -> None:
    _send(house, _sealed("r1", "m1", tenant="beishan"), message_id="m1", key="sandun.report.received.v1")
    house.consumer(Handler())
    until(lambda: house.depth("dead") == 1)
    assert house.effects() == []


def test_a_newer_minor_is_read_and_its_new_fields_are_ignored(house: House) -> None:
    body = _sealed("r1", "m1").replace(b'"report_id"', b'"mood":"calm","report_id"')
    _send(house, body, message_id="m1")
    house.consumer(Handler())
    until(lambda: house.effects() == ["r1"])


def test_a_full_wait_queue_holds_up_nobody_else_and_loses_nothing(house: House) -> None:
    channel = house.wire().channel
    waiting, exchange = (
        topology.wait_queue("intake", DELAYS_MS[0]),
        topology.wait_exchange("intake", DELAYS_MS[0]),
    )
    channel.queue_delete(waiting)
    arguments = {"x-max-length": 0, "x-overflow": "reject-publish", "x-dead-letter-exchange": "inbox.intake"}
    channel.queue_declare(waiting, durable=True, auto_delete=False, arguments=arguments)
    channel.queue_bind(waiting, exchange, "#")
    bad = {f"bad{number}" for number in range(3)}
    first = house.consumer(Handler(fails=lambda message: message.data.report_id in bad), batch_size=5)
    for number in range(3):
        _send(house, _sealed(f"bad{number}", f"b{number}"), message_id=f"b{number}")
    until(lambda: first.ready() == (False, "3 failed messages wait: their queue is missing, full or silent"))
    for number in range(40):  # twice what is prefetched
        _send(house, _sealed(f"r{number}", f"m{number}"), message_id=f"m{number}")
    until(lambda: len(house.effects()) == 40)
    first.stop()
    assert first._stopped.is_set()
    until(lambda: house.depth("intake.core") == 3)
    second = house.consumer(Handler(fails=lambda message: message.attempt == 1), batch_size=1)
    until(lambda: second.ready()[1].startswith("2 failed"))  # no more are taken than there may be stuck
    channel.queue_delete(waiting)
    topology.declare(channel, topology.core_declarations(waits_ms=DELAYS_MS))
    until(lambda: len(house.effects()) == 43)
    assert second.ready() == (True, "consuming")
    assert house.depth("dead") == 0


def test_stopping_finishes_what_is_held_and_leaves_the_rest(house: House) -> None:
    house.say(500)
    house.relay()
    until(lambda: house.depth("intake.core") == 500)
    handler = Handler()
    consumer = house.consumer(handler)
    until(lambda: len(handler.batches) >= 1)
    consumer.stop()
    done = len(house.effects())
    until(lambda: house.depth("intake.core") == 500 - done)


@pytest.mark.kills_broker
def test_the_consumer_reconnects_in_place_when_the_broker_is_killed(house: House) -> None:
    handler = Handler()
    consumer = house.consumer(handler)
    house.relay()
    house.say(10)
    until(lambda: len(house.effects()) == 10)
    house.kill_broker()
    until(lambda: not consumer.ready()[0])
    house.say(10, start=10)  # accepting goes on: the outbox takes it
    house.broker.node.restart()
    until(lambda: len(house.effects()) == 20)
    assert consumer.ready()[0]


def test_the_batch_waits_for_a_database_that_is_away(house: House, postgres: Any) -> None:
    house.say(10)
    house.relay()
    until(lambda: house.depth("intake.core") == 10)
    postgres.kill()
    consumer = house.consumer(Handler())
    until(lambda: consumer.ready() == (False, "waiting for the database"))
    postgres.restart()
    until(lambda: len(house.effects()) == 10)
    assert house.depth("dead") == 0
