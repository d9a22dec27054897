"""Firing timers: due in the tenant's time, by any replica, once, each in the transaction of its effect."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from qipan.messaging.leases import LEASE_SECONDS, RENEW_SECONDS
from qipan.observability import metrics
from qipan.observability.logs import logger
from qipan.storage import timers
from qipan.storage.database import Database, is_passing
from qipan.storage.work import Timer, Work
from qipan.tenancy.clocks import EVERYONE, Clocks

log = logger(__name__)

LOOK_SECONDS = 0.25
MOST = 200
TROUBLED_SECONDS = 1.0
"""How long to wait before another look when the timers could not be read."""
POSTPONED = timedelta(minutes=5)
"""Domain time after which a timer whose handler failed is tried again."""

Fire = Callable[[Work, Sequence[Timer]], None]


def halves(count: int) -> tuple[int, int]:
    """`count` in two, neither 0 when there are two."""
    return count // 2, count - count // 2


class TimerLoop:
    """Looks for due timers until stopped.

    A `tenant`'s own process keeps that tenant's timers, on a lease of its own in the database, and fires no
    others; the core's processes fire all that nobody keeps.
    """

    def __init__(
        self,
        database: Database,
        clocks: Clocks,
        handlers: Mapping[str, Fire],
        tenant: str | None = None,
        instance: str = "",
    ) -> None:
        self._database = database
        self._clocks = clocks
        self._handlers = handlers
        self._tenant = tenant
        self._instance = instance
        self._renew_at = 0.0
        self._service = database.schema
        self._stopping = threading.Event()
        self._stopped = threading.Event()

    def run(self) -> None:
        """Fire what comes due until `stop`."""
        try:
            while not self._stopping.wait(LOOK_SECONDS):
                self.look()
            self._leave()
        finally:
            self._stopped.set()

    def stop(self) -> None:
        """Finish the batch at hand; returns when that is done."""
        self._stopping.set()
        self._stopped.wait(15)

    def look(self) -> None:
        """Fire what is due now, once."""
        try:
            self._keep()
            for only, excluding in self._groups():
                for kind in self._kinds_due(only, excluding):
                    while self._fire(kind, only, excluding, MOST) == MOST and not self._stopping.is_set():
                        self._keep()
        except Exception as error:
            # Whatever it was: a loop that ends would leave every timer of the service unfired.
            if not is_passing(error):
                log.exception("timers cannot be read", service=self._service)
            self._stopping.wait(TROUBLED_SECONDS)

    def _keep(self) -> None:
        if self._tenant is None or time.monotonic() < self._renew_at:
            return
        with self._database.begin() as work:
            timers.keep(work.conn, work.schema, self._tenant, self._handlers, self._instance, LEASE_SECONDS)
        self._renew_at = time.monotonic() + RENEW_SECONDS

    def _leave(self) -> None:
        if self._tenant is None:
            return
        try:
            with self._database.begin() as work:
                timers.keep_no_more(work.conn, work.schema, self._tenant, self._instance)
        except (SQLAlchemyError, TimeoutError) as error:
            log.warning(
                "timers not given back; the lease will lapse", service=self._service, error=str(error)
            )

    def _groups(self) -> Sequence[tuple[Sequence[str] | None, Sequence[str]]]:
        """The tenants in groups that share one clock: those of this process, or everyone and the special ones."""
        if self._tenant is not None:
            return [([self._tenant], ())]
        special = sorted(self._clocks.special)
        return [(None, special), *(([tenant], ()) for tenant in special)]

    def _kinds_due(self, only: Sequence[str] | None, excluding: Sequence[str]) -> Sequence[str]:
        now = self._clocks.now(only[0] if only else EVERYONE)
        with self._database.begin() as work:
            return timers.kinds_due(
                work.conn,
                work.schema,
                self._handlers,
                now,
                only=only,
                excluding=excluding,
                unkept=self._tenant is None,
            )

    def _fire(self, kind: str, only: Sequence[str] | None, excluding: Sequence[str], limit: int) -> int:
        now = self._clocks.now(only[0] if only else EVERYONE)
        due: Sequence[Timer] = ()
        try:
            with self._database.begin() as work:
                due = timers.take_due(
                    work.conn,
                    work.schema,
                    kind,
                    now,
                    only=only,
                    excluding=excluding,
                    unkept=self._tenant is None,
                    limit=limit,
                )
                if due:
                    self._handlers[kind](work, due)
        except Exception as error:
            if is_passing(error) or not due:
                raise
            if len(due) == 1:
                log.exception("a timer failed", service=self._service, kind=kind, tenant=due[0].tenant)
                self._postpone(due[0])
                return 1
            # In halves, the earliest first: a bad timer must not hold up the others, and may be slow to fail.
            log.warning(
                "timers failed", service=self._service, kind=kind, count=len(due), error=type(error).__name__
            )
            return sum(self._fire(kind, only, excluding, part) for part in halves(len(due)))
        for timer in due:
            metrics.TIMER_LATENESS.labels(self._service, kind).observe(
                max(0.0, (now - timer.due_at).total_seconds())
            )
        return len(due)

    def _postpone(self, timer: Timer) -> None:
        with self._database.begin() as work:
            work.conn.execute(
                text(
                    f"UPDATE {work.schema}.timers SET due_at = :later"
                    " WHERE tenant = :tenant AND kind = :kind AND ref = :ref"
                ),
                {
                    "later": self._clocks.now(timer.tenant) + POSTPONED,
                    "tenant": timer.tenant,
                    "kind": timer.kind,
                    "ref": timer.ref,
                },
            )
