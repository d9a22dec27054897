"""Dead letters, from the broker's queue into the store and back, on a real broker and database."""

import pytest
from sqlalchemy import text
from steward_post import SPECS, TRIAGED, Post

from qipan.contracts.errors import Conflict, NotFound
from qipan.messaging import topology
from qipan.messaging.dead_letter import DeadLetter
from qipan.messaging.declaration import Queue
from qipan.messaging.publisher import Fate, Publisher
from qipan.messaging.wire import Outgoing
from qipan.observability import metrics
from qipan.storage.inbox import REMEMBERED_DAYS
from services.steward.census import count
from services.steward.collect import collect
from services.steward.link import Link


def bury(
    post: Post,
    id: str | None,
    *,
    key: str = f"sandun.{TRIAGED}",
    at: str = "sandun.dispatch",
    body: bytes = b"{}",
    user: str = "core",
    **headers: object,
) -> None:
    """Publish a dead letter as a consumer does."""
    written = {
        "qipan-service": "dispatch",
        "qipan-key": key,
        "qipan-reason": "ValueError: no",
        "qipan-traceback": "Traceback …",
        "traceparent": "00-a-b-01",
        **headers,
    }
    properties = {"type": TRIAGED, "delivery_mode": 2, "application_headers": written}
    if id is not None:
        properties["message_id"] = id
    assert post.publish(Outgoing("dead", at, body, properties), user=user) == [Fate.CONFIRMED]


def take_in(post: Post) -> int:
    link = Link(post.url("core"), "test dead")
    try:
        return collect(link, post.letters())
    finally:
        link.close()


def open_ones(post: Post) -> list[DeadLetter]:
    return post.letters().page()


def redrive(post: Post, *ids: str) -> list[str]:
    publisher = Publisher(post.url("core"), "test redrive")
    try:
        return post.letters().redrive(ids, publisher, by="an operator")
    finally:
        publisher.close()


def test_a_dead_letter_is_kept_with_everything_that_came_with_it(post: Post) -> None:
    bury(post, "m-1", body=b"\xff\xfe not text")
    assert take_in(post) == 1
    (letter,) = open_ones(post)
    assert (letter.tenant, letter.service, letter.message_id) == ("sandun", "dispatch", "m-1")
    assert (letter.key, letter.reason) == (f"sandun.{TRIAGED}", "ValueError: no")
    assert letter.traceback == "Traceback …"
    assert letter.body == b"\xff\xfe not text"
    assert letter.headers["traceparent"] == "00-a-b-01"
    assert post.letters().show(letter.id) == letter
    assert post.ids("dead") == []


def test_the_same_death_delivered_twice_is_kept_once(post: Post) -> None:
    bury(post, "m-1")
    bury(post, "m-1")
    assert take_in(post) == 2
    assert len(open_ones(post)) == 1


@pytest.mark.parametrize("id", ["m-1", None])
def test_a_message_without_an_id_is_known_by_its_body(post: Post, id: str | None) -> None:
    bury(post, id)
    bury(post, id)
    bury(post, id and "m-2", body=b"another")
    take_in(post)
    assert len(open_ones(post)) == 2


def test_what_the_database_does_not_take_stays_on_the_broker(post: Post) -> None:
    bury(post, "m-1")
    with post.db.begin() as work:
        work.conn.execute(text("ALTER TABLE steward.dead_letters RENAME TO away"))
    with pytest.raises(Exception, match="dead_letters"):
        take_in(post)
    with post.db.begin() as work:
        work.conn.execute(text("ALTER TABLE steward.away RENAME TO dead_letters"))
    assert take_in(post) == 1
    assert len(open_ones(post)) == 1


def test_a_redriven_letter_goes_to_its_service_under_its_own_key_and_id(post: Post) -> None:
    bury(post, "m-1", body=b'{"whole": true}')
    take_in(post)
    (letter,) = open_ones(post)
    assert redrive(post, letter.id) == [letter.id]
    (message,) = post.take("dispatch.core")
    assert message.delivery_info["routing_key"] == f"sandun.{TRIAGED}"
    assert message.properties["message_id"] == "m-1"
    assert message.properties["type"] == TRIAGED
    assert message.body == b'{"whole": true}'
    assert message.headers["traceparent"] == "00-a-b-01"
    assert not [name for name in message.headers if name.startswith("qipan-") and name != "qipan-redriven"]
    assert post.letters().show(letter.id).state == "redriven"
    assert redrive(post, letter.id) == [], "only open ones are redriven"


def test_a_redriven_letter_goes_to_the_tenants_own_service_when_there_is_one(post: Post) -> None:
    bury(post, "m-1")
    take_in(post)
    post.arrive(post.steward())
    redrive(post, open_ones(post)[0].id)
    assert post.ids("dispatch@sandun") == ["m-1"]


def test_a_redriven_letter_that_dies_again_is_open_again(post: Post) -> None:
    bury(post, "m-1")
    take_in(post)
    (letter,) = open_ones(post)
    redrive(post, letter.id)
    (message,) = post.take("dispatch.core")
    bury(post, "m-1", **{"qipan-reason": "again", "qipan-redriven": message.headers["qipan-redriven"]})
    take_in(post)
    (again,) = open_ones(post)
    assert (again.id, again.reason, again.redrives) == (letter.id, "again", 1)


