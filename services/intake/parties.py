"""Who is party to a report's case beside whoever has it: supporting units (协办), and who took it over (移交).

The same people as may look at the case itself, which dispatch decides about: a party stays one, also when its part
is done, or when it refused to take the case over.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, and_, delete, func, insert, select, tuple_

from qipan.access import Grant
from qipan.contracts.case import CaseState
from qipan.tenancy import in_shadow, shadow_of
from services.intake.tables import parties, reports


class Party(NamedTuple):
    """A `unit`, a `department` or a `tenant`, by its id."""

    kind: str
    party: str


def parties_to(case: CaseState) -> frozenset[Party]:
    """Everybody who may see the case beside those of the tenant in which it arose, and whoever has it there."""
    return frozenset(_parties(case))


def _parties(case: CaseState) -> Iterator[Party]:
    for support in case.supports:
        yield Party("unit", support.unit)
        if support.department is not None:
            yield Party("department", support.department)
    if case.handover is None:
        return
    to, holder = case.handover.to, case.handover.holder
    if not case.handover.withdrawn:
        yield Party("unit" if "/" in to else "tenant", to)
    if holder is not None:
        yield Party("tenant", holder)
        if case.unit is not None:  # the district may have asked a third town's unit
            yield Party("tenant", in_shadow(case.unit.partition("/")[0], shadow_of(case.tenant)))


def keep(conn: Connection, cases: Iterable[CaseState]) -> None:
    """Write the parties of these cases as they are now; nothing where there are none, as with most."""
    found = [(case, parties_to(case)) for case in cases if case.supports or case.handover]
    if not found:
        return
    keys = [(case.tenant, case.report_id) for case, _ in found]
    conn.execute(delete(parties).where(tuple_(parties.c.tenant, parties.c.report_id).in_(keys)))
    rows = [
        {"tenant": case.tenant, "report_id": case.report_id, "kind": party.kind, "party": party.party}
        for case, known in found
        for party in sorted(known)
    ]
    conn.execute(insert(parties), rows)


def of_report(conn: Connection, tenant: str, report_id: str) -> Sequence[Party]:
    """The parties to a report's case."""
    query = select(parties.c.kind, parties.c.party).where(
        parties.c.tenant == tenant, parties.c.report_id == report_id
    )
    return [Party(*row) for row in conn.execute(query)]


def arose_in(conn: Connection, party: str, report_id: str) -> str | None:
    """Where a report arose whose case a tenant is party to; None when it is party to none of that id.

    A report that was joined to another has that one's case.
    """
    query = (
        select(reports.c.tenant)
        .join(
            parties,
            and_(
                parties.c.tenant == reports.c.tenant,
                parties.c.report_id == func.coalesce(reports.c.merged_into, reports.c.report_id),
            ),
        )
        .where(parties.c.kind == "tenant", parties.c.party == party, reports.c.report_id == report_id)
    )
    return conn.execute(query.limit(1)).scalar()


def allows(grant: Grant, known: Iterable[Party]) -> bool:
    """Whether a right reaches a case because of who is party to it."""
    return any(grant.allows(**{"tenant": "", one.kind: one.party}) for one in known)
