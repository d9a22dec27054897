"""What one steward process has in hand between its entrypoints' turns."""

from collections.abc import Callable

from qipan.messaging.dead import DeadLetters
from qipan.messaging.process import Process
from qipan.observability.logs import logger
from services.steward.broker import Broker
from services.steward.collect import collect
from services.steward.link import Link
from services.steward.stewardship import Stewardship, Times
from services.steward.watch import Patience

log = logger(__name__)

ROUNDS_AT_ONCE = 20
"""A long backlog is handed back without pauses, but a steward that is told to stop need not finish it."""


class Desk:
    """Arrivals and rounds use one connection each: a long round must not keep an arrival waiting."""

    def __init__(
        self,
        stewardship: Stewardship,
        rounds: Stewardship,
        *,
        links: tuple[Link, ...],
        dead: Link,
        connected: Callable[[], bool],
        tenants: tuple[str, ...],
        patience: Patience,
    ) -> None:
        self.stewardship = stewardship
        self._rounds = rounds
        self._links = links
        self._dead = dead
        self._connected = connected
        self._tenants = tenants
        self._patience = patience
        self._adopted = False

    @classmethod
    def of(cls, process: Process) -> "Desk":
        """The desk of a steward process."""
        assert process.database is not None
        url, waits = process.settings.amqp_url, process.policy.delays_ms
        arrivals, rounds, dead = (Link(url, f"steward {what}") for what in ("arrivals", "rounds", "dead"))
        times = Times()
        services = process.district.services
        return cls(
            Stewardship(process.database, Broker(arrivals, waits), services, times),
            Stewardship(process.database, Broker(rounds, waits), services, times),
            links=(arrivals, rounds, dead),
            dead=dead,
            connected=process.client.ready,
            tenants=tuple(process.district.tenants),
            patience=Patience(times.lease),
        )

    def go_round(self) -> None:
        """A round, when it may be made. What fails is tried again after a whole lease."""
        if not self._connected():
            self._patience.ill()
        if not self._patience.may_judge():
            return
        try:
            if not self._adopted:
                found = self._rounds.adopt(self._tenants)
                log.info("tenants' queues found", count=len(found))
                self._adopted = True
            for _ in range(ROUNDS_AT_ONCE):
                if not self._rounds.round():
                    break
        except Exception:
            self._patience.ill()
            raise

    def collect(self, letters: DeadLetters) -> None:
        """Take in all dead letters that wait."""
        while collect(self._dead, letters):
            pass

    def close(self) -> None:
        """Close the connections."""
        for link in self._links:
            link.close()
