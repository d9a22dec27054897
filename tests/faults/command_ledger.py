"""What people were told was done: each command answered with success, written outside the examined system."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

_ROWS: dict[str, tuple[str, ...]] = {
    "inspect": ("pass", "fail"),
    "dispatch": ("dispatch", "ask"),  # a department is asked where its unit may not be commanded
    "arbitrate": ("allow-return", "deny-return"),
}
"""Actions over HTTP that the history calls otherwise, by what was decided."""


@dataclass(frozen=True, slots=True)
class Done:
    """One command: who took which step on which case, and the case's version in the answer.

    `since` is the version that the person saw; what follows of itself makes the answer's later than the step's own.
    """

    tenant: str
    case_id: str
    step: str
    version: int
    person: str
    since: int

    @property
    def rows(self) -> tuple[str, ...]:
        """What the case's history may call it."""
        return _ROWS.get(self.step, (self.step,))


class CommandLedger:
    """An append-only file of JSON lines; each goes to the kernel at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def done(self, command: Done) -> None:
        """It was answered with success."""
        self._file.write(json.dumps(asdict(command)) + "\n")

    def close(self) -> None:
        """Closes the file; what was written stays readable."""
        self._file.close()


def commands(path: Path) -> Iterator[Done]:
    """What the ledger says."""
    for line in path.read_text(encoding="utf-8").splitlines():
        yield Done(**json.loads(line))


def without_effect(done: Iterator[Done], history: dict[tuple[str, str, int], tuple[str, str]]) -> list[Done]:
    """Those whose case has no such row up to that version; `history`: (tenant, case, version) → (what, who)."""

    def is_there(command: Done) -> bool:
        return any(
            what in command.rows and who == command.person
            for version in range(command.since + 1, command.version + 1)
            for what, who in [history.get((command.tenant, command.case_id, version), ("", ""))]
        )

    return [command for command in done if not is_there(command)]
