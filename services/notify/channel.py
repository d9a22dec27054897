"""The port to the world outside: what a channel does and how it says no."""

from typing import Protocol


class NotAccepted(Exception):
    """The provider did not take the message; it may be tried again."""


class Sends(Protocol):
    """A channel that hands one message to a provider."""

    def send(self, address: str, title: str, body: str, key: str) -> None:
        """Return when the provider has accepted it; raise NotAccepted, with the provider's reason, if not.

        `key` travels with the message, so that the provider or the reader can tell a repetition.
        """
