"""What is wrong with a pack: all of it at once."""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import ValidationError


@dataclass(frozen=True, slots=True, order=True)
class PackFault:
    """One fault: the file (relative to the pack), the key in it, what is wrong, and what would be allowed."""

    file: str
    key: str
    what: str
    allowed: str = ""

    def __str__(self) -> str:
        """One line for a person."""
        where = f"{self.file}: {self.key}" if self.key else self.file
        return f"{where}: {self.what}" + (f" (allowed: {self.allowed})" if self.allowed else "")


class PackError(Exception):
    """A district's pack cannot be used; `faults` holds everything that is wrong with it."""

    def __init__(self, faults: list[PackFault]) -> None:
        self.faults = tuple(sorted(set(faults)))
        many = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        super().__init__(f"the pack has {many}:\n" + "\n".join(f"  {fault}" for fault in self.faults))


_ALLOWED = {
    "extra_forbidden": "no such key; see docs/reference/packs.md",
    "missing": "the key must be given",
}


def of_validation(
    error: ValidationError, origin: Callable[[tuple[str, ...]], tuple[str, str]]
) -> list[PackFault]:
    """pydantic's findings as faults; `origin` gives the file, and the key there, that a key is from."""
    faults = []
    for found in error.errors(include_url=False):
        context = found.get("ctx", {})
        allowed = str(context.get("expected") or context.get("pattern") or _ALLOWED.get(found["type"], ""))
        faults.append(PackFault(*origin(tuple(map(str, found["loc"]))), found["msg"], allowed))
    return faults
