"""Cases in the hands of somebody who has left: on nobody's list until they are found here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from qipan.contracts.case import CaseState, Support
from qipan.tenancy import Person, base_of
from services.dispatch.joint import in_hand
from services.dispatch.reading import Key
from services.dispatch.tables import HELD as IN_HAND
from services.dispatch.tables import SCHEMA, SUPPORTING
from services.dispatch.telling import STAGE_DUE
from services.dispatch.worklist import HELD

MOST = 200
"""Cases looked at in one turn."""

GRACE = timedelta(minutes=5)
"""Domain time for which a task is left alone: a process about to be replaced may not know somebody new yet."""


@dataclass(frozen=True, slots=True)
class Staff:
    """Everybody of a district who handles cases, with the live tenant that they work for."""

    tenants: Mapping[str, str]

    @classmethod
    def of(cls, people: Iterable[Person]) -> "Staff":
        """The handlers among these people."""
        return cls({p.id: p.tenant for p in people if p.unit is not None and "handler" in p.roles})

    def has_left(self, case: CaseState, unit_tenant: str | None) -> bool:
        """Whether the case is in the hands of somebody on whose list it can no longer be."""
        if case.stage not in HELD or case.worker is None:
            return False
        theirs = {base_of(case.tenant), base_of(unit_tenant or ""), (case.unit or "").partition("/")[0]}
        return self.tenants.get(base_of(case.worker)) not in theirs

    def parts_of_leavers(self, case: CaseState, now: datetime) -> tuple[Support, ...]:
        """The child tasks of a case that somebody has had for some time on whose list they can no longer be."""
        return tuple(
            one
            for one in in_hand(case)
            if one.worker is not None
            and now - one.changed_at >= GRACE
            and self.tenants.get(base_of(one.worker))
            not in (base_of(case.tenant), one.unit.partition("/")[0])
        )

    def settled(self, case: CaseState, now: datetime) -> bool:
        """Whether the task has been in these hands for long enough to be sure."""
        return now - case.stage_times.get(case.stage, now) >= GRACE


def find(conn: Connection, staff: Staff, tenants: Iterable[str], only: str | None) -> list[Key]:
    """Cases that somebody has, or has a part of, who has left; `MOST` at most of each, nothing is locked.

    The most urgent first, then those of which it is a part (协办). `tenants`: the live ones that there are. `only`:
    those of a town whose own dispatch asks; without it, those of towns that no dispatch of their own serves.
    """
    asked = {
        "people": list(staff.tenants),
        "theirs": list(staff.tenants.values()),
        "tenants": list(tenants),
        "only": only,
        "kind": STAGE_DUE,
        "most": MOST,
    }
    found = [(row[0], row[1]) for query in (_FIND, _FIND_PARTS) for row in conn.execute(query, asked)]
    return list(dict.fromkeys(found))


_STAFF = (
    "WITH staff AS (SELECT * FROM unnest(CAST(:people AS text[]), CAST(:theirs AS text[])) AS s(id, tenant)) "
)
_OF_TENANT = (
    " AND split_part(c.tenant, '~', 1) = ANY(CAST(:tenants AS text[]))"
    " AND (c.tenant = CAST(:only AS text) OR CAST(:only AS text) IS NULL AND NOT EXISTS"
    f" (SELECT FROM {SCHEMA}.timer_keepers k WHERE k.tenant = c.tenant AND k.kind = :kind AND k.until > now()))"
)
_FIND = text(
    f"{_STAFF}SELECT c.tenant, c.id FROM {SCHEMA}.cases c WHERE c.{IN_HAND} AND c.worker IS NOT NULL"
    " AND NOT EXISTS (SELECT FROM staff s WHERE s.id = split_part(c.worker, '~', 1) AND s.tenant IN"
    " (split_part(c.tenant, '~', 1), split_part(c.unit_tenant, '~', 1), split_part(c.unit, '/', 1)))"
    f"{_OF_TENANT} ORDER BY c.due_at, c.tenant, c.id LIMIT :most"
)
_FIND_PARTS = text(
    f"{_STAFF}SELECT c.tenant, c.case_id FROM {SCHEMA}.tasks c WHERE {SUPPORTING} AND c.worker IS NOT NULL"
    " AND NOT EXISTS (SELECT FROM staff s WHERE s.id = split_part(c.worker, '~', 1) AND s.tenant IN"
    " (split_part(c.tenant, '~', 1), split_part(c.unit, '/', 1)))"
    f"{_OF_TENANT} ORDER BY c.changed_at, c.tenant, c.id LIMIT :most"
)
