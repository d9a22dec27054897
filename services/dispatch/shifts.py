"""Shifts: who is on duty, until when, and who may be asked to do something. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from qipan.contracts.errors import Fault, Invalid
from qipan.tenancy.rosters import LONGEST_HOURS as LONGEST_HOURS
from services.dispatch.planned import Plan

TIME_UP = "system: time was up"


@dataclass(frozen=True, slots=True)
class Duty:
    """What is kept of a worker's newest shift; all None: never signed on. Domain time."""

    since: datetime | None = None
    until: datetime | None = None
    ended: datetime | None = None

    def on(self, now: datetime) -> bool:
        """Whether the worker is on shift: begun, not ended, and not past its end though nobody noted that yet."""
        begun = self.since is not None and self.since <= now
        return begun and self.ended is None and (self.until is None or now < self.until)

    def why_off(self, now: datetime, *, required: bool) -> str | None:
        """Why the worker is not to be asked for anything; None when there is nothing against it.

        Who never signed on is taken to be there, unless the town asks everybody to (`dispatch.shifts`).
        """
        if self.since is None:
            return "never signed on, as dispatch.shifts requires" if required else None
        if self.on(now):
            return None
        if self.since > now:
            return f"on shift from {self.since:%m-%d %H:%M} UTC"
        return f"off shift since {self.ended or self.until:%m-%d %H:%M} UTC"


NEVER = Duty()


def away(duty: Duty, now: datetime, *, required: bool, plan: Plan | None = None) -> tuple[str, str] | None:
    """By which rule, and why, a worker is not to be asked for anything; None when there is nothing against it.

    Who has signed on is there, whatever was planned. Of the others nobody is asked outside a planned shift of theirs
    (`roster`); within it, and where there is no roster, it is as `Duty.why_off` says (`available`).
    """
    if duty.on(now):
        return None
    unplanned = plan.why_off(now) if plan is not None else None
    if unplanned is not None:
        return "roster", unplanned
    why = duty.why_off(now, required=required)
    return None if why is None else ("available", why)


def end_of(start: datetime, until: datetime | None, now: datetime, hours: int) -> datetime:
    """When a shift begun at `start` ends at the latest; Invalid when `until` is no end of such a shift."""
    latest = start + timedelta(hours=hours)
    if until is None:
        return latest
    if until.tzinfo is None or not now < until <= latest:
        allowed = f"after {now.isoformat()}, by {latest.isoformat()} (dispatch.shift-hours: {hours})"
        fault = Fault(where="until", what="is no end of this shift", allowed=allowed)
        raise Invalid("The shift cannot end then.", faults=(fault,))
    return until
