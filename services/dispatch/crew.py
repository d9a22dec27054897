"""A town's field as choosing sees it: who is there and where, and the operating mode. One statement for a batch."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from qipan.contracts.modes import ModeState
from services.dispatch.availability import Availability, Presence
from services.dispatch.modes import holding
from services.dispatch.planned import Plan
from services.dispatch.shifts import NEVER, Duty, away
from services.dispatch.tables import SCHEMA

NO_PLANS: Mapping[str, Mapping[str, Plan]] = {}


def field_of(
    conn: Connection,
    moments: Mapping[str, datetime],
    required: Mapping[str, Iterable[str]],
    plans: Mapping[str, Mapping[str, Plan]] = NO_PLANS,
) -> dict[str, Availability]:
    """The field of each tenant at its moment (domain time).

    `required` has the tenants that ask only who has signed on, with all of their workers; `plans` the planned shifts
    of whom has any.
    """
    duties: dict[str, dict[str, Row[Any]]] = {tenant: {} for tenant in moments}
    modes: dict[str, ModeState] = {}
    for row in conn.execute(_FIELD, {"tenants": sorted(moments)}):
        if row.worker is None:
            modes[row.tenant] = ModeState(
                tenant=row.tenant, number=row.number, mode=row.mode, since=row.since, until=row.until
            )
        else:
            duties[row.tenant][row.worker] = row
    return {
        tenant: Availability(
            _presences(duties[tenant], required.get(tenant), now, plans.get(tenant, {})),
            holding(modes.get(tenant), tenant, now).mode.value,
        )
        for tenant, now in moments.items()
    }


def _presences(
    known: Mapping[str, Row[Any]],
    required: Iterable[str] | None,
    now: datetime,
    plans: Mapping[str, Plan],
) -> dict[str, Presence]:
    must = required is not None
    silent = {*(required or ()), *plans} - known.keys()
    found = {worker: _presence(NEVER, now, required=must, plan=plans.get(worker)) for worker in silent}
    for worker, row in known.items():
        duty = Duty(row.since, row.until, row.ended)
        at = (row.lon, row.lat) if row.lon is not None and duty.on(now) else None
        found[worker] = _presence(duty, now, required=must, plan=plans.get(worker), at=at)
    return found


def _presence(
    duty: Duty, now: datetime, *, required: bool, plan: Plan | None, at: tuple[float, float] | None = None
) -> Presence:
    gone = away(duty, now, required=required, plan=plan)
    if gone is None:
        return Presence(at=at)
    rule, why = gone
    return Presence(available=False, why=why, at=at, rule=rule)


_FIELD = text(
    "SELECT tenant, worker, on_since AS since, on_until AS until, off_since AS ended, lon, lat,"
    f" NULL::int AS number, NULL AS mode FROM {SCHEMA}.loads LEFT JOIN {SCHEMA}.positions USING (tenant, worker)"
    " WHERE tenant = ANY(:tenants) AND on_since IS NOT NULL"
    " UNION ALL (SELECT DISTINCT ON (tenant) tenant, NULL, since, until, NULL, NULL, NULL, number, mode"
    f" FROM {SCHEMA}.modes WHERE tenant = ANY(:tenants) ORDER BY tenant, number DESC)"
)
