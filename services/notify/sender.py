"""The sender: claims a delivery, sends it outside any transaction, records what came of it."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from qipan.observability import metrics
from qipan.observability.logs import logger
from qipan.storage import Database
from services.notify import delivery_log
from services.notify.channel import NotAccepted, Sends
from services.notify.deliveries import Delivery, State, wait_after
from services.notify.rules import Channel

log = logger(__name__)

_TURN_SECONDS = 1.0
_NO_ADDRESS = "the pack knows no address for this person"


class Sender:
    """Sends what is due, one delivery at a time, so that a kill can repeat no more than the one being sent.

    `address_of(person, channel)` is asked when it is sent: addresses are kept nowhere but in the pack.
    """

    def __init__(
        self,
        database: Database,
        channels: Mapping[Channel, Sends],
        address_of: Callable[[str, str], str | None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._channels = channels
        self._address_of = address_of
        self._now = now

    def turn(self) -> int:
        """Send until nothing is due or a second has passed; returns how many the providers accepted."""
        accepted, began = 0, time.monotonic()
        while time.monotonic() - began < _TURN_SECONDS and (outcome := self.send_one()) is not None:
            accepted += outcome is State.ACCEPTED
        return accepted

    def send_one(self) -> State | None:
        """Send the next delivery that is due and say where it stands then; None when there was none."""
        channels = [channel.value for channel in self._channels]
        with self._database.begin() as work:
            delivery = delivery_log.claim(work.conn, self._now(), channels)
        if delivery is None:
            return None
        address = self._address_of(delivery.recipient, delivery.channel)
        error = _NO_ADDRESS if address is None else self._attempt(delivery, address)
        last = address is None or wait_after(delivery.attempt) is None
        outcome = State.ACCEPTED if error is None else State.GIVEN_UP if last else State.FAILED
        with self._database.begin() as work:
            delivery_log.record(work.conn, delivery, outcome, self._now(), error)
        metrics.DELIVERY_ATTEMPTS.labels(delivery.channel, outcome.value).inc()
        if outcome is State.GIVEN_UP:
            log.warning("delivery given up", tenant=delivery.tenant, key=delivery.key, error=error)
        return outcome

    def _attempt(self, delivery: Delivery, address: str) -> str | None:
        """What went wrong, in words; None when the provider accepted."""
        try:
            self._channels[Channel(delivery.channel)].send(
                address, delivery.title, delivery.body, delivery.key
            )
        except NotAccepted as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - a faulty channel must not stop the log from saying so
            return f"the channel failed: {type(error).__name__}"
        return None