def test_a_late_repeat_of_the_first_death_does_not_open_it_again(post: Post) -> None:
    bury(post, "m-1")
    take_in(post)
    redrive(post, open_ones(post)[0].id)
    bury(post, "m-1")
    take_in(post)
    assert open_ones(post) == []


def test_a_discarded_letter_stays_readable_and_is_never_sent(post: Post) -> None:
    bury(post, "m-1")
    take_in(post)
    (letter,) = open_ones(post)
    assert post.letters().discard([letter.id], by="an operator") == [letter.id]
    assert redrive(post, letter.id) == []
    assert post.ids("dispatch.core") == []
    assert post.letters().show(letter.id).state == "discarded"
    bury(post, "m-1")
    take_in(post)
    assert open_ones(post) == []


def test_what_the_broker_does_not_confirm_stays_open(post: Post) -> None:
    bury(post, "m-1")
    take_in(post)
    post.wire().channel.queue_delete("dispatch.core")
    (letter,) = open_ones(post)
    assert redrive(post, letter.id) == []
    assert post.letters().show(letter.id).state == "open"


def test_nothing_is_locked_while_letters_are_sent_and_who_dies_sending_loses_none(post: Post) -> None:
    bury(post, "m-1")
    take_in(post)
    (letter,) = open_ones(post)

    class Dying:
        """Looks at the letter as anybody might meanwhile, and is gone."""

        def publish_all(self, _letters: object) -> list[object]:
            with post.db.begin() as work:
                work.conn.execute(text("SET LOCAL lock_timeout = '1s'"))
                row = "SELECT state FROM steward.dead_letters WHERE id = :id FOR UPDATE"
                assert work.conn.execute(text(row), {"id": letter.id}).scalar() == "redriving"
            raise SystemExit

    with pytest.raises(SystemExit):
        post.letters().redrive([letter.id], Dying(), by="an operator")
    assert post.letters().show(letter.id).state == "open"
    assert redrive(post, letter.id) == [letter.id]


def test_a_letter_whose_sender_was_killed_is_seen_and_can_be_sent_a_minute_later(post: Post) -> None:
    bury(post, "m-1")
    take_in(post)
    (letter,) = open_ones(post)
    post.letters()._taken([letter.id], "somebody who was killed")
    assert [each.id for each in open_ones(post)] == [letter.id]
    assert redrive(post, letter.id) == [], "it may be on its way at this moment"
    with post.db.begin() as work:
        work.conn.execute(text("UPDATE steward.dead_letters SET settled_at = now() - interval '2 minutes'"))
    assert redrive(post, letter.id) == [letter.id]


def test_what_might_take_effect_twice_is_not_sent_again(post: Post) -> None:
    """Inboxes remember for so long, and no longer."""
    bury(post, "m-1")
    take_in(post)
    (letter,) = open_ones(post)
    with post.db.begin() as work:
        older = "UPDATE steward.dead_letters SET first_at = now() - make_interval(days => :days)"
        work.conn.execute(text(older), {"days": REMEMBERED_DAYS + 1})
    with pytest.raises(Conflict, match="Too old"):
        redrive(post, letter.id)
    assert post.ids("dispatch.core") == []
    assert post.letters().show(letter.id).state == "open"


def test_a_letter_for_a_service_that_is_no_more_says_so(post: Post) -> None:
    bury(post, "m-1", **{"qipan-service": "bygone"})
    take_in(post)
    with pytest.raises(NotFound, match="bygone"):
        redrive(post, open_ones(post)[0].id)
    assert len(open_ones(post)) == 1


def test_a_tenant_cannot_have_its_neighbours_key_redriven_with_the_cores_rights(post: Post) -> None:
    """The broker lets it bury a letter in its own name; what it writes inside counts for nothing more."""
    bury(post, "m-1", key=f"wenxin.{TRIAGED}", at="sandun.dispatch", user="sandun")
    take_in(post)
    (letter,) = open_ones(post)
    assert letter.tenant == "sandun"
    assert "not to be redriven" in letter.reason
    assert redrive(post, letter.id) == []
    assert post.ids("dispatch.core") == []


@pytest.mark.parametrize(
    "wild",
    [
        {"id": "nul \0 in it"},
        {"id": "\ud800 alone"},
        {"id": "m-1", "odd": {"nested": [b"\xff", None, True, 1.5, {"deep": "\0"}]}},
        {"id": "m-1", "qipan-reason": b"\xff\xfe"},
        {"id": "m-1", "qipan-redriven": "often"},
        {"id": "m-1", "x-death": "a lie"},
    ],
)
def test_whatever_stands_in_a_letter_it_can_be_kept(post: Post, wild: dict[str, object]) -> None:
    id = str(wild.pop("id"))
    bury(post, id, **wild)
    assert take_in(post) == 1
    assert len(open_ones(post)) == 1


