"""Reading dead letters: where a message was to go, and whose word counts for that."""

from hypothesis import given
from hypothesis import strategies as st

from qipan.messaging.dead_letter import read
from qipan.messaging.topology import TENANT
from qipan.messaging.wire import Delivery

tenants = st.from_regex(TENANT, fullmatch=True)


def buried(key: str, headers: object, **properties: object) -> Delivery:
    return Delivery(1, "dead", key, b"{}", {"application_headers": headers, **properties})


def test_a_consumers_letter_says_where_it_was_to_go() -> None:
    headers = {"qipan-service": "dispatch", "qipan-key": "sandun.report.triaged.v1", "qipan-reason": "no"}
    letter = read(buried("sandun.dispatch", headers, message_id="m", type="report.triaged.v1"))
    assert (letter.tenant, letter.service, letter.key) == ("sandun", "dispatch", "sandun.report.triaged.v1")
    assert (letter.reason, letter.message_id) == ("no", "m")
    assert letter.properties["type"] == "report.triaged.v1"


def test_the_brokers_own_letter_names_the_queue_that_gave_it_up() -> None:
    for queue in ("dispatch.core", "dispatch@sandun"):
        headers = {"x-death": [{"queue": queue, "reason": "delivery_limit", "count": 1}]}
        letter = read(buried("sandun.report.triaged.v1", headers))
        assert (letter.service, letter.key) == ("dispatch", "sandun.report.triaged.v1")
        assert f"delivery_limit in {queue}" in letter.reason


@given(sender=tenants, named=tenants)
def test_only_a_key_of_the_senders_own_tenant_can_be_redriven(sender: str, named: str) -> None:
    headers = {"qipan-service": "dispatch", "qipan-key": f"{named}.report.triaged.v1"}
    letter = read(buried(f"{sender}.dispatch", headers))
    assert bool(letter.key) == (sender == named)
    assert letter.tenant == sender


def test_one_message_has_one_letter_however_often_it_dies() -> None:
    first = read(
        buried("sandun.dispatch", {"qipan-service": "dispatch", "qipan-reason": "a"}, message_id="m")
    )
    again = read(
        buried("sandun.dispatch", {"qipan-service": "dispatch", "qipan-reason": "b"}, message_id="m")
    )
    other = read(buried("sandun.notify", {"qipan-service": "notify", "qipan-reason": "a"}, message_id="m"))
    assert first.id == again.id != other.id


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.binary(), inner, max_size=3),
    max_leaves=10,
)


@given(headers=st.dictionaries(st.text() | st.binary(), values, max_size=5), known=values)
def test_no_header_makes_a_letter_unreadable(headers: dict[object, object], known: object) -> None:
    for name in (
        "qipan-key",
        "qipan-service",
        "qipan-reason",
        "qipan-traceback",
        "qipan-redriven",
        "x-death",
    ):
        letter = read(buried("sandun.dispatch", {**headers, name: known}, message_id="m"))
        assert "\0" not in repr(letter.headers).replace("\\\\", "")
        for text in (letter.service, letter.key, letter.reason, letter.traceback, letter.message_id):
            text.encode()
            assert "\0" not in text


def test_headers_nested_too_deeply_are_left_out() -> None:
    deep: dict[str, object] = {}
    for _ in range(5000):
        deep = {"in": deep}
    assert "too deeply" in str(read(buried("sandun.dispatch", deep)).headers)
