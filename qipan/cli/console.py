"""Where commands print, and the tables that they print."""

import sys
from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table

PIPED_WIDTH = 240
"""Columns for another program, which reads line by line: what is folded it would not find."""


def width_for(stream: TextIO) -> int | None:
    """The width to print with; None: the terminal's own."""
    return None if stream.isatty() else PIPED_WIDTH


stdout = Console(width=width_for(sys.stdout))
stderr = Console(stderr=True)


def table(*columns: str) -> Table:
    """A plain table. What does not fit is folded, never cut off: ids and passwords are to be copied."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made
