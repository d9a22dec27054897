"""Which units of a town could see to a case, as the players know it from the district's pack."""

from exercise.players.cast import NobodyThere
from qipan.contracts.case import CaseState
from qipan.tenancy import District, Unit


def holder_of(case: CaseState) -> str:
    """The tenant whose people see to the case: where it arose, or who took it over."""
    return (case.handover and case.handover.holder) or case.tenant


def at_work(district: District, tenant: str) -> list[Unit]:
    """The units with handlers that work in a town; raises NobodyThere."""
    units = [unit for unit in district.units_of(tenant) if unit.handlers]
    if not units:
        raise NobodyThere(f"no unit with handlers in {tenant}")
    return units


def others(district: District, case: CaseState) -> list[Unit]:
    """The units but the one that has the case: those that handle its matter, if there are any."""
    tenant = holder_of(case)
    units = [unit for unit in at_work(district, tenant) if unit.id != case.unit]
    matter = district.matters_of(tenant).get(case.matter)
    return [unit for unit in units if matter and unit.handles(matter)] or units
