"""The sender: claims a delivery, sends it outside any transaction, records what came of it."""

from collections.abc import Callable
from datetime import UTC, datetime

from qipan.observability import metrics
from qipan.observability.logs import logger
from qipan.storage import Database
from services.notify import delivery_log
from services.notify.channel import NotAccepted, Refused
from services.notify.deliveries import Delivery, State, wait_after
from services.notify.outlets import Outlet, Outlets

log = logger(__name__)

NO_ADDRESS = "no address on this channel is known for this person"


class Sender:
    """Sends what is due, to each destination one delivery at a time: a kill can repeat no more than that one.

    `address_of(person, channel)` is asked when it is sent: addresses are kept nowhere but in the pack and the
    operator's file.
    """

    def __init__(
        self,
        database: Database,
        outlets: Outlets,
        address_of: Callable[[str, str], str | None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._outlets = outlets
        self._address_of = address_of
        self._now = now

    def due(self) -> list[str]:
        """The destinations to which something can be sent now."""
        with self._database.begin() as work:
            return delivery_log.due(work.conn, self._now(), list(self._outlets.by_name))

    def turn(self, destination: str | None = None) -> int:
        """Send until nothing is due, to one destination or to all in turn; returns how many were taken."""
        taken = 0
        for name in [destination] if destination else self.due():
            while (outcome := self.send_one(name)) is not None:
                taken += outcome in (State.ACCEPTED, State.DELIVERED)
        return taken

    def send_one(self, destination: str) -> State | None:
        """Send the next delivery that is due and say where it stands then; None when none may go now."""
        outlet = self._outlets.by_name[destination]
        with self._database.begin() as work:
            delivery = delivery_log.claim(work.conn, self._now(), destination, outlet.rate)
        if delivery is None:
            return None
        outcome, trouble = self._attempt(delivery, outlet)
        error = str(trouble)[:300] if trouble else None
        with self._database.begin() as work:
            now = self._now()
            delivery_log.record(work.conn, delivery, outcome, now, error)
            if error != NO_ADDRESS:  # then nobody was asked
                delivery_log.note(work.conn, destination, now, trouble)
        metrics.DELIVERY_ATTEMPTS.labels(delivery.channel, outcome.value).inc()
        if outcome is State.GIVEN_UP:
            log.warning("delivery given up", tenant=delivery.tenant, key=delivery.key, error=error)
        return outcome

    def _attempt(self, delivery: Delivery, outlet: Outlet) -> tuple[State, NotAccepted | None]:
        """Where it stands after an attempt, and what went wrong."""
        address: str | None = ""
        if outlet.personal:
            address = self._address_of(delivery.recipient, delivery.channel)
        if address is None:
            return State.GIVEN_UP, Refused(NO_ADDRESS)
        try:
            arrived = outlet.sends.send(address, delivery.message)
        except Refused as refused:
            return State.GIVEN_UP, refused
        except NotAccepted as trouble:
            return self._failed(delivery), trouble
        except Exception as error:  # noqa: BLE001 - a faulty channel must not stop the log from saying so
            return self._failed(delivery), NotAccepted(f"the channel failed: {type(error).__name__}")
        return State.DELIVERED if arrived else State.ACCEPTED, None

    @staticmethod
    def _failed(delivery: Delivery) -> State:
        return State.GIVEN_UP if wait_after(delivery.attempt) is None else State.FAILED
