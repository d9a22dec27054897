"""The sender: claims a delivery, sends it outside any transaction, records what came of it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from qipan.contracts.errors import QipanError
from qipan.observability import metrics
from qipan.observability.logs import logger
from qipan.storage import Database
from services.notify import delivery_log
from services.notify.channel import NotAccepted, Outgoing, Refused
from services.notify.deliveries import NO_ADDRESS, Delivery, State, wait_after
from services.notify.outlets import Outlet, Outlets
from services.notify.reporters import Reached
from services.notify.rules import REPORTER

log = logger(__name__)


class Sender:
    """Sends what is due, to each destination one delivery at a time: a kill can repeat no more than that one.

    `address_of(person, channel)` is asked when it is sent: addresses are kept nowhere but in the pack and the
    operator's file. A reporter's is with intake: `reach` asks for it; None when they want to hear no more.
    `rest(seconds)` passes the time until a destination's rate allows another.
    """

    def __init__(
        self,
        database: Database,
        outlets: Outlets,
        address_of: Callable[[str, str], str | None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        reach: Callable[[Delivery], Reached | None] = lambda _: None,
        rest: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database = database
        self._outlets = outlets
        self._address_of = address_of
        self._now = now
        self._reach = reach
        self._rest = rest

    def due(self) -> list[str]:
        """The destinations to which something can be sent now."""
        with self._database.begin() as work:
            return delivery_log.due(work.conn, self._now(), list(self._outlets.by_name))

    def turn(self, destination: str | None = None) -> int:
        """Send until nothing is due, to one destination or to all in turn; returns how many were taken.

        Between messages to a destination with a rate it waits as long as the rate asks.
        """
        taken = 0
        for name in [destination] if destination else self.due():
            rate, began = self._outlets.by_name[name].rate, self._now()
            while (outcome := self.send_one(name)) is not None:
                taken += outcome in (State.ACCEPTED, State.DELIVERED)
                if rate is not None:
                    # Who only comes by twice a second would send no more than two a second.
                    self._rest(max((began + timedelta(seconds=1 / rate) - self._now()).total_seconds(), 0.0))
                    began = self._now()
        return taken

    def send_one(self, destination: str) -> State | None:
        """Send the next delivery that is due and say where it stands then; None when none may go now."""
        outlet = self._outlets.by_name[destination]
        began = self._now()
        with self._database.begin() as work:
            delivery = delivery_log.claim(work.conn, began, destination, outlet.rate)
        if delivery is None:
            return None
        outcome, trouble, asked = self._attempt(delivery, outlet)
        error = str(trouble)[:300] if trouble else None
        with self._database.begin() as work:
            now = self._now()
            delivery_log.record(work.conn, delivery, outcome, now, error)
            if asked:
                delivery_log.note(work.conn, destination, now, trouble)
            else:
                delivery_log.spare(work.conn, destination, began)
        metrics.DELIVERY_ATTEMPTS.labels(delivery.channel, outcome.value).inc()
        if outcome is State.GIVEN_UP:
            log.warning("delivery given up", tenant=delivery.tenant, key=delivery.key, error=error)
        return outcome

    def _attempt(self, delivery: Delivery, outlet: Outlet) -> tuple[State, NotAccepted | None, bool]:
        """Where it stands after an attempt, what went wrong, and whether the destination was asked at all."""
        try:
            found = self._found(delivery, outlet)
        except QipanError as error:
            return self._failed(delivery), NotAccepted(f"its address cannot be had: {error.code}"), False
        except Refused as refused:
            return State.GIVEN_UP, refused, False
        if found is None:
            return State.DROPPED, None, False
        try:
            arrived = outlet.sends.send(*found)
        except Refused as refused:
            return State.GIVEN_UP, refused, True
        except NotAccepted as trouble:
            return self._failed(delivery), trouble, True
        except Exception as error:  # noqa: BLE001 - a faulty channel must not stop the log from saying so
            return self._failed(delivery), NotAccepted(f"the channel failed: {type(error).__name__}"), True
        return State.DELIVERED if arrived else State.ACCEPTED, None, True

    def _found(self, delivery: Delivery, outlet: Outlet) -> tuple[str, Outgoing] | None:
        """The address and the message for it; None for a reporter who wants no more. Refused without an address."""
        if delivery.recipient.startswith(REPORTER):
            reached = self._reach(delivery)
            return (reached.address, reached.told(delivery.message)) if reached is not None else None
        if not outlet.personal:
            return "", delivery.message
        address = self._address_of(delivery.recipient, delivery.channel)
        if address is None:
            raise Refused(NO_ADDRESS)
        return address, delivery.message

    @staticmethod
    def _failed(delivery: Delivery) -> State:
        return State.GIVEN_UP if wait_after(delivery.attempt) is None else State.FAILED
