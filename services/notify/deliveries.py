"""A delivery to the world outside: its states, its key, and when it is tried again."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from qipan.ids import derived_id
from services.notify.channel import Outgoing

LEASE = timedelta(seconds=60)
"""How long a claimed delivery is its sender's alone; longer than any one attempt may take."""

BACKOFF: tuple[timedelta, ...] = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
)
"""The wait after the first, second … failed attempt; after the last one the delivery is given up."""


NO_ADDRESS = "no address on this channel is known for this person"
"""Why a delivery is given up whose reader cannot be reached so any more."""


class State(StrEnum):
    """Where a delivery stands."""

    QUEUED = "queued"
    SENDING = "sending"  # claimed by a sender, until its lease lapses
    ACCEPTED = "accepted"  # the provider took it
    DELIVERED = "delivered"  # the addressee's own system took it, or the provider says that it arrived
    FAILED = "failed"  # the last attempt failed, another one follows
    GIVEN_UP = "given-up"
    DROPPED = "dropped"  # its reader wanted no more by the time it would have gone
    GATHERING = "gathering"  # waits for its reader's digest
    GATHERED = "gathered"  # went with a digest, which is a delivery of its own


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message on its way to one recipient. `attempt` counts from 1, and fences off late senders."""

    tenant: str
    message_id: str
    recipient: str
    channel: str
    attempt: int
    message: Outgoing

    @property
    def key(self) -> str:
        """The message's key."""
        return self.message.key


def key_of(tenant: str, message_id: str, recipient: str, channel: str) -> str:
    """The key by which the world outside can tell a repetition: the same on every attempt and replay."""
    return derived_id("delivery", tenant, message_id, recipient, channel)


def wait_after(attempt: int) -> timedelta | None:
    """How long to wait after failed attempt number `attempt` (from 1); None when it was the last."""
    return BACKOFF[attempt - 1] if attempt <= len(BACKOFF) else None
