"""Calls: an answer, a typed error, or a plain word that nobody serves; never a wait without an end."""

import os
import resource
import threading
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from qipan.contracts.commands import Done, MarkRead
from qipan.contracts.envelope import Envelope
from qipan.contracts.errors import (
    Conflict,
    DeadlineExceeded,
    Fault,
    Internal,
    Invalid,
    RemoteFault,
    Unavailable,
)
from qipan.messaging import topology
from qipan.messaging.call_server import CallServer
from qipan.messaging.client import Client
from qipan.messaging.wire import Delivery, Outgoing
from tests.integration.messaging.conftest import House, until

Answered = Callable[[BaseModel | BaseException], None]


def _server(
    house: House,
    serve: Callable[[Envelope[Any]], BaseModel | BaseException | None],
    tenant: str | None = None,
    queue: str | None = None,
) -> CallServer:
    def on_worker(envelope: Envelope[Any], answered: Answered) -> None:
        def work() -> None:
            outcome = serve(envelope)
            if outcome is not None:
                answered(outcome)

        threading.Thread(target=work, daemon=True).start()

    server = CallServer(
        house.broker.url,
        "notify",
        models={MarkRead.type: MarkRead},
        serve=on_worker,
        core_user=house.user,
        served_tenant=tenant,
        queue=queue,
    )
    server.start()
    house.running.append(lambda: server.stop(seconds=1))
    until(lambda: server.ready()[0])
    return server


def _client(house: House) -> Client:
    client = Client(house.broker.url, "test").start(10)
    house.running.append(client.stop)
    return client


def test_a_call_is_answered(house: House) -> None:
    heard: list[Envelope[Any]] = []
    _server(house, lambda envelope: heard.append(envelope) or Done())
    answer = _client(house).call(MarkRead(message_id="m1"), tenant="sandun", principal="token", id="c1")
    assert answer == Done()
    [envelope] = heard
    assert (envelope.tenant, envelope.id, envelope.principal) == ("sandun", "c1", "token")
    assert envelope.deadline is not None
    assert envelope.traceparent is not None


def test_a_typed_error_comes_back_as_it_was_raised(house: House) -> None:
    fault = Fault(where="version", what="is 3", allowed="4")
    _server(house, lambda envelope: Conflict("changed meanwhile", faults=(fault,), version=4))
    with pytest.raises(Conflict) as raised:
        _client(house).call(MarkRead(message_id="m1"), tenant="sandun")
    assert (raised.value.detail, raised.value.faults) == ("changed meanwhile", (fault,))
    assert raised.value.context == {"version": 4}


def test_an_unexpected_error_tells_the_caller_nothing_of_the_inside(house: House) -> None:
    _server(house, lambda envelope: KeyError("secret"))
    with pytest.raises(Internal) as raised:
        _client(house).call(MarkRead(message_id="m1"), tenant="sandun")
    assert "secret" not in str(raised.value)


def test_nobody_serves_is_said_at_once(house: House) -> None:
    with pytest.raises(Unavailable, match="Nobody serves notify"):
        _client(house).call(MarkRead(message_id="m1"), tenant="sandun", timeout=30)


def test_a_server_that_never_answers_costs_the_deadline_and_no_more(house: House) -> None:
    _server(house, lambda envelope: None)
    with pytest.raises(DeadlineExceeded):
        _client(house).call(MarkRead(message_id="m1"), tenant="sandun", timeout=0.3)


def test_a_call_whose_deadline_has_passed_is_not_carried_out(house: House) -> None:
    done: list[Envelope[Any]] = []
    _server(house, lambda envelope: done.append(envelope) or Done())
    body = Envelope.seal(MarkRead(message_id="late"), id="c1", source="test", tenant="sandun")
    late = body.replace(b'"tenant"', b'"deadline":"2020-01-01T00:00:00Z","tenant"')
    house.wire().publish(
        Outgoing("calls.notify", "sandun.message.read.v1", late, {"type": MarkRead.type, "message_id": "c1"})
    )
    _client(house).call(MarkRead(message_id="on-time"), tenant="sandun")
    assert [envelope.data.message_id for envelope in done] == ["on-time"]


