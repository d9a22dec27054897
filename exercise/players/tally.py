"""What the players did, and how it went."""

from collections import Counter


class Tally:
    """Counts by role and what happened. Only the event loop's thread writes."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, role: str, what: str, count: int = 1) -> None:
        """`role` did, or met, `what`."""
        self._counts[role, what] += count

    def of(self, role: str, what: str) -> int:
        """How often."""
        return self._counts[role, what]

    def to_dict(self) -> dict[str, dict[str, int]]:
        """Role → what → how often."""
        table: dict[str, dict[str, int]] = {}
        for (role, what), count in sorted(self._counts.items()):
            table.setdefault(role, {})[what] = count
        return table
