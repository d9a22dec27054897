"""Firing timers: due in the tenant's time, by any replica, once, each in the transaction of its effect."""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from qipan.observability import metrics
from qipan.observability.logs import logger
from qipan.storage import timers
from qipan.storage.database import Database, is_passing
from qipan.storage.work import Timer, Work
from qipan.tenancy.clocks import EVERYONE, Clocks

log = logger(__name__)

LOOK_SECONDS = 0.25
MOST = 200
POSTPONED = timedelta(minutes=5)
"""Domain time after which a timer whose handler failed is tried again."""

Fire = Callable[[Work, Sequence[Timer]], None]


class TimerLoop:
    """Looks for due timers until stopped. A `tenant`'s own process fires only that tenant's timers."""

    def __init__(
        self, database: Database, clocks: Clocks, handlers: Mapping[str, Fire], tenant: str | None
    ) -> None:
        self._database = database
        self._clocks = clocks
        self._handlers = handlers
        self._tenant = tenant
        self._service = database.schema
        self._stopping = threading.Event()
        self._stopped = threading.Event()

    def run(self) -> None:
        """Fire what comes due until `stop`."""
        try:
            while not self._stopping.wait(LOOK_SECONDS):
                for kind in self._handlers:
                    self._look(kind)
        finally:
            self._stopped.set()

    def stop(self) -> None:
        """Finish the batch at hand; returns when that is done."""
        self._stopping.set()
        self._stopped.wait(15)

    def _look(self, kind: str) -> None:
        try:
            for only, excluding in self._groups():
                while self._fire(kind, only, excluding, MOST) == MOST and not self._stopping.is_set():
                    pass
        except (SQLAlchemyError, TimeoutError) as error:
            if not is_passing(error):
                log.exception("timers cannot be read", service=self._service, kind=kind)
            self._stopping.wait(1.0)

    def _groups(self) -> Sequence[tuple[Sequence[str] | None, Sequence[str]]]:
        """The tenants in groups that share one clock: those of this process, or everyone and the special ones."""
        if self._tenant is not None:
            return [([self._tenant], ())]
        special = sorted(self._clocks.special)
        return [(None, special), *(([tenant], ()) for tenant in special)]

    def _fire(self, kind: str, only: Sequence[str] | None, excluding: Sequence[str], limit: int) -> int:
        now = self._clocks.now(only[0] if only else EVERYONE)
        try:
            with self._database.begin() as work:
                due = timers.take_due(
                    work.conn, work.schema, kind, now, only=only, excluding=excluding, limit=limit
                )
                if due:
                    self._handlers[kind](work, due)
        except Exception as error:
            if is_passing(error):
                raise
            log.exception("timers failed", service=self._service, kind=kind, count=len(due))
            if len(due) == 1:
                self._postpone(due[0])
                return 1
            # One by one: a bad timer must not hold up the others.
            return sum(self._fire(kind, only, excluding, 1) for _ in due)
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
