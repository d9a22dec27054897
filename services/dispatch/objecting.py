"""What becomes of guards' objections to a step, in the order in which they matter to whoever asks. Pure."""

from collections.abc import Iterable

from qipan.contracts.case import CaseState
from qipan.contracts.errors import Conflict, Fault, Forbidden, Invalid

Objection = Fault | Forbidden | Conflict
"""Not being allowed comes first; then that the case stands otherwise (somebody was faster: whatever is brought, it
is too late); then that something is lacking."""


def stands_otherwise(what: str, allowed: str, where: str = "case_id") -> Conflict:
    """The objection of a guard that looks at nothing but the case."""
    return Conflict(faults=(Fault(where=where, what=what, allowed=allowed),))


def overrule(name: str, case: CaseState, objections: Iterable[Objection | None]) -> None:
    """Nothing, when nobody objects to the step `name`.

    Otherwise Forbidden, Conflict with the case as it is now, or Invalid with all that is lacking.
    """
    made = [objection for objection in objections if objection is not None]
    for forbidden in made:
        if isinstance(forbidden, Forbidden):
            raise forbidden
    for other in made:
        if isinstance(other, Conflict):
            words = f"“{name}” does not fit the case as it is now; look at it again."
            raise Conflict(words, faults=other.faults, case=case.model_dump(mode="json"))
    if faults := tuple(fault for fault in made if isinstance(fault, Fault)):
        raise Invalid(f"“{name}” lacks something.", faults=faults)
