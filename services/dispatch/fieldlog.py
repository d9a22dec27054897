"""Who may say what in a case's log: to whom instructions go, and what may be answered. Pure."""

from collections.abc import Collection, Iterable, Mapping

from qipan.contracts.case import OPEN_STAGES, CaseState
from qipan.contracts.errors import Fault, Forbidden, IllegalTransition, Invalid
from qipan.contracts.fieldlog import EntryKind, GiveInstruction, LogEntry

ANSWERED_BY: Mapping[EntryKind, EntryKind] = {
    EntryKind.INSTRUCTION: EntryKind.ACKNOWLEDGED,
    EntryKind.BACKUP: EntryKind.BACKUP_ANSWERED,
}
"""What waits for an answer, and what answers it."""


def going_on(case: CaseState) -> None:
    """IllegalTransition for a case that is over: nothing is to be done about it any more."""
    if case.stage not in OPEN_STAGES:
        raise IllegalTransition(
            f"The case is {case.stage}; its log is closed.", stage=case.stage, version=case.version
        )


def addressee(
    case: CaseState, asked: GiveInstruction, units: Mapping[str, Collection[str]]
) -> tuple[str | None, str | None]:
    """The unit and worker an instruction is for; `units` are the town's, with their workers.

    Invalid where nobody is named and nobody has the case, or the one named is nobody of the town's field.
    """
    unit, worker = asked.unit, asked.worker
    if unit is None and worker is None:
        unit, worker = case.unit, case.worker
    if worker is not None:
        home = next((id for id, people in units.items() if worker in people), None)
        if home is None or unit not in (None, home):
            what = f"{worker!r} is nobody of {unit or 'a unit of this town'}"
            allowed = ", ".join(sorted(units.get(unit or "", ()))[:20]) or "a handler of the town"
            raise _wrong("worker", what, allowed)
        return home, worker
    if unit is None:
        raise _wrong("worker", "nobody has the case, so nobody is instructed", "a worker or a unit")
    if unit not in units:
        raise _wrong("unit", f"{unit!r} is no unit of this town", ", ".join(sorted(units)[:20]))
    return unit, None


def may_answer(entry: LogEntry | None, kind: EntryKind, case_id: str) -> LogEntry:
    """The entry, if it is one of this case that waits for such an answer; Invalid."""
    if entry is None or entry.case_id != case_id or ANSWERED_BY.get(entry.kind) is not kind:
        wanted = next(waits.value for waits, answer in ANSWERED_BY.items() if answer is kind)
        raise _wrong("entry_id", f"is no {wanted} of this case", f"the entry_id of such a {wanted}")
    return entry


def meant_for(entry: LogEntry, who: str, units: Collection[str]) -> bool:
    """Whether an instruction is for this person, or for one of these units while it names nobody."""
    return entry.worker == who or (entry.worker is None and entry.unit in units)


def was_told(instructions: Iterable[LogEntry], who: str, units: Collection[str]) -> bool:
    """Whether the centre told this person, or one of these units, what to do: that makes a party to the case."""
    return any(meant_for(entry, who, units) for entry in instructions)


def is_meant(entry: LogEntry, who: str, units: Collection[str]) -> None:
    """Forbidden unless an instruction is `meant_for` this person."""
    if meant_for(entry, who, units):
        return
    raise Forbidden(f"Only {entry.worker or entry.unit} acknowledges this instruction.")


def has_it(case: CaseState, who: str) -> None:
    """Forbidden unless this person has the case."""
    if case.worker != who:
        raise Forbidden(f"Only {case.worker or 'whoever takes the task'} calls for back-up.")


def _wrong(where: str, what: str, allowed: str) -> Invalid:
    return Invalid("It cannot be said so.", faults=(Fault(where=where, what=what, allowed=allowed),))
