"""From states to totals: pure sums, so that the newest states alone decide, in whatever order they came."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from services.analytics.facts import Moment, Traits


class Cut(StrEnum):
    """A way in which totals are kept: by time, or by day and a member of the cut; by unit for ever."""

    HOUR = "hour"
    DAY = "day"
    EVER = "ever"
    DEPARTMENT = "department"
    MATTER = "matter"
    CELL = "cell"
    CHANNEL = "channel"
    UNIT = "unit"


class Key(NamedTuple):
    """One row of totals; `bucket` is when its hour or day begins in the tenant's zone (an instant, UTC)."""

    tenant: str
    cut: str
    bucket: datetime
    member: str


Counts = dict[str, int]
Totals = dict[Key, Counts]

_BY_TRAIT = (Cut.DEPARTMENT, Cut.MATTER, Cut.CELL, Cut.CHANNEL)
"""The cuts by the fields of `Traits`, in their order."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""The bucket of what is counted for ever."""


class Facts(Protocol):
    """The state of one thing, which counts for something (`CaseFacts`, `ReportFacts`)."""

    @property
    def tenant(self) -> str: ...

    def moments(self) -> dict[Moment, int]: ...


def contributions(facts: Facts, zone: str) -> Totals:
    """What one state contributes to its tenant's totals."""
    totals: Totals = {}
    add(totals, facts.tenant, zone, facts.moments())
    return totals


def change(old: Facts | None, new: Facts) -> dict[Moment, int]:
    """What taking `new` for `old` changes; empty when the totals do not care."""
    if old is None:
        return new.moments()
    before, after = old.moments(), new.moments()
    if before == after:
        return {}
    changed = {moment: count - before.get(moment, 0) for moment, count in after.items()}
    changed.update((moment, -count) for moment, count in before.items() if moment not in after)
    return {moment: count for moment, count in changed.items() if count}


def add(totals: Totals, tenant: str, zone: str, moments: Mapping[Moment, int]) -> None:
    """Add one tenant's moments to `totals`, in every cut."""
    together: dict[tuple[Traits, datetime], list[tuple[str, int]]] = {}
    for (traits, at, counter), count in moments.items():
        together.setdefault((traits, at), []).append((counter, count))
    for (traits, at), steps in together.items():
        for key in _keys(tenant, zone, traits, at):
            counts = totals.setdefault(key, {})
            for counter, count in steps:
                counts[counter] = counts.get(counter, 0) + count


def merge(totals: Totals, others: Iterable[tuple[Key, Counts]]) -> None:
    """Add other totals to `totals`."""
    for key, counts in others:
        sums = totals.setdefault(key, {})
        for counter, count in counts.items():
            sums[counter] = sums.get(counter, 0) + count


def without_zeros(totals: Mapping[Key, Counts]) -> Totals:
    """The same figures without those that are nothing."""
    kept = {
        key: {counter: count for counter, count in counts.items() if count} for key, counts in totals.items()
    }
    return {key: counts for key, counts in kept.items() if counts}


def buckets(at: datetime, zone: str) -> tuple[datetime, datetime]:
    """When the hour and the day of an instant begin in a zone (both in UTC)."""
    return _buckets(int(at.timestamp() // _GRAIN), zone)


_GRAIN = 900
"""Every zone's hours and days begin on a quarter of an hour of UTC."""


@lru_cache(maxsize=8192)
def _buckets(quarter: int, zone: str) -> tuple[datetime, datetime]:
    local = datetime.fromtimestamp(quarter * _GRAIN, ZoneInfo(zone))
    day = local.replace(hour=0, minute=0, fold=0)
    hour = local.astimezone(UTC) - timedelta(minutes=local.minute)
    return hour, day.astimezone(UTC)


def _keys(tenant: str, zone: str, traits: Traits, at: datetime) -> list[Key]:
    """The rows of totals in which something counts."""
    hour, day = buckets(at, zone)
    keys = [
        Key(tenant, Cut.HOUR, hour, ""),
        Key(tenant, Cut.DAY, day, ""),
        Key(tenant, Cut.EVER, EPOCH, ""),
    ]
    members = zip(_BY_TRAIT, traits[: len(_BY_TRAIT)], strict=True)
    keys += [Key(tenant, cut, day, member) for cut, member in members if member]
    if traits.unit:
        keys.append(Key(tenant, Cut.UNIT, EPOCH, traits.unit))
    return keys
