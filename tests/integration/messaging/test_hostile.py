"""Messages made to do harm: each ends among the dead letters, and the next good one is handled."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from qipan.contracts.envelope import Envelope
from qipan.contracts.events import ReportReceived
from qipan.ids import new_id
from qipan.messaging.wire import Outgoing
from tests.integration.messaging.conftest import Handler, House, report, until

TYPE = ReportReceived.type


def sealed(report_id: str = "hostile", id: str | None = None) -> bytes:
    return Envelope.seal(report(report_id), id=id or new_id(), source="a town", tenant="sandun")


def changed(**fields: Any) -> bytes:
    return json.dumps({**json.loads(sealed()), **fields}).encode()


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


HOSTILE: dict[str, tuple[bytes, dict[str, Any]]] = {
    "time without a zone": (changed(time="2026-01-01T00:00:00"), {}),
    "deadline without a zone": (changed(deadline="2026-01-01T00:00:00"), {}),
    "NUL in the id": (changed(id="a\0b"), {}),
    "an id beyond any index": (changed(id="x" * 10_000), {}),
    "half a character": (changed(id="?").replace(b'"?"', b'"\\ud800"'), {}),
    "nested beyond recursion": (nested(100_000), {}),
    "nested within JSON's own limit": (nested(900), {}),
    "a number of ten thousand digits": (changed(id=0).replace(b'"id": 0', b'"id": ' + b"9" * 10_000), {}),
    "nothing at all": (b"", {}),
    "not UTF-8": (b'{"id": "\xff"}', {}),
    "five megabytes": (b"x" * 5_000_000, {}),
    "another's envelope": (changed(tenant="wenxin"), {}),
    "an id property that is not text": (sealed(), {"message_id": b"\xff\xfe"}),
    "a type property that is not text": (sealed(), {"type": b"\xff"}),
    "an encoding that does not exist": (b"\xff", {"content_encoding": "nope"}),
    "a body that its encoding turns into something else": (b"\xff", {"content_encoding": "latin-1"}),
    "header names that are not text": (b"\xff", {"application_headers": {b"\xff": b"\xfe"}}),
    "an attempt that is no number": (b"\xff", {"application_headers": {"qipan-attempt": "many"}}),
    "an attempt below all": (b"\xff", {"application_headers": {"qipan-attempt": -5}}),
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_it_dies_alone(house: House, hostile: tuple[bytes, dict[str, Any]]) -> None:
    body, properties = hostile
    handler = Handler()
    house.consumer(handler)
    wire = house.wire()
    for each in (
        Outgoing("events", f"sandun.{TYPE}", body, {"message_id": "hostile", "type": TYPE, **properties}),
        Outgoing("events", f"sandun.{TYPE}", sealed("good"), {"message_id": "good", "type": TYPE}),
    ):
        wire.publish(each)
    dead: list[Any] = []

    def dead_and_done(found: Callable[[], list[Any]] = house.dead) -> bool:
        dead.extend(found())
        return "good" in house.effects() and len(dead) == 1

    until(dead_and_done)
    assert "hostile" not in house.effects()
    assert house.depth("intake.core") == 0
