"""How a performance is shown while it runs: a progress bar on a terminal, plain lines elsewhere."""

import time
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn

from exercise.performance import Moment

_EVERY = 5.0


class Showing:
    """Shows moments. `zone` is where the district's people read their clocks."""

    def __init__(self, console: Console, title: str, zone: str) -> None:
        self._console, self._zone = console, ZoneInfo(zone)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[state]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task(title, total=None, state="")
        self._next_line = 0.0

    def __call__(self, moment: Moment) -> None:
        """Show this moment."""
        clock = moment.now.astimezone(self._zone).strftime("%m-%d %H:%M")
        state = f"{clock}  受理 {moment.accepted}  在办 {moment.open}  结案 {moment.closed}"
        self._progress.update(self._task, total=moment.planned, completed=moment.sent, state=state)
        if not self._console.is_terminal and time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _EVERY
            self._console.print(
                f"{clock}  sent {moment.sent}/{moment.planned}  accepted {moment.accepted}  "
                f"open {moment.open}  closed {moment.closed}",
                highlight=False,
            )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
