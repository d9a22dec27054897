"""What can be declared on the broker, as plain data, and the declaring itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

Arguments = Mapping[str, str | int]
"""The broker's own names for how a queue or exchange behaves."""


@dataclass(frozen=True)
class Exchange:
    """A durable exchange; what it cannot route goes to `alternate`."""

    name: str
    type: str = "topic"
    alternate: str | None = None

    @property
    def arguments(self) -> Arguments:
        """The broker's own names for what this exchange does."""
        return {} if self.alternate is None else {"alternate-exchange": self.alternate}


@dataclass(frozen=True)
class Queue:
    """A durable queue; an `auto_delete` one goes with its last consumer."""

    name: str
    arguments: Arguments = field(default_factory=dict, hash=False)
    auto_delete: bool = False


@dataclass(frozen=True)
class Binding:
    """`source` hands what matches `key` to `destination`: a queue, or an exchange when `to_exchange`."""

    source: str
    destination: str
    key: str
    to_exchange: bool = False


Declaration = Exchange | Queue | Binding


class Channel(Protocol):
    """The part of a kombu (py-amqp) channel that declaring needs."""

    def exchange_declare(
        self, exchange: str, type: str, durable: bool, auto_delete: bool, arguments: Arguments
    ) -> object: ...
    def queue_declare(
        self,
        queue: str,
        durable: bool,
        exclusive: bool,
        auto_delete: bool,
        arguments: Arguments,
    ) -> object: ...
    def queue_bind(self, queue: str, exchange: str, routing_key: str) -> object: ...
    def exchange_bind(self, destination: str, source: str, routing_key: str) -> object: ...


def declare(channel: Channel, declarations: Iterable[Declaration]) -> None:
    """Make the broker have what is declared; harmless to repeat.

    Something of that name but of another shape closes the channel (406, the broker says what differs).
    """
    for each in declarations:
        match each:
            case Exchange():
                channel.exchange_declare(
                    each.name, each.type, durable=True, auto_delete=False, arguments=each.arguments
                )
            case Queue():
                channel.queue_declare(
                    each.name,
                    durable=True,
                    exclusive=False,
                    auto_delete=each.auto_delete,
                    arguments=dict(each.arguments),
                )
            case Binding(to_exchange=True):
                channel.exchange_bind(each.destination, each.source, each.key)
            case Binding():
                channel.queue_bind(each.destination, each.source, each.key)
