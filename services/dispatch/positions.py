"""Positions: whose are kept, and for how long. Workers are located only on shift (PIPL: least scope). Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from qipan.contracts.positions import Fix, FixRefused
from services.dispatch.shifts import Duty

TRAIL_MINUTES = 120
"""How long a trail is kept where the pack does not say otherwise (`dispatch.trail-minutes`)."""

AHEAD = timedelta(minutes=1)
"""How far a device's clock may be ahead."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A fix of a worker of a tenant."""

    tenant: str
    worker: str
    fix: Fix


def refusal(index: int, fix: Fix, duty: Duty, now: datetime, trail: timedelta) -> FixRefused | None:
    """Why a fix is not kept; None when it is."""
    if not duty.on(now) or duty.since is None:
        why = duty.why_off(now, required=True) or "not on shift"
        return FixRefused(
            index=index,
            rule=f"workers are located only on shift: {why}",
            allowed="after POST /v1/shifts/start",
        )
    earliest = max(duty.since, now - max(trail, AHEAD))
    if fix.at.tzinfo is None or not earliest <= fix.at <= now + AHEAD:
        allowed = f"from {earliest.isoformat()} to {now.isoformat()}, with a time zone"
        return FixRefused(index=index, rule="a fix is of this shift and not past keeping", allowed=allowed)
    return None


def newest(sightings: Iterable[Sighting]) -> list[Sighting]:
    """The last sighting of each worker, in one order everywhere."""
    found: dict[tuple[str, str], Sighting] = {}
    for one in sorted(sightings, key=lambda one: one.fix.at):
        found[one.tenant, one.worker] = one
    return [found[key] for key in sorted(found)]
