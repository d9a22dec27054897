"""Granting and ending mandates: who may, what is wrong with a grant, and what becomes of tasks under way. Pure."""

from datetime import datetime

from qipan.access import Principal
from qipan.contracts.case import CaseState, Stage
from qipan.contracts.errors import Fault, Forbidden, Invalid
from qipan.contracts.mandates import GrantMandate, MandateKind, MandateState
from qipan.tenancy import District, TenantKind, base_of, in_shadow, shadow_of
from qipan.territory.cell import DUTY_LAYER
from services.dispatch.process import Do, Process

SHOWN = 20


def department_for(district: District, tenant: str, named: str | None, principal: Principal | None) -> str:
    """The department in whose name somebody acts who addresses `tenant`: itself, or one without people of its own.

    Forbidden for a town, and for the district where the department has people of its own; Invalid without a
    department.
    """
    kind = district.tenant(tenant).kind
    if kind is TenantKind.TOWN:
        raise Forbidden("A town has no powers to grant: its mandates come from the departments.")
    home = principal.base if principal else ""
    if kind is TenantKind.DEPARTMENT:
        own = base_of(tenant)
        if home != own or named not in (None, own):
            raise Forbidden(f"{own} grants its own powers and no others: its own dispatchers do.")
        return own
    known = sorted(d.id for d in district.departments if district.desk_of(d.id) == district.id)
    if named is None or named not in {d.id for d in district.departments}:
        what = f"there is no department {named!r}" if named else "say for which department"
        raise Invalid(faults=(Fault(where="department", what=what, allowed=", ".join(known)),))
    if named not in known:
        raise Forbidden(f"{named} has people of its own, who grant its powers; address {named!r}.")
    return named


def granted(
    asked: GrantMandate, id: str, department: str, district: District, by: str, authority: str, now: datetime
) -> MandateState:
    """The mandate that is asked for; Invalid with everything that is wrong with it."""
    towns = [town.id for town in district.towns]
    if asked.town not in towns:
        fault = Fault(where="town", what=f"there is no town {asked.town!r}", allowed=", ".join(towns))
        raise Invalid("No mandate can be granted there.", faults=(fault,))
    faults = [*_matters(asked, district), *_cells(asked, district), *_period(asked, now)]
    if faults:
        raise Invalid("The mandate cannot be granted as it stands.", faults=tuple(faults[:SHOWN]))
    return MandateState(
        mandate_id=id,
        tenant=in_shadow(asked.town, shadow_of(authority)),
        department=department,
        kind=asked.kind,
        legal_basis=asked.legal_basis,
        matters=tuple(sorted(set(asked.matters))),
        cells=tuple(sorted(set(asked.cells))),
        valid_from=asked.valid_from,
        valid_until=asked.valid_until,
        granted_at=now,
        granted_by=by,
        authority=authority,
    )


def _matters(asked: GrantMandate, district: District) -> list[Fault]:
    known = district.matters_of(asked.town)
    faults = []
    for code in asked.matters:
        if code not in known:
            faults.append(Fault(where="matters", what=f"{asked.town} has no matter {code!r}"))
        elif known[code].coercive and asked.kind is not MandateKind.STATIONED:
            what = f"{code!r} is coercive: such powers are never delegated"
            faults.append(Fault(where="kind", what=what, allowed=MandateKind.STATIONED))
    return faults


def _cells(asked: GrantMandate, district: District) -> list[Fault]:
    found = {code: district.territory.cell(DUTY_LAYER, code) for code in asked.cells}
    return [
        Fault(where="cells", what=f"{asked.town} has no duty cell {code!r}")
        for code, cell in found.items()
        if cell is None or cell.town != asked.town
    ]


def _period(asked: GrantMandate, now: datetime) -> list[Fault]:
    begins, ends = asked.valid_from, asked.valid_until
    faults = [
        Fault(where=where, what="has no zone", allowed="2026-07-01T08:00:00+08:00")
        for where, at in (("valid_from", begins), ("valid_until", ends))
        if at is not None and at.tzinfo is None
    ]
    if faults or ends is None:
        return faults
    if ends <= now:
        faults.append(Fault(where="valid_until", what="is over already", allowed=f"after {now.isoformat()}"))
    if begins is not None and begins >= ends:
        faults.append(Fault(where="valid_until", what="is not after valid_from"))
    return faults


def step_after_end(case: CaseState, process: Process, *, recall: bool) -> Do:
    """What becomes of a task when the mandate ends under which its unit was sent.

    Not taken yet: the department is asked. Taken: it goes on, or the department is asked where the town's pack
    recalls. In a stage of the town's own it goes on.
    """
    do = Do.ASK if case.stage is Stage.OFFERED else Do.RECALL if recall else Do.CONTINUE
    return do if process.workflow.position(case) in process.steps[do].sources else Do.CONTINUE
