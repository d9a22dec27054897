"""核实 by the rules: who is asked to look at a report before it is filed, until when, and what follows."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from qipan.contracts.checked import Finding
from qipan.contracts.errors import Fault, Invalid, UnknownMatter
from qipan.contracts.events import Outcome
from qipan.contracts.verifications import AnswerVerification
from qipan.tenancy import Person
from qipan.territory.cell import DUTY_LAYER

LIMIT = "4 work-hours"
"""How long a grid worker has, where the pack says nothing (`triage.verify-limit`)."""

NO_GRID_WORKER = "no-grid-worker"
OVERDUE = "verification-overdue"
ANOTHER_MATTER = "another-matter"
"""Reasons for which a report waits for an acceptor; it is not filed by itself after a while."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a grid worker's finding makes of the report."""

    outcome: Outcome
    matter: str | None
    reason: str


def walked_cells(people: Iterable[Person]) -> frozenset[str]:
    """The duty cells that some grid worker answers for."""
    return frozenset(cell for person in people if "grid-worker" in person.roles for cell in person.cells)


def cell_of(cells: Mapping[str, str] | None) -> str | None:
    """The duty cell in which a report lies."""
    return (cells or {}).get(DUTY_LAYER)


def answer_of(command: AnswerVerification, thought: str | None, matters: Collection[str]) -> Answer:
    """What follows from what was found; `thought` is the matter that the report was taken to be about.

    Raises UnknownMatter or Invalid for a matter that the finding cannot have.
    """
    named = command.matter
    if named is not None and named not in matters:
        raise UnknownMatter(faults=(Fault(where="matter", what=f"{named!r} is not one of the town's"),))
    if command.finding is Finding.NOT_FOUND:
        if not command.note.strip():
            raise Invalid(
                faults=(Fault(where="note", what="nothing there: how do you know?", allowed="text"),)
            )
        return Answer(Outcome.DECLINE, thought, f"not-found: {command.note.strip()}")
    if command.finding is Finding.CONFIRMED:
        if named is not None and thought is not None and named != thought:
            fault = Fault(where="matter", what="is another than reported", allowed="the finding `different`")
            raise Invalid(faults=(fault,))
        matter = named or thought
        if matter is None:
            fault = Fault(where="matter", what="nobody knows yet what it is", allowed="a code of the town's")
            raise Invalid(faults=(fault,))
        return Answer(Outcome.FILE, matter, "verified")
    if named is not None:
        return Answer(Outcome.FILE, named, "verified")
    if not command.note.strip():
        raise Invalid(faults=(Fault(where="matter, note", what="what is it?", allowed="a code, or words"),))
    return Answer(Outcome.HOLD, None, f"{ANOTHER_MATTER}: {command.note.strip()}")
