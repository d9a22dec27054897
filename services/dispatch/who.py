"""Who may handle a matter at a place and time, unit by unit, with the rule that decided. Pure."""

from datetime import datetime

from qipan.contracts.mandates import DutyAnswer, MayHandle
from qipan.tenancy import Matter, Unit
from services.dispatch import commanding
from services.dispatch.filing import Ground


def who_may_handle(tenant: str, ground: Ground, matter: Matter, cell: str | None, at: datetime) -> DutyAnswer:
    """Every unit of the tenant, the one that the district's rule takes first marked as lead."""
    told = [_told(squad.unit, ground, matter, cell, at) for squad in ground.squads]
    able = [squad for squad, one in zip(ground.squads, told, strict=True) if one.may]
    lead = min(able, key=lambda squad: (squad.unit.precedence, squad.unit.id), default=None)
    asked = commanding.asked(ground.squads, able, ground.book, ground.desks, matter, cell, at)
    return DutyAnswer(
        tenant=tenant,
        matter=matter.code,
        cell=cell,
        at=at,
        units=tuple(
            one.model_copy(update={"lead": True}) if lead and one.unit == lead.unit.id else one
            for one in told
        ),
        ask=asked.desk.department if asked else None,
        asks=asked.desk.people if asked else (),
    )


def _told(unit: Unit, ground: Ground, matter: Matter, cell: str | None, at: datetime) -> MayHandle:
    def answer(may: bool, rule: str, why: str, **more: object) -> MayHandle:
        return MayHandle(unit=unit.id, department=unit.department, may=may, rule=rule, why=why, **more)

    book, department = ground.book, unit.department
    if not unit.handles(matter):
        named = f"only {', '.join(sorted(unit.matters))}" if unit.matters else f"matters of {department}"
        return answer(False, "matter", f"handles {named}, and {matter.code} is {matter.department}'s")
    if not unit.serves(cell):
        return answer(False, "area", f"does not serve the cell {cell}")
    if department in book.own:
        return answer(True, "own", f"{department} commands its own unit")
    mandate = book.given(department, matter, cell, at)
    if mandate is None:
        return answer(False, "mandate-lacking", book.why_not(department, matter, cell, at))
    return answer(
        True,
        "mandate",
        f"under {mandate.words()}",
        mandate_id=mandate.id,
        legal_basis=mandate.legal_basis,
        valid_until=mandate.valid_until,
    )
