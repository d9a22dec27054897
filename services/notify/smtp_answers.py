"""What a mail server's answer says: whether the message or the server is the trouble, and without whose address."""

import re

from services.notify.channel import NotAccepted, Refused

_STATUS = re.compile(r"[245]\.(\d{1,3})\.(\d{1,3})\b")
_ADDRESS = re.compile(r"\S*@\S*")
_MAILBOX_CODES = frozenset({450, 550, 551, 552, 553, 554, 556})
"""Answers about the mailbox or the message (RFC 5321, 4.2.3), where no enhanced status says it more exactly."""
_OF_MESSAGE = frozenset({1, 2, 6})
"""Subjects of enhanced statuses (RFC 3463): the address, the mailbox, the content; the others are the server's."""
_OF_SENDER = frozenset({(1, 7), (1, 8)})
_TOO_BIG = (3, 4)
_MOST = 300


def judged(code: int, said: bytes | str, address: str) -> NotAccepted:
    """The trouble that an answer to MAIL, RCPT or DATA means; Refused where the address or the size is at fault."""
    text = _text(said)
    reason, status = reason_of(code, text, address), _STATUS.match(text)
    if code == 421 or status is None or status[1] == "0":
        return NotAccepted(reason, of_message=code in _MAILBOX_CODES)
    kind = (int(status[1]), int(status[2]))
    if code >= 500 and (kind == _TOO_BIG or (kind[0] == 1 and kind not in _OF_SENDER)):
        return Refused(reason)
    of_message = code == 450 or kind == _TOO_BIG or (kind[0] in _OF_MESSAGE and kind not in _OF_SENDER)
    return NotAccepted(reason, of_message=of_message)


def reason_of(code: int, said: bytes | str, address: str = "") -> str:
    """The answer as it may be stored and shown: neither `address` nor any other is in it."""
    text = _ADDRESS.sub("…", _text(said))
    for known in (address, address.partition("@")[0]):
        if known:
            text = re.sub(rf"(?<!\w){re.escape(known)}(?!\w)", "…", text, flags=re.IGNORECASE)
    return f"{code} {text}"[:_MOST].rstrip()


def _text(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(text.split())
