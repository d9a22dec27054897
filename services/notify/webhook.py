"""Webhooks: one happening as JSON to another system, signed so that it can tell who sent it and when."""

import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from services.notify.channel import Outgoing
from services.notify.posting import SECONDS, post
from services.notify.reach import Network

DELIVERY, TIMESTAMP, SIGNATURE = "X-Qipan-Delivery", "X-Qipan-Timestamp", "X-Qipan-Signature"


class Webhook:
    """Posts to one address. Who answers 200, 201 or 204 has it; 202 says that it will see."""

    def __init__(
        self,
        url: str,
        secret: str,
        allowed: Sequence[Network] = (),
        seconds: float = SECONDS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._url = url
        self._secret = secret.encode()
        self._allowed = allowed
        self._seconds = seconds
        self._now = now

    def send(self, address: str, message: Outgoing) -> bool:
        """Post it; the address is the webhook's own."""
        content = body_of(message)
        stamp = str(int(self._now().timestamp()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "qipan-notify",
            "Idempotency-Key": message.key,
            DELIVERY: message.key,
            TIMESTAMP: stamp,
            SIGNATURE: signature(self._secret, message.key, stamp, content),
        }
        return post(self._url, headers, content, self._allowed, seconds=self._seconds).status != 202


def body_of(message: Outgoing) -> bytes:
    """What is posted: the same bytes on every attempt."""
    said = {
        "id": message.key,
        "event": message.event,
        "tenant": message.tenant,
        "case_id": message.case_id,
        "report_id": message.report_id,
        "at": message.at.isoformat() if message.at else None,
        "title": message.title,
        "body": message.body,
    }
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def signature(secret: bytes, key: str, stamp: str, content: bytes) -> str:
    """`v1=` and the HMAC-SHA256, in hexadecimal, of the time stamp, the key and the body, joined by full stops."""
    signed = b".".join((stamp.encode(), key.encode(), content))
    return "v1=" + hmac.new(secret, signed, hashlib.sha256).hexdigest()
