"""What mail servers answer: whose trouble it is, and that nobody's address stays in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.channel import Refused
from services.notify.smtp_answers import judged, reason_of

WHO = "zhang.san@example.org"


@pytest.mark.parametrize(
    ("code", "said", "whose"),
    [
        (550, "5.1.1 no such user", "refused"),
        (553, "5.1.3 bad address", "refused"),
        (552, "5.3.4 too big", "refused"),
        (550, "no such user", "message"),
        (450, "4.2.1 come back later", "message"),
        (450, "4.7.1 greylisted", "message"),
        (452, "4.2.2 mailbox full", "message"),
        (550, "5.6.0 content", "message"),
        (451, "4.1.1 not verified at present", "message"),
        (550, "5.0.0 undefined", "message"),
        (421, "4.2.0 going down", "server"),
        (451, "try later", "server"),
        (452, "4.5.3 too many messages in this session", "server"),
        (452, "out of space", "server"),
        (454, "4.7.0 not now", "server"),
        (530, "5.7.0 log in first", "server"),
        (535, "5.7.8 wrong password", "server"),
        (554, "5.7.1 relay access denied", "server"),
        (550, "5.1.8 sender's domain unknown", "server"),
        (451, "4.1.8 sender's domain unknown at present", "server"),
    ],
)
def test_whose_trouble_an_answer_is(code: int, said: str, whose: str) -> None:
    trouble = judged(code, said.encode(), WHO)
    assert (isinstance(trouble, Refused), trouble.of_message) == (whose == "refused", whose != "server")
    assert str(trouble) == f"{code} {said}"


@pytest.mark.parametrize(
    "said",
    [
        b"5.1.1 <zhang.san@example.org>: no such user",
        b"ZHANG.SAN@EXAMPLE.ORG unknown",
        "用户 zhang.san 不存在".encode(),
        b"mailbox zhang.san unknown; ask postmaster@mx.example",
        b"5.1.1 'zhang.san'@example.org\r\n\tsee help@example.org",
        b"\xff zhang.san",
    ],
)
def test_no_address_stays_in_a_reason(said: bytes) -> None:
    reason = reason_of(550, said, WHO)
    assert "zhang" not in reason.lower()
    assert "@" not in reason
    assert reason.startswith("550 ")


@given(
    st.from_regex(r"[a-z0-9][a-z0-9._+-]{0,20}@[a-z0-9]{1,10}\.[a-z]{2,6}", fullmatch=True),
    st.text(max_size=40),
    st.text(max_size=40),
)
def test_whatever_is_said_around_it_the_address_is_gone(address: str, before: str, after: str) -> None:
    assert address not in reason_of(550, f"{before} <{address}> {after}", address)
    assert address not in reason_of(550, f"{before}{address}{after}")
