"""How an outbox message looks on the broker."""

from qipan.messaging import topology
from qipan.messaging.wire import Outgoing
from qipan.storage.work import Unsent

CONTENT_TYPE = "application/cloudevents+json"


def event(message: Unsent, source: str, *, mandatory: bool) -> Outgoing:
    """An event on the exchange `events`, durable; `mandatory` when somebody subscribes to it."""
    properties: dict[str, object] = {
        "message_id": message.message_id,
        "type": message.key.split(".", 1)[1],
        "content_type": CONTENT_TYPE,
        "app_id": source,
        "delivery_mode": 2,
    }
    if message.traceparent:
        properties["application_headers"] = {"traceparent": message.traceparent}
    return Outgoing(topology.EVENTS, message.key, bytes(message.body), properties, mandatory=mandatory)
