"""The port to the world outside: what a channel is given, what it does with it, and how it says no."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

LONGEST = 45.0
"""Seconds that one attempt may take in all: less than `deliveries.LEASE`, with what is done before and after it."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message for one addressee. `key` is the same on every attempt; `at` is the tenant's domain time.

    `html` is the same text for who shows it; `tenant` is whose case, report or town it is about; `stop` the address
    at which its reader ends such messages with one click.
    """

    key: str
    title: str
    body: str
    html: str | None = None
    event: str = ""
    tenant: str = ""
    case_id: str | None = None
    report_id: str | None = None
    at: datetime | None = None
    stop: str | None = None


class NotAccepted(Exception):
    """The provider did not take the message; it may be tried again.

    `of_message`: this message is the trouble, others may go; without it the whole destination is taken to be in
    trouble. `retry_after`: how many seconds the provider asks to be left alone.
    """

    def __init__(self, reason: str, *, of_message: bool = False, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.of_message = of_message
        self.retry_after = retry_after


class Refused(NotAccepted):
    """The provider will never take this message as it is: trying again is no use."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, of_message=True)


class Sends(Protocol):
    """A channel that hands one message to a provider."""

    def send(self, address: str, message: Outgoing) -> bool:
        """Return when the provider has accepted it; True when that is the addressee's own system, which has it now.

        Raises NotAccepted, with the provider's reason, or Refused. It returns within `deliveries.LEASE`. The
        message's key travels with it, so that the provider or the reader can tell a repetition.
        """
