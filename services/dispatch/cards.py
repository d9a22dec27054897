"""Run cards: which units, and how many workers of each, a matter takes under its circumstances."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qipan.tenancy.dispatch_rules import CrewLine, RunCard
from services.dispatch.choosing import Choice, Situation, Tier, card_for, card_tier, means, ranked
from services.dispatch.squads import Seat, Squad


@dataclass(frozen=True, slots=True)
class Berth:
    """One place of a card. `seat` None: nobody can take it, and `why` says so."""

    line: CrewLine
    seat: Seat | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Crew:
    """Who goes by a card: the lead (主办) first, then the support (协办). No card: nobody but the one chosen."""

    card: RunCard | None = None
    berths: tuple[Berth, ...] = ()

    @property
    def support(self) -> tuple[Berth, ...]:
        """Whom to ask for support, besides the lead's first worker."""
        return self.berths[1:]


def crew_for(situation: Situation, lead: Choice | None, everyone: Sequence[Squad] = ()) -> Crew:
    """The crew that the town's run card sends; `lead` is who is asked to lead, whatever the card says.

    `everyone` are all squads of the town, those too that may not be commanded: then the reason says so.
    """
    card = card_for(situation)
    if card is None:
        return Crew()
    return Crew(card, tuple(_berths(situation, card, lead, everyone)))


def _berths(
    situation: Situation, card: RunCard, lead: Choice | None, everyone: Sequence[Squad]
) -> Iterator[Berth]:
    taken = {lead.worker} if lead is not None and lead.worker else set()
    for line in card.crew:
        tier = card_tier(situation, card, line)
        free = [seat for seat in ranked(tier.seats(situation), situation.policy) if seat.worker not in taken]
        withheld = _withheld(situation, line, everyone)
        leads = line.lead and lead is not None
        if leads and lead is not None:
            yield Berth(line, Seat(lead.unit, lead.worker, situation.loads.get(lead.worker or "", 0)))
        for _ in range(line.number - leads):
            seat = free.pop(0) if free else None
            if seat is not None and seat.worker is not None:
                taken.add(seat.worker)
            yield Berth(
                line,
                seat,
                "" if seat else _why_nobody(situation, tier, taken, withheld),
            )


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
