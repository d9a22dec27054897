"""Arriving, leaving, dying and returning, on a real broker: no message is lost or goes to two places."""

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import text
from steward_post import READING, TRIAGED, Post, event, until

from qipan.contracts.errors import Forbidden, Invalid
from qipan.messaging.publisher import Fate
from qipan.messaging.wire import Outgoing
from services.steward.stewardship import MOVED_AT_ONCE


def test_who_has_arrived_gets_its_own_traffic_and_nobody_elses(post: Post) -> None:
    lease = post.arrive(post.steward())
    assert (lease.event_queue, lease.call_queue) == ("dispatch@sandun", "calls.dispatch@sandun")
    post.say("mine")
    post.say("theirs", tenant="wenxin")
    assert post.ids("dispatch@sandun") == ["mine"]
    assert post.ids("dispatch.core") == ["theirs"]


def test_an_answer_reaches_the_instances_reply_queue(post: Post) -> None:
    lease = post.arrive(post.steward())
    fates = post.publish(Outgoing("replies", "sandun.i-1", b"{}", {"message_id": "answer"}))
    assert fates == [Fate.CONFIRMED]
    assert post.ids(lease.reply_queue) == ["answer"]


def test_the_arrived_tenants_own_user_may_read_what_it_was_given(post: Post) -> None:
    lease = post.arrive(post.steward())
    post.say("mine")
    assert lease.event_queue is not None
    assert [m.properties["message_id"] for m in post.take(lease.event_queue, user="sandun")] == ["mine"]


def test_arriving_again_changes_nothing(post: Post) -> None:
    steward = post.steward()
    for _ in range(3):
        post.arrive(steward)
    post.say("once")
    assert post.ids("dispatch@sandun") == ["once"]
    assert post.holders() == ["i-1"]


def test_a_leaver_that_is_not_the_last_takes_nothing_away(post: Post) -> None:
    steward = post.steward()
    post.arrive(steward, "i-1")
    post.arrive(steward, "i-2")
    post.unbind(steward, "i-1")
    post.gone(steward, "i-1")
    steward.round()
    post.say("for the other")
    assert post.ids("dispatch@sandun") == ["for the other"]
    assert post.holders() == ["i-2"]


def test_the_last_leaver_is_unbound_drains_and_hands_back_the_rest(post: Post) -> None:
    steward = post.steward()
    post.arrive(steward)
    post.say("before")
    post.unbind(steward)
    post.say("after")
    assert post.ids("dispatch.core") == ["after"]
    steward.round()
    assert post.ids("dispatch.core") == [], "the leaver still drains: nothing is taken from it"
    post.gone(steward)
    steward.round()
    assert post.ids("dispatch.core") == ["before"]


def test_what_is_handed_back_keeps_its_key_id_type_headers_and_sender(post: Post) -> None:
    steward = post.steward()
    post.arrive(steward)
    post.say("told by the tenant", user="sandun")
    post.lapse()
    steward.round()
    (message,) = post.take("dispatch.core")
    assert message.delivery_info["routing_key"] == f"sandun.{TRIAGED}"
    assert message.properties["message_id"] == "told by the tenant"
    assert message.properties["type"] == TRIAGED
    assert message.properties["user_id"] == "sandun"
    assert message.headers["traceparent"] == "00-a-b-01"
    assert message.body == b'{"id":"told by the tenant"}'


def test_waiting_calls_go_to_the_core_when_the_last_instance_leaves(post: Post) -> None:
    steward = post.steward()
    post.wire().channel.queue_declare("calls.dispatch.core", auto_delete=False, durable=True)
    post.wire().channel.queue_bind("calls.dispatch.core", "calls.dispatch.core", "")
    post.arrive(steward)
    post.slow_instance()
    post.arrive(steward)
    post.call("taken", "waiting")
    post.unbind(steward)
    (call,) = post.take("calls.dispatch.core")
    assert call.properties["correlation_id"] == "c-waiting"
    assert call.properties["reply_to"] == "r-1"
    assert call.properties["expiration"] == "60000"


def test_an_instance_whose_lease_lapsed_loses_its_traffic_and_nothing_else(post: Post) -> None:
    steward = post.steward()
    post.arrive(steward)
    post.say("held")
    post.lapse()
    steward.round()
    post.say("new")
    assert post.ids("dispatch.core") == ["held", "new"]
    assert post.holders() == []


