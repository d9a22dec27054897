"""What goes along when a message is published again."""

from qipan.messaging.headers import carried_on


def test_what_the_broker_wrote_or_would_act_upon_stays_behind() -> None:
    headers = {
        "traceparent": "00-a-b-01",
        "qipan-attempt": 2,
        "x-death": [{}],
        "x-delivery-count": 3,
        "CC": ["wenxin.case.filed.v1"],
        "BCC": ["wenxin.case.filed.v1"],
        b"\xff": "a name that is not text",
    }
    assert carried_on(headers) == {"traceparent": "00-a-b-01", "qipan-attempt": 2}