def test_a_message_whose_properties_cannot_be_decoded_is_kept(post: Post) -> None:
    wild = Outgoing("dead", "sandun.dispatch", b"{}", {"message_id": b"\xff\xfe"})
    assert post.publish(wild) == [Fate.CONFIRMED]
    assert take_in(post) == 1
    (letter,) = open_ones(post)
    assert "cannot be read" in str(letter.headers)


def test_what_the_broker_gives_up_itself_is_kept_and_can_be_redriven(post: Post) -> None:
    """Whoever crashes on a message again and again never gets to say why: the broker's limit does."""
    post.arrive(post.steward())
    post.say("crasher")
    for _ in range(topology.DELIVERY_LIMIT + 1):
        wire = post.wire("sandun")
        message = wire.channel.basic_get("dispatch@sandun")
        if message is None:
            break
        wire.channel.basic_reject(message.delivery_tag, requeue=True)
        wire.close()
    while not take_in(post):
        continue
    (letter,) = open_ones(post)
    assert (letter.tenant, letter.service, letter.message_id) == ("sandun", "dispatch", "crasher")
    assert "delivery_limit in dispatch@sandun" in letter.reason
    redrive(post, letter.id)
    assert post.ids("dispatch@sandun") == ["crasher"]


def test_an_added_services_full_queue_lets_its_oldest_go_to_the_dead(post: Post) -> None:
    channel = post.wire().channel
    channel.queue_delete("floodwatch@sandun")
    holding = next(
        each
        for each in topology.added_service("floodwatch", "sandun", ())
        if getattr(each, "name", "") == "floodwatch@sandun"
    )
    assert isinstance(holding, Queue)
    channel.queue_declare(
        holding.name, durable=True, auto_delete=False, arguments={**holding.arguments, "x-max-length": 2}
    )
    channel.queue_bind(holding.name, "inbox.floodwatch", "sandun.#")
    for id in ("oldest", "middle", "newest"):
        post.say(id, type="reading.observed.v1")
    while not take_in(post):
        continue
    (letter,) = open_ones(post)
    assert (letter.message_id, letter.service) == ("oldest", "floodwatch")
    assert post.ids("floodwatch@sandun") == ["middle", "newest"]


def test_only_what_was_settled_long_ago_is_forgotten(post: Post) -> None:
    for id in ("open", "settled", "just settled"):
        bury(post, id)
    take_in(post)
    by_id = {letter.message_id: letter.id for letter in open_ones(post)}
    post.letters().discard([by_id["settled"], by_id["just settled"]], by="an operator")
    with post.db.begin() as work:
        work.conn.execute(
            text("UPDATE steward.dead_letters SET settled_at = now() - interval '200 days' WHERE id = :id"),
            {"id": by_id["settled"]},
        )
        work.conn.execute(text("UPDATE steward.dead_letters SET first_at = now() - interval '900 days'"))
    assert post.letters().forget_settled() == 1
    assert [letter.message_id for letter in open_ones(post)] == ["open"]
    assert [letter.message_id for letter in post.letters().page(state="discarded")] == ["just settled"]


def test_pages_go_on_where_the_last_one_ended(post: Post) -> None:
    for number in range(5):
        bury(post, f"m-{number}")
        take_in(post)
    first = post.letters().page(limit=2)
    second = post.letters().page(limit=10, after=first[-1].id)
    assert [letter.message_id for letter in first + second] == [f"m-{number}" for number in range(5)]
    assert post.letters().counts() == {("sandun", "dispatch"): 5}
    assert post.letters().page(tenant="wenxin") == []
    assert post.letters().page(service="notify") == []


def test_an_unknown_letter_is_not_found(post: Post) -> None:
    with pytest.raises(NotFound, match="no dead letter"):
        post.letters().show("nothing")


def test_dead_letters_and_who_serves_are_told_as_figures(post: Post) -> None:
    def told(name: str, **labels: str) -> float | None:
        count(post.db, SPECS)
        return metrics.REGISTRY.get_sample_value(name, labels)

    letters = {"tenant": "sandun", "service": "dispatch"}
    assert told("qipan_dead_letters_open", **letters) is None
    assert told("qipan_dead_letters_oldest_age_seconds") == 0.0
    bury(post, "m-1")
    take_in(post)
    with post.db.begin() as work:
        work.conn.execute(text("UPDATE steward.dead_letters SET last_at = last_at - interval '5 hours'"))
    assert told("qipan_dead_letters_open", **letters) == 1.0
    assert (told("qipan_dead_letters_oldest_age_seconds") or 0.0) >= 5 * 3600
    post.letters().discard([open_ones(post)[0].id], by="an operator")
    assert told("qipan_dead_letters_open", **letters) is None
    assert told("qipan_dead_letters_oldest_age_seconds") == 0.0
    assert told("qipan_serving_instances", **letters) == 0.0
    post.arrive(post.steward(), "i-1")
    assert told("qipan_serving_instances", **letters) == 1.0
    assert told("qipan_serving_instances", tenant="sandun", service="floodwatch") == 0.0