def test_a_call_without_a_deadline_is_refused_with_what_it_lacks(house: House) -> None:
    done: list[Envelope[Any]] = []
    _server(house, lambda envelope: done.append(envelope) or Done())
    wire = house.wire()
    topology.declare(wire.channel, topology.core_reply_queue("asker"))
    body = Envelope.seal(MarkRead(message_id="m1"), id="c1", source="test", tenant="sandun")
    properties = {"type": MarkRead.type, "message_id": "c1", "correlation_id": "c1", "reply_to": "asker"}
    wire.publish(Outgoing("calls.notify", "sandun.message.read.v1", body, properties))
    answers: list[Delivery] = []
    wire.consume("replies.asker", answers.append, no_ack=True)
    until(lambda: wire.drain(0.1) and bool(answers))
    assert answers[0].properties["type"] == "error"
    assert RemoteFault.model_validate_json(answers[0].body).code == Invalid.code
    assert b"deadline" in answers[0].body
    assert done == []


def test_calls_go_on_in_a_process_with_more_than_a_thousand_descriptors(house: House) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    open_files = [os.dup(0) for _ in range(1100)]
    try:
        _server(house, lambda envelope: Done())
        assert _client(house).call(MarkRead(message_id="m1"), tenant="sandun") == Done()
    finally:
        for descriptor in open_files:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_server_that_leaves_answers_every_call_that_was_routed_to_it_before(house: House) -> None:
    queue = topology.tenant_call_queue("notify", "sandun")
    channel = house.wire().channel
    channel.queue_declare(queue, auto_delete=True)
    channel.queue_bind(queue, topology.calls("notify"), "sandun.#")
    server = _server(house, lambda envelope: Done(), tenant="sandun", queue=queue)
    busy = threading.Event()
    server._courier.do(lambda wire: busy.wait(10) and None)  # a process that is behind with its reading
    client = _client(house)
    futures = [client.submit(MarkRead(message_id=str(n)), tenant="sandun", timeout=30) for n in range(100)]
    # What the server holds is unacked, the rest is ready.
    until(lambda: channel.queue_declare(queue, passive=True).message_count == len(futures) - 32)
    channel.queue_unbind(queue, topology.calls("notify"), "sandun.#")
    threading.Timer(0.2, busy.set).start()
    server.stop()
    assert [future.result(30) for future in futures] == [Done()] * len(futures)


def test_a_call_that_cannot_be_read_is_answered_with_what_is_wrong(house: House) -> None:
    class Wrong(MarkRead):
        message_id: str = ""

    _server(house, lambda envelope: Done())
    with pytest.raises(Invalid, match="message_id"):
        _client(house).call(Wrong(), tenant="sandun")


@pytest.mark.kills_broker
def test_calls_in_flight_fail_and_later_ones_succeed_when_the_broker_is_killed(house: House) -> None:
    entered = threading.Event()
    release = threading.Event()

    def serve(envelope: Envelope[Any]) -> BaseModel:
        entered.set()
        release.wait(10)
        return Done()

    _server(house, serve)
    client = _client(house)
    future = client.submit(MarkRead(message_id="m1"), tenant="sandun", timeout=60)
    entered.wait(10)
    house.kill_broker()
    with pytest.raises(Unavailable):
        future.result(20)
    with pytest.raises(Unavailable):
        client.call(MarkRead(message_id="m2"), tenant="sandun")
    release.set()
    house.broker.node.restart()

    def answered() -> bool:
        try:
            return client.call(MarkRead(message_id="m3"), tenant="sandun") == Done()
        except Unavailable:
            return False

    until(answered)


def test_stopping_answers_what_is_in_hand(house: House) -> None:
    entered, release = threading.Event(), threading.Event()

    def serve(envelope: Envelope[Any]) -> BaseModel:
        entered.set()
        release.wait(10)
        return Done()

    server = _server(house, serve)
    future = _client(house).submit(MarkRead(message_id="m1"), tenant="sandun", timeout=20)
    entered.wait(10)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    release.set()
    assert future.result(10) == Done()
    stopping.join(20)


def test_a_blocked_broker_costs_a_caller_its_deadline_and_then_nothing(house: House) -> None:
    _server(house, lambda envelope: Done())
    client = _client(house)
    assert client.call(MarkRead(message_id="m1"), tenant="sandun") == Done()
    house.broker.node.set_memory_alarm(True)
    try:
        with pytest.raises((DeadlineExceeded, Unavailable)):
            client.call(MarkRead(message_id="m2"), tenant="sandun", timeout=1.0)
        until(lambda: not client.ready())
        with pytest.raises(Unavailable):
            client.call(MarkRead(message_id="m3"), tenant="sandun", timeout=60)
    finally:
        house.broker.node.set_memory_alarm(False)
    until(client.ready)
    assert client.call(MarkRead(message_id="m4"), tenant="sandun", timeout=20) == Done()
