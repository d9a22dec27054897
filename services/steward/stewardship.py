"""Giving a tenant its part of a service and taking it back: rows and broker, in the order that is safe.

A row says first what may be bound, then it is bound; it is unbound first, then the row says so. Whoever dies
in between leaves a row that the next round finds.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from qipan.contracts.commands import Arrive, Lease
from qipan.contracts.errors import Unavailable
from qipan.messaging import topology
from qipan.messaging.leases import DRAIN_SECONDS, LEASE_SECONDS, QUIET_SECONDS
from qipan.observability.logs import logger
from qipan.storage.database import Database
from qipan.tenancy import ServiceSpec
from services.steward import store
from services.steward.broker import Broker
from services.steward.rules import check_names, extra_events, is_added

log = logger(__name__)

MOVED_AT_ONCE = 1000
"""Messages moved in one round, while the takeover is locked."""

TRIES = 10


@dataclass(frozen=True)
class Times:
    """Seconds; shorter in tests."""

    lease: float = LEASE_SECONDS
    drain: float = DRAIN_SECONDS
    quiet: float = QUIET_SECONDS


class Stewardship:
    """Any number of these may work at once: each takeover's row is locked while it is worked on."""

    def __init__(
        self, db: Database, broker: Broker, specs: Iterable[ServiceSpec], times: Times | None = None
    ) -> None:
        self._db = db
        self._broker = broker
        self._specs = tuple(specs)
        self._times = times or Times()
        self._core = topology.core_subscriptions()

    def arrive(self, conn: Connection, tenant: str, request: Arrive) -> Lease:
        """Give an instance its queues and a lease, or renew it. Everything is declared again each time.

        The takeover stays locked while its few names are declared: no lapse may unbind what is being bound.
        """
        service, instance = request.serves, request.instance
        check_names(service, instance, request.events)
        added = is_added(service, tenant, self._core, self._specs)
        extra = extra_events(service, request.events, self._core)
        takeover = self._noted(conn, tenant, service, added, extra)
        unheard = tuple(sorted(set(takeover.events) - set(extra)))
        if unheard and all(other.instance == instance for other in store.holders(conn, tenant, service)):
            self._broker.unhear(tenant, service, unheard)
            store.unhear(conn, tenant, service, unheard)
        self._broker.give(tenant, service, added=added, events=extra, heard=bool(request.events))
        self._broker.give_replies(tenant, instance)
        store.renew(conn, tenant, service, instance, self._times.lease)
        store.bind(conn, tenant, service)
        return Lease(
            event_queue=topology.tenant_queue(service, tenant) if request.events else None,
            call_queue=topology.tenant_call_queue(service, tenant),
            reply_queue=topology.reply_queue(tenant, instance),
            seconds=self._times.lease,
        )

    def unbind(self, conn: Connection, tenant: str, service: str, instance: str) -> None:
        """An instance takes nothing new; when no other serves, traffic and waiting calls go to the core."""
        takeover = store.lock(conn, tenant, service)
        if takeover is None:
            return
        store.leave(conn, tenant, service, instance, self._times.drain)
        if takeover.bound and all(holder.leaving for holder in store.holders(conn, tenant, service)):
            self._take_back(conn, takeover)

    def gone(self, conn: Connection, tenant: str, service: str, instance: str) -> None:
        """An instance has finished. What is left after the last one, the next round hands back."""
        if store.lock(conn, tenant, service) is not None:
            store.forget(conn, tenant, service, instance)

    def round(self) -> bool:
        """Take back what nobody serves any more and hand on what is left, a bounded part of it.

        Returns whether another round would find more to hand on.
        """
        with self._db.begin() as work:
            store.forget_the_dead_of_the_living(work.conn)
            unattended = store.unattended(work.conn)
        more = False
        for tenant, service in unattended:
            with self._db.begin() as work:
                more |= self._tend(work.conn, tenant, service)
        return more

    def adopt(self, tenants: Iterable[str]) -> list[tuple[str, str]]:
        """Find tenants' queues that no row knows of (rows lost, broker kept) and take charge of them."""
        found = [
            (tenant, service)
            for tenant in tenants
            for service in self._core
            if self._broker.has_queue(tenant, service)
        ]
        with self._db.begin() as work:
            for tenant, service in found:
                store.note(work.conn, tenant, service, added=False)
        return found

    def _noted(
        self, conn: Connection, tenant: str, service: str, added: bool, extra: tuple[str, ...]
    ) -> store.Takeover:
        """The takeover's row, committed and then locked; a round may drop it in between."""
        for _ in range(TRIES):
            with self._db.begin() as first:
                store.note(first.conn, tenant, service, added=added, events=extra)
            takeover = store.lock(conn, tenant, service)
            if takeover is not None:
                return takeover
        raise Unavailable("This tenant's queue was being taken down at that moment; ask again.")

    def _tend(self, conn: Connection, tenant: str, service: str) -> bool:
        takeover = store.lock(conn, tenant, service, wait=False)
        if takeover is None:
            return False
        lapsed = store.forget_lapsed(conn, tenant, service)
        if store.holders(conn, tenant, service):
            return False
        if takeover.bound:
            log.warning("nobody serves; the core takes over", tenant=tenant, service=service, lapsed=lapsed)
            self._take_back(conn, takeover)
        if takeover.added:
            store.drop(conn, tenant, service)
            return False
        remainder = self._broker.hand_back_events(tenant, service, MOVED_AT_ONCE)
        if remainder.moved:
            log.info(
                "handed back", tenant=tenant, service=service, moved=remainder.moved, left=remainder.left
            )
        quiet = not (remainder.moved or remainder.left or remainder.consumers)
        if store.quiet_for(conn, tenant, service, quiet) >= self._times.quiet and quiet:
            self._broker.delete(tenant, service)
            store.drop(conn, tenant, service)
        return remainder.moved >= MOVED_AT_ONCE

    def _take_back(self, conn: Connection, takeover: store.Takeover) -> None:
        self._broker.take_back(
            takeover.tenant, takeover.service, added=takeover.added, events=takeover.events
        )
        store.unbind(conn, takeover.tenant, takeover.service)
        if not takeover.added:
            self._broker.hand_back_calls(takeover.tenant, takeover.service)
