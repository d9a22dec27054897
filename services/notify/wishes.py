"""What people wish, applied to what they would be told: which channels are left, and when it goes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from qipan.access.policy import rule_for
from qipan.contracts.preferences import Wishes
from qipan.contracts.queries import TellMessages
from services.notify.rules import Channel

DAILY_AT = time(8)
"""When a daily digest goes, by the tenant's clock and zone."""


@dataclass(frozen=True, slots=True)
class Going:
    """When something goes: not before `at` (domain time; None: at once), alone or `gathered` with others."""

    at: datetime | None = None
    gathered: bool = False


def goes(
    channel: str, event: str, *, urgent: bool, wishes: Wishes, quiet: str, now: datetime, zone: ZoneInfo
) -> Going | None:
    """How a message goes by a channel; None when its reader does not want it so. `quiet`: the tenant's quiet hours.

    The app's inbox is the record: it holds everything at once.
    """
    if channel == Channel.IN_APP:
        return Going()
    if any(off.channel == channel and off.event in (None, event) for off in wishes.off):
        return None
    if urgent:
        return Going()
    local = now.astimezone(zone)
    at = _digest_at(local, wishes.digest)
    at = _after(at or local, wishes.quiet if wishes.quiet is not None else quiet)
    return Going(at if at > local else None, gathered=wishes.digest != "none")


def _digest_at(local: datetime, digest: str) -> datetime | None:
    if digest == "hourly":
        return local.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    if digest == "daily":
        today = datetime.combine(local.date(), DAILY_AT, local.tzinfo)
        return today if local < today else today + timedelta(days=1)
    return None


def _after(local: datetime, quiet: str) -> datetime:
    """That moment, or the end of the quiet hours that it lies in."""
    if not quiet:
        return local
    start, end = (time.fromisoformat(one) for one in quiet.split("-"))
    at = local.time()
    if not (start <= at < end if start < end else at >= start or at < end):
        return local
    ending = datetime.combine(local.date(), end, local.tzinfo)
    return ending if ending > local else ending + timedelta(days=1)


def may_follow(roles: Iterable[str]) -> bool:
    """Whether somebody with these roles may hear of any of their tenant's cases: whoever may watch them."""
    rule = rule_for(TellMessages.type)
    return rule is not None and any(role in rule.scopes for role in roles)
