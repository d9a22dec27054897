"""A run card carried out: whom to ask for support (协办) once its lead is asked, and each one's child task. Pure."""

from collections.abc import Callable
from dataclasses import replace

from qipan.contracts.errors import QipanError
from qipan.tenancy import Book
from qipan.tenancy.dispatch_rules import RunCard
from services.dispatch import joint
from services.dispatch.cards import Berth, Crew, crew_for
from services.dispatch.change import Change, Part, Parts, Stored
from services.dispatch.choosing import Choice, Situation, card_for
from services.dispatch.commanding import sent
from services.dispatch.process import Transition
from services.dispatch.squads import Squad
from services.dispatch.steps import SYSTEM, Brings

Take = Callable[[Stored, Brings], tuple[Stored, Transition]]
"""Takes the step “ask for support” for the system, by the process of the case's tenant; raises what that does."""


def crew_filed(situation: Situation, lead: Choice, squads: tuple[Squad, ...], book: Book) -> Parts:
    """Who goes along with the lead of a case that is being filed; nobody where no card holds.

    `squads` are all of the town, of which the situation has only those that may be commanded.
    """
    if card_for(situation) is None:
        return Parts()
    matter, cell, now = situation.matter, situation.duty_cell, situation.now
    able = {squad.unit.id for squad in situation.squads}
    departments = {squad.unit.id: squad.unit.department for squad in squads if squad.unit.id not in able}
    withheld = {unit: book.why_not(department, matter, cell, now) for unit, department in departments.items()}
    situation = replace(situation, withheld=withheld)
    return parts_of(crew_for(situation, lead, squads), situation, book)


def parts_of(crew: Crew, situation: Situation, book: Book) -> Parts:
    """What is still to be asked of whom, and which places of the card nobody can take."""
    if crew.card is None:
        return Parts()
    asked = tuple(
        _part(berth, crew.card, situation, book)
        for berth in crew.support
        if berth.seat is not None and berth.task_id is None
    )
    lacking = (f"{_whom(berth)}: {berth.why}" for berth in crew.support if berth.seat is None)
    return Parts(crew.card.id, asked, tuple(dict.fromkeys(lacking)))


def opened(change: Change, take: Take) -> list[Change]:
    """The step with those that follow from it: a child task for each part, opened by the system at once.

    What the town's own process does not let the system ask for is left to a dispatcher, and the first says so.
    """
    parts, refused, following = change.parts, [*change.parts.lacking], []
    before = change.after
    for part in parts.asked:
        try:
            brings, detail = _asks(before, part, parts.card, change)
            after, row = take(before, brings)
        except QipanError as error:
            refused.append(f"{part.worker or part.unit.id}: {error.detail}")
            continue
        following.append(
            Change(before, after, row, SYSTEM.id, change.at, change.message_id, change.traceparent, detail)
        )
        before = after
    said = {"card": parts.card}
    if refused:
        said["not_asked"] = "; ".join(refused)
    return [replace(change, detail={**change.detail, **said}, parts=Parts()), *following]


def _asks(before: Stored, part: Part, card: str, change: Change) -> tuple[Brings, dict[str, str]]:
    unit, reason = part.unit, f"the town's run card “{card}”"
    supports = joint.opened(
        before.case, unit.id, unit.department, part.worker, reason, change.at, of_a_crew=True
    )
    detail = {"task": supports[-1].task_id, "unit": unit.id, "worker": part.worker or "", "reason": reason}
    return Brings(reason=reason, supports=supports), {**detail, "why": part.why}


def _part(berth: Berth, card: RunCard, situation: Situation, book: Book) -> Part:
    seat = berth.seat
    assert seat is not None
    reasons: tuple[str, ...] = (f"the town's run card “{card.id}” ({card.when})", seat.reason)
    choice = Choice(seat.unit, seat.worker, reasons)
    right = sent(choice, book, situation.matter, situation.duty_cell, situation.now)
    return Part(seat.unit, seat.worker, "; ".join(right.reasons if right else reasons))


def _whom(berth: Berth) -> str:
    return berth.line.unit or berth.line.department or "anybody"
