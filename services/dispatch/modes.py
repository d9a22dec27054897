"""The operating mode (平战模式): which holds, and which switches there are. Pure."""

from datetime import datetime

from qipan.contracts.errors import Conflict, Fault, Invalid
from qipan.contracts.modes import Mode, ModeState, SwitchMode

TIME_REACHED = "its end was reached"


def holding(newest: ModeState | None, tenant: str, now: datetime) -> ModeState:
    """The mode that holds: an emergency past its end is over, whether or not anybody has noted that yet."""
    if newest is None:
        return ModeState(tenant=tenant)
    return ended(newest) if newest.until is not None and newest.until <= now else newest


def ended(emergency: ModeState) -> ModeState:
    """The peacetime that follows an emergency whose end was reached."""
    return ModeState(
        tenant=emergency.tenant,
        number=emergency.number + 1,
        reason=TIME_REACHED,
        since=emergency.until,
        by="system",
    )


def switched(before: ModeState, asked: SwitchMode, by: str, now: datetime) -> ModeState:
    """The mode after a switch. Raises Invalid with all that is missing, Conflict where nothing would change."""
    faults = []
    emergency = asked.mode is Mode.EMERGENCY
    if not asked.reason.strip():
        faults.append(Fault(where="reason", what="a reason is required", allowed="1 to 500 characters"))
    if emergency and asked.level is None:
        faults.append(Fault(where="level", what="an emergency has a level", allowed="1 (worst) to 4"))
    if not emergency and asked.level is not None:
        faults.append(Fault(where="level", what="peacetime has no level", allowed="none"))
    if not emergency and asked.until is not None:
        faults.append(Fault(where="until", what="peacetime has no end", allowed="none"))
    if asked.until is not None and (asked.until.tzinfo is None or asked.until <= now):
        faults.append(Fault(where="until", what="is no time to come", allowed=f"after {now.isoformat()}"))
    if faults:
        raise Invalid("The mode cannot be switched so.", faults=tuple(faults))
    if (before.mode, before.level, before.until) == (asked.mode, asked.level, asked.until):
        raise Conflict(f"{before.tenant} is in this mode already.", mode=before.model_dump(mode="json"))
    return ModeState(
        tenant=before.tenant,
        number=before.number + 1,
        mode=asked.mode,
        level=asked.level,
        reason=asked.reason,
        since=now,
        until=asked.until,
        by=by,
    )