def test_a_dead_sibling_does_not_keep_the_last_leaver_bound(post: Post) -> None:
    steward = post.steward()
    post.arrive(steward, "killed")
    post.arrive(steward, "i-1")
    post.lapse("killed")
    assert post.holders() == ["i-1"]
    post.unbind(steward)
    post.say("after")
    assert post.ids("dispatch.core") == ["after"]


def test_a_dead_siblings_lease_is_dropped_while_others_serve(post: Post) -> None:
    steward = post.steward()
    post.arrive(steward, "killed")
    post.arrive(steward, "i-1")
    post.lapse("killed")
    steward.round()
    with post.db.begin() as work:
        left = work.conn.execute(text("SELECT instance FROM steward.leases")).scalars().all()
    assert left == ["i-1"]
    post.say("mine")
    assert post.ids("dispatch@sandun") == ["mine"]


def test_without_a_round_a_lapsed_lease_keeps_the_traffic(post: Post) -> None:
    """The control: it is the round that takes back, not something else."""
    steward = post.steward()
    post.arrive(steward)
    post.lapse()
    post.say("held")
    assert post.ids("dispatch.core") == []


def test_who_renews_in_time_keeps_its_traffic(post: Post) -> None:
    steward = post.steward()
    post.arrive(steward)
    post.lapse()
    post.arrive(steward)
    steward.round()
    post.say("mine")
    assert post.ids("dispatch@sandun") == ["mine"]


def test_it_may_come_back_after_lapsing(post: Post) -> None:
    steward = post.steward()
    post.arrive(steward)
    post.lapse()
    steward.round()
    post.arrive(steward)
    post.say("again mine")
    assert post.ids("dispatch@sandun") == ["again mine"]


def test_the_queue_goes_once_it_has_been_quiet(post: Post) -> None:
    steward = post.steward(quiet=0.0)
    post.arrive(steward)
    post.say("held")
    post.lapse()
    steward.round()
    assert post.hands().has_queue("sandun", "dispatch"), "something was moved: not quiet yet"
    steward.round()
    assert not post.hands().has_queue("sandun", "dispatch")
    assert post.ids("dispatch.core") == ["held"]


def test_a_queue_with_messages_in_somebodys_hands_is_not_deleted(post: Post) -> None:
    """A consumer that hangs holds messages that no count of waiting ones shows."""
    steward = post.steward(quiet=0.0)
    lease = post.arrive(steward)
    assert lease.event_queue is not None
    hanging = post.wire("sandun")
    taken: list[object] = []
    hanging.consume(lease.event_queue, taken.append)
    post.say("in hand")
    until(lambda: hanging.drain(0.1) or bool(taken))
    post.lapse()
    for _ in range(3):
        steward.round()
    assert post.hands().has_queue("sandun", "dispatch")
    hanging.close()
    patient = post.steward(quiet=600.0)

    def back() -> bool:
        patient.round()
        return post.ids("dispatch.core") == ["in hand"]

    until(back)


def test_a_long_backlog_goes_back_in_bounded_rounds(post: Post) -> None:
    steward = post.steward()
    post.arrive(steward)
    many = [f"m{number:05}" for number in range(MOVED_AT_ONCE + 7)]
    post.say(*many)
    post.lapse()
    assert steward.round() is True
    first = post.ids("dispatch.core")
    assert len(first) == MOVED_AT_ONCE
    assert steward.round() is False
    assert sorted(first + post.ids("dispatch.core")) == many


def test_what_the_core_has_no_room_for_stays(post: Post) -> None:
    steward = post.steward()
    post.arrive(steward)
    post.say("a", "b")
    channel = post.wire().channel
    channel.queue_delete("dispatch.core")
    channel.queue_declare(
        "dispatch.core",
        durable=True,
        auto_delete=False,
        arguments={"x-queue-type": "quorum", "x-max-length": 0, "x-overflow": "reject-publish"},
    )
    channel.queue_bind("dispatch.core", "inbox.dispatch.core", "")
    post.publish(event("fills it", "wenxin"), event("fills it too", "wenxin"))
    post.lapse()
    steward.round()
    assert set(post.ids("dispatch.core") + post.ids("dispatch@sandun")) >= {"a", "b"}


