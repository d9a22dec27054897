"""Taking dead letters off the broker into the store: acked once they are committed."""

from qipan.messaging import topology
from qipan.messaging.dead import DeadLetters
from qipan.messaging.dead_letter import read
from qipan.messaging.wire import Delivery
from services.steward.link import Link

AT_ONCE = 100


def collect(link: Link, letters: DeadLetters) -> int:
    """Store what waits, up to `AT_ONCE`; returns how many.

    Raises `BROKER_GONE` or what the database raises; the broker then keeps them.
    """
    with link.open() as publisher:
        channel = publisher.wire.channel
        taken: list[Delivery] = []
        while len(taken) < AT_ONCE and (message := channel.basic_get(topology.DEAD)) is not None:
            info = message.delivery_info
            taken.append(
                Delivery(
                    tag=info["delivery_tag"],
                    exchange=info["exchange"],
                    key=info["routing_key"],
                    body=bytes(message.body),
                    properties=message.properties,
                )
            )
        if taken:
            letters.add([read(delivery) for delivery in taken])
            publisher.wire.ack(taken[-1].tag, multiple=True)
        return len(taken)
