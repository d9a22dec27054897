"""Group commit: one writer thread lets up to fifty waiting requests share a transaction."""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

from qipan.contracts.errors import Unavailable
from qipan.storage.database import Database, is_passing
from qipan.storage.work import Work

Item = TypeVar("Item")
Result = TypeVar("Result")


class GroupCommit(Generic[Item, Result]):
    """Applies items in shared transactions; a future resolves only after the commit that holds its item.

    `apply(work, items)` returns one result an item, in order. When a shared transaction fails, its items are
    applied one by one, so that one bad item costs only itself. While the database is away every waiting item
    fails with `Unavailable` at once instead of queueing up.
    """

    def __init__(
        self,
        database: Database,
        apply: Callable[[Work, Sequence[Item]], Sequence[Result]],
        *,
        largest: int = 50,
        waiting: int = 2000,
    ) -> None:
        self._database = database
        self._apply = apply
        self._largest = largest
        self._queue: queue.Queue[tuple[Item, Future[Result]] | None] = queue.Queue(maxsize=waiting)
        self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
        self._thread.start()

    def submit(self, item: Item) -> "Future[Result]":
        """Queue `item` for the next commit; raises `Unavailable` when too many wait already."""
        future: Future[Result] = Future()
        try:
            self._queue.put_nowait((item, future))
        except queue.Full:
            raise Unavailable("Too many requests are waiting to be stored; try again shortly.") from None
        return future

    def close(self) -> None:
        """Finish what waits, then stop."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            first = self._queue.get()
            if first is None:
                return
            batch = [first]
            ending = False
            while len(batch) < self._largest:
                try:
                    following = self._queue.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    ending = True
                    break
                batch.append(following)
            self._commit(batch)
            if ending:
                return

    def _commit(self, batch: list[tuple[Item, "Future[Result]"]]) -> None:
        live = [(item, future) for item, future in batch if future.set_running_or_notify_cancel()]
        if not live:
            return
        try:
            with self._database.begin() as work:
                results = self._apply(work, [item for item, _ in live])
        except Exception as error:  # noqa: BLE001 - whatever it was, it must reach those who wait
            passing = is_passing(error)
            if len(live) == 1 or passing:
                for _, future in live:
                    future.set_exception(error)
                if passing:
                    self._fail_the_waiting(error)
                return
            for pair in live:
                self._commit_alone(*pair)
            return
        for (_, future), result in zip(live, results, strict=True):
            future.set_result(result)

    def _fail_the_waiting(self, error: Exception) -> None:
        """Who waits would only wait for the same: a database that hangs takes its time-out from each batch."""
        for _ in range(self._queue.qsize()):
            try:
                waiting = self._queue.get_nowait()
            except queue.Empty:
                return
            if waiting is None:
                self._queue.put(None)  # it is told to stop, and will be when it looks again
            elif waiting[1].set_running_or_notify_cancel():
                waiting[1].set_exception(error)

    def _commit_alone(self, item: Item, future: "Future[Result]") -> None:
        try:
            with self._database.begin() as work:
                [result] = self._apply(work, [item])
        except Exception as error:  # noqa: BLE001 - whatever it was, it must reach the one who waits
            future.set_exception(error)
        else:
            future.set_result(result)
