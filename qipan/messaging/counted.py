"""What queues say of themselves when asked one by one: at this moment, unlike the management API's figures."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from amqp.exceptions import NotFound, ResourceLocked

from qipan.messaging.wire import Wire


class Counted(NamedTuple):
    """A queue: how many messages wait in it, those in nobody's hands, and how many consume it."""

    name: str
    messages: int
    consumers: int


def counted(url: str, names: Iterable[str], asker: str) -> Iterator[Counted]:
    """Each of these queues that there is; one that another connection has for itself is passed over.

    `asker` is how the connection is called. Raises what `BROKER_GONE` lists.
    """
    wire: Wire | None = None
    try:
        for name in sorted(names):
            wire = wire or Wire(url, asker)
            try:
                found = wire.channel.queue_declare(name, passive=True)
            except (NotFound, ResourceLocked):  # which closes the channel
                wire.close()
                wire = None
                continue
            yield Counted(name, found.message_count, found.consumer_count)
    finally:
        if wire is not None:
            wire.close()