def test_many_stewards_and_instances_at_once_lose_nothing(post: Post) -> None:
    """Three stewards make rounds while instances come, go and die and messages keep arriving."""
    stewards = [post.steward() for _ in range(3)]
    stopping = threading.Event()
    failures: list[BaseException] = []

    def forever(act: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                while not stopping.is_set():
                    act()
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    threads = [forever(steward.round) for steward in stewards]
    sent = []
    for turn in range(12):
        steward = stewards[turn % 3]
        post.arrive(steward, f"i-{turn}")
        batch = [f"t{turn}-{number}" for number in range(20)]
        post.say(*batch)
        sent += batch
        if turn % 3 == 0:
            post.unbind(steward, f"i-{turn}")
            post.gone(steward, f"i-{turn}")
        else:
            post.lapse(f"i-{turn}")
    stopping.set()
    for thread in threads:
        thread.join(60)
    assert failures == []
    for instance in post.holders():
        post.lapse(instance)
    for _ in range(3):
        stewards[0].round()
    assert post.ids("dispatch.core") == sorted(sent)


def test_a_steward_that_lost_its_rows_takes_charge_of_what_stands_on_the_broker(post: Post) -> None:
    post.hands().give("sandun", "dispatch", added=False, events=(), heard=True)
    post.say("forgotten")
    steward = post.steward()
    assert steward.adopt(["sandun", "wenxin"]) == [("sandun", "dispatch")]
    steward.round()
    post.say("new")
    assert post.ids("dispatch.core") == ["forgotten", "new"]


def test_an_added_service_misses_nothing_while_it_is_away(post: Post) -> None:
    steward = post.steward()
    post.say("before it ever came", type=READING)
    lease = post.arrive(steward, serves="floodwatch", events=(READING,))
    assert lease.event_queue == "floodwatch@sandun"
    post.unbind(steward, serves="floodwatch")
    post.gone(steward, serves="floodwatch")
    steward.round()
    post.say("while it was away", type=READING)
    assert post.ids("floodwatch@sandun") == ["before it ever came", "while it was away"]


def test_calls_to_an_added_service_that_left_come_back_at_once(post: Post) -> None:
    steward = post.steward()
    call = Outgoing("calls.floodwatch", "sandun.flood.ask.v1", b"{}", {"message_id": "1"})
    assert post.publish(call) == [Fate.RETURNED]
    post.arrive(steward, serves="floodwatch", events=(READING,))
    assert post.publish(call) == [Fate.RETURNED], "a process that is starting takes no calls yet"
    post.slow_instance("floodwatch")
    post.arrive(steward, serves="floodwatch", events=(READING,))
    assert post.publish(call) == [Fate.CONFIRMED]
    post.unbind(steward, serves="floodwatch")
    assert post.publish(call) == [Fate.RETURNED]


def test_a_replacement_may_hear_more_than_the_core_does_and_the_core_never_gets_that(post: Post) -> None:
    steward = post.steward()
    post.arrive(steward, events=(TRIAGED, READING))
    post.say("level", type=READING)
    assert post.ids("dispatch@sandun") == ["level"]
    post.lapse()
    steward.round()
    post.say("level 2", type=READING)
    assert post.ids("dispatch.core") == []


def test_a_new_version_that_hears_less_is_sent_less(post: Post) -> None:
    steward = post.steward()
    post.arrive(steward, events=(TRIAGED, READING))
    post.arrive(steward, events=(TRIAGED,))
    post.say("level", type=READING)
    assert post.ids("dispatch@sandun") == []


def test_a_service_that_no_pack_names_may_not_arrive(post: Post) -> None:
    with pytest.raises(Forbidden, match="names no service 'floodwatch'"):
        post.arrive(post.steward(), tenant="wenxin", serves="floodwatch", events=(READING,))
    assert not post.hands().has_queue("wenxin", "floodwatch")


@pytest.mark.parametrize(
    ("serves", "instance", "events"),
    [
        ("dispatch.core", "i-1", (TRIAGED,)),
        ("dispatch@wenxin", "i-1", (TRIAGED,)),
        ("dispatch", "i.1", (TRIAGED,)),
        ("dispatch", "*", (TRIAGED,)),
        ("dispatch", "i-1", ("#",)),
        ("dispatch", "i-1", ("*.filed.v1",)),
        ("dispatch", "i-1", (TRIAGED, "sandun.#")),
    ],
)
def test_names_that_would_mean_something_to_the_broker_are_refused(
    post: Post, serves: str, instance: str, events: tuple[str, ...]
) -> None:
    with pytest.raises(Invalid) as refused:
        post.arrive(post.steward(), instance, serves=serves, events=events)
    assert refused.value.faults
    assert post.holders() == []


def test_a_shadow_arrives_for_itself_only(post: Post) -> None:
    steward = post.steward()
    post.arrive(steward, tenant="sandun~ex7")
    post.say("exercise", tenant="sandun~ex7")
    post.say("live")
    assert post.ids("dispatch@sandun~ex7") == ["exercise"]
    assert post.ids("dispatch.core") == ["live"]
