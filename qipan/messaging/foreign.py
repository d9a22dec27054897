"""Messages whose properties the library cannot decode arrive without them instead of ending the connection.

The broker passes on a property that is not UTF-8 or a header with an impossible date. The library raises
while it reads the frame, the connection is lost, the message comes back, for ever.
"""

from typing import Any

from amqp import serialization
from amqp.spec import Basic

UNREADABLE_HEADER = "qipan-unreadable"
"""Set in place of properties that could not be decoded; says why."""


def tolerate_foreign_properties() -> None:
    """Have the library hand over such a message with no properties but `UNREADABLE_HEADER`."""
    serialization.PROPERTY_CLASSES[Basic.CLASS_ID] = _decode


def _decode(buf: Any, offset: int) -> tuple[dict[str, Any], int]:
    try:
        properties, offset = serialization.decode_properties_basic(buf, offset)
    except Exception as error:  # noqa: BLE001 - whatever a sender wrote there, it must arrive to be refused
        reason = f"its properties cannot be read: {error!r}"
        return {"application_headers": {UNREADABLE_HEADER: reason}}, len(buf)
    return properties, offset
