"""A tenant's instance and a steward, each with its own broker user: arriving, renewing, being refused, leaving."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import BaseModel
from steward_post import TRIAGED, Post, until

from qipan.contracts.commands import Arrive, Done, Leave
from qipan.contracts.envelope import Envelope
from qipan.contracts.errors import Forbidden
from qipan.messaging.arrival import Arrival
from qipan.messaging.call_server import CallServer
from qipan.messaging.client import Client
from qipan.messaging.publisher import Fate
from qipan.messaging.wire import Outgoing
from services.steward.stewardship import Stewardship


def steward_serves(post: Post, stewardship: Stewardship) -> CallServer:
    """The steward's calls without its process."""

    def serve(envelope: Envelope[Any], answered: Callable[[BaseModel | BaseException], None]) -> None:
        request = envelope.data
        try:
            with post.db.begin() as work:
                if isinstance(request, Arrive):
                    answer: BaseModel = stewardship.arrive(work.conn, envelope.tenant, request)
                else:
                    step = stewardship.unbind if request.phase == "unbind" else stewardship.gone
                    step(work.conn, envelope.tenant, request.serves, request.instance)
                    answer = Done()
        except Exception as error:
            answered(error)
        else:
            answered(answer)

    server = CallServer(
        post.url("core"),
        "steward",
        models={Arrive.type: Arrive, Leave.type: Leave},
        serve=serve,
        core_user="core",
    )
    server.start()
    post.closing.append(server.stop)
    return server


def arrival(post: Post, *, tenant: str = "sandun", serves: str = "dispatch") -> Arrival:
    return Arrival(
        post.url(tenant),
        service=serves,
        tenant=tenant,
        instance="i-1",
        events=(TRIAGED,),
        token="of no account here",
        renew_seconds=0.2,
    )


@pytest.fixture
def arriving(post: Post) -> Iterator[Arrival]:
    found = arrival(post)
    found.start()
    yield found
    found.gone()


def test_it_arrives_and_its_queues_are_there(post: Post, arriving: Arrival) -> None:
    steward_serves(post, post.steward())
    lease = arriving.wait(30)
    assert arriving.ready() == (True, "leased")
    post.say("mine")
    assert lease.event_queue is not None
    assert [m.properties["message_id"] for m in post.take(lease.event_queue, user="sandun")] == ["mine"]


def test_without_a_steward_it_goes_on_asking(post: Post, arriving: Arrival) -> None:
    with pytest.raises(TimeoutError, match="not arrived"):
        arriving.wait(0.3)
    ready, why = arriving.ready()
    assert not ready
    assert why.startswith("no lease")
    steward_serves(post, post.steward())
    assert arriving.wait(30).call_queue == "calls.dispatch@sandun"


def test_what_asking_again_would_not_change_is_told_at_once(post: Post) -> None:
    steward_serves(post, post.steward())
    refused = arrival(post, tenant="wenxin", serves="floodwatch")
    refused.start()
    with pytest.raises(Forbidden, match="names no service"):
        refused.wait(30)
    refused.gone()


def test_it_renews_until_it_leaves_and_not_after(post: Post, arriving: Arrival) -> None:
    stewardship = post.steward()
    steward_serves(post, stewardship)
    arriving.wait(30)
    post.lapse()
    until(lambda: post.holders() == ["i-1"])
    arriving.unbind()
    post.say("for the core")
    assert post.ids("dispatch.core") == ["for the core"]
    arriving.gone()
    assert post.holders() == []
    stewardship.round()
    assert post.holders() == []


def test_its_own_calls_are_answered_through_the_queue_it_was_given(post: Post, arriving: Arrival) -> None:
    steward_serves(post, post.steward())
    lease = arriving.wait(30)
    client = Client(post.url("sandun"), "dispatch@sandun", reply_queue=lease.reply_queue, reply_id="i-1")
    client.start(seconds=30)
    try:
        done = client.call(
            Leave(serves="dispatch", instance="another", phase="gone"), tenant="sandun", timeout=20
        )
        assert done.done is True
    finally:
        client.stop()


@pytest.mark.parametrize("nowhere", ["amq.rabbitmq.reply-to.g1h2AAtyZXBseUAx.x==", "x" * 255, "#", "a.b"])
def test_a_caller_that_wants_its_answer_nowhere_disturbs_nobody(
    post: Post, arriving: Arrival, nowhere: str
) -> None:
    """On a malformed direct reply-to the broker closes the answerer's connection; a long key breaks it."""
    steward_serves(post, post.steward())
    arriving.wait(30)
    leave = Leave(serves="dispatch", instance="another", phase="gone")
    malicious = Outgoing(
        "calls.steward",
        "sandun.tenant.leave.v1",
        Envelope.seal(leave, id="m", source="a town", tenant="sandun"),
        {"message_id": "m", "type": Leave.type, "reply_to": nowhere, "correlation_id": "c"},
    )
    client = Client(post.url("core"), "gateway").start(seconds=30)
    try:
        for _ in range(10):
            assert post.publish(malicious, user="sandun") == [Fate.CONFIRMED]
            assert client.call(leave, tenant="sandun", timeout=20).done is True
    finally:
        client.stop()
