"""Run cards: which units, and how many workers of each, a matter takes under its circumstances."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qipan.contracts.case import Support
from qipan.tenancy.dispatch_rules import CrewLine, RunCard
from services.dispatch.choosing import Choice, Situation, Tier, card_for, card_tier, means, ranked
from services.dispatch.squads import Seat, Squad


@dataclass(frozen=True, slots=True)
class Berth:
    """One place of a card. `seat` None: nobody can take it, and `why` says so.

    `task_id` is the child task of who has been asked to take it already.
    """

    line: CrewLine
    seat: Seat | None
    why: str = ""
    task_id: str | None = None


@dataclass(frozen=True, slots=True)
class Crew:
    """Who goes by a card: the lead (主办) first, then the support (协办). No card: nobody but the one chosen."""

    card: RunCard | None = None
    berths: tuple[Berth, ...] = ()

    @property
    def support(self) -> tuple[Berth, ...]:
        """Whom to ask for support, besides the lead's first worker."""
        return self.berths[1:]


def crew_for(
    situation: Situation,
    lead: Choice | None,
    everyone: Sequence[Squad] = (),
    supports: Sequence[Support] = (),
) -> Crew:
    """The crew that the town's run card sends; `lead` is who is asked to lead, whatever the card says.

    `everyone` are all squads of the town, those too that may not be commanded: then the reason says so.
    `supports` are the case's child tasks: each takes a place of the card, however far it has come.
    """
    card = card_for(situation)
    if card is None:
        return Crew()
    return Crew(card, tuple(_berths(situation, card, lead, everyone, supports)))


def _berths(
    situation: Situation,
    card: RunCard,
    lead: Choice | None,
    everyone: Sequence[Squad],
    supports: Sequence[Support],
) -> Iterator[Berth]:
    known = list(supports)
    taken = {support.worker or support.unit for support in supports}
    if lead is not None:
        taken.add(lead.worker or lead.unit.id)
    for line in card.crew:
        tier = card_tier(situation, card, line)
        seats = ranked(tier.seats(situation), situation.policy)
        free = [seat for seat in seats if (seat.worker or seat.unit.id) not in taken]
        withheld = _withheld(situation, line, everyone)
        leads = line.lead and lead is not None
        if leads and lead is not None:
            yield Berth(line, Seat(lead.unit, lead.worker, situation.loads.get(lead.worker or "", 0)))
        for _ in range(line.number - leads):
            if (asked := _asked_already(line, known)) is not None:
                known.remove(asked)
                yield _taken_by(asked, line, situation, everyone)
                continue
            seat = free.pop(0) if free else None
            if seat is not None:
                taken.add(seat.worker or seat.unit.id)
            yield Berth(
                line,
                seat,
                "" if seat else _why_nobody(situation, tier, taken, withheld),
            )


def _asked_already(line: CrewLine, supports: Sequence[Support]) -> Support | None:
    """The child task that fills a place of the line, whoever opened it."""
    for support in supports:
        if support.unit == line.unit or (line.unit is None and support.department == line.department):
            return support
    return None


def _taken_by(support: Support, line: CrewLine, situation: Situation, everyone: Sequence[Squad]) -> Berth:
    squads = (*situation.squads, *everyone)
    unit = next((squad.unit for squad in squads if squad.unit.id == support.unit), None)
    open_cases = situation.loads.get(support.worker or "", 0)
    seat = Seat(unit, support.worker, open_cases) if unit is not None else None
    return Berth(line, seat, f"{support.unit} was asked: {support.state}", support.task_id)


def _withheld(situation: Situation, line: CrewLine, everyone: Sequence[Squad]) -> list[str]:
    """Why units that a line means may not be sent from here."""
    return [
        f"{squad.unit.id} may not be commanded here: {situation.withheld[squad.unit.id]}"
        for squad in everyone
        if squad.unit.id in situation.withheld
        and means(line.unit, line.department, squad.unit, situation.duty_cell)
    ]


def _why_nobody(situation: Situation, tier: Tier, taken: set[str], withheld: list[str]) -> str:
    if not tier.squads:
        return "; ".join(withheld) or "no such unit serves this place"
    against = [
        f"{id} is of this crew already" if id in taken else (objection[1] if objection else "")
        for squad in tier.squads
        for id, _ in squad.workers
        if (objection := tier.objection(squad, id, situation)) or id in taken
    ]
    return "; ".join(against) or "its whole unit is of this crew already"
