"""Gaps and overlaps of responsibility over matter × duty cell × time.

A gap is where no unit may handle a matter; an overlap where more than one unit leads, so that only their ids would
decide. Matters and cells that nothing tells apart are looked at once.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import partial
from typing import Literal, TypeVar
from zoneinfo import ZoneInfo

from qipan.contracts.mandates import MandateKind
from qipan.tenancy import District, Mandate, Matter, Unit
from qipan.territory import Cell
from qipan.territory.cell import DUTY_LAYER

Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One gap or overlap: it lasts from `begins` until before `ends`, as long as it can; `units` lead together."""

    town: str
    kind: Literal["gap", "overlap"]
    matter: str
    cell: str
    begins: datetime
    ends: datetime
    units: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Span:
    begins: datetime
    ends: datetime


def check(
    district: District, mandates: Mapping[str, Sequence[Mandate]], begins: datetime, ends: datetime
) -> list[Finding]:
    """Every gap and overlap of the district's towns within the period; `mandates` are each town's."""
    found: list[Finding] = []
    for town in district.towns:
        found += _of_town(district, town.id, mandates.get(town.id, ()), _Span(begins, ends))
    return sorted(found)


def _of_town(district: District, town: str, mandates: Sequence[Mandate], period: _Span) -> Iterator[Finding]:
    units, zone = district.units_of(town), ZoneInfo(district.zone)
    held = [m for m in mandates if not m.revoked]
    cells = [cell for cell in district.territory.layers[DUTY_LAYER].cells if cell.town == town]
    for matters in _alike(district.matters_of(town).values(), partial(_matter_traits, units, held)):
        handling = [unit for unit in units if unit.handles(matters[0])]
        covering = [mandate for mandate in held if _covers(mandate, matters[0])]
        for places in _alike(cells, partial(_cell_traits, handling, covering)):
            span = _within(places[0], zone, period)
            if span is None:
                continue
            here = [unit for unit in handling if unit.serves(places[0].code)]
            there = [m for m in covering if not m.cells or places[0].code in m.cells]
            for kind, between, leads in _runs(here, there, span):
                for matter in matters:
                    for cell in places:
                        yield Finding(town, kind, matter.code, cell.code, between.begins, between.ends, leads)


def _runs(
    units: Sequence[Unit], mandates: Sequence[Mandate], span: _Span
) -> Iterator[tuple[Literal["gap", "overlap"], _Span, tuple[str, ...]]]:
    """The longest stretches of time in which nobody leads, or the same several do."""
    turns = {span.begins, span.ends}
    for mandate in mandates:
        turns |= {
            at for at in (mandate.valid_from, mandate.valid_until) if at and span.begins < at < span.ends
        }
    ordered = sorted(turns)
    run: tuple[datetime, tuple[str, ...]] | None = None
    for at in ordered[:-1]:
        leads = _leads(units, mandates, at)
        if run is not None and run[1] != leads:
            yield from _told(run, at)
            run = None
        run = run or (at, leads)
    if run is not None:
        yield from _told(run, span.ends)


def _told(
    run: tuple[datetime, tuple[str, ...]], ends: datetime
) -> Iterator[tuple[Literal["gap", "overlap"], _Span, tuple[str, ...]]]:
    begins, leads = run
    if not leads:
        yield "gap", _Span(begins, ends), ()
    elif len(leads) > 1:
        yield "overlap", _Span(begins, ends), leads


def _leads(units: Sequence[Unit], mandates: Sequence[Mandate], at: datetime) -> tuple[str, ...]:
    granting = {mandate.department for mandate in mandates if _holds(mandate, at)}
    able = [unit for unit in units if unit.department in granting]
    first = min((unit.precedence for unit in able), default=None)
    return tuple(sorted(unit.id for unit in able if unit.precedence == first))


def _holds(mandate: Mandate, at: datetime) -> bool:
    begun = mandate.valid_from is None or mandate.valid_from <= at
    return begun and (mandate.valid_until is None or at < mandate.valid_until)


def _covers(mandate: Mandate, matter: Matter) -> bool:
    if matter.coercive and mandate.kind is not MandateKind.STATIONED:
        return False
    return not mandate.matters or matter.code in mandate.matters


def _matter_traits(units: Sequence[Unit], mandates: Sequence[Mandate], matter: Matter) -> object:
    return tuple(unit.handles(matter) for unit in units), tuple(_covers(m, matter) for m in mandates)


def _cell_traits(units: Sequence[Unit], mandates: Sequence[Mandate], cell: Cell) -> object:
    served = tuple(unit.serves(cell.code) for unit in units)
    return (
        served,
        tuple(not m.cells or cell.code in m.cells for m in mandates),
        cell.valid_from,
        cell.valid_until,
    )


def _alike(things: Iterable[Thing], traits: Callable[[Thing], object]) -> Iterable[list[Thing]]:
    found: dict[object, list[Thing]] = defaultdict(list)
    for thing in things:
        found[traits(thing)].append(thing)
    return found.values()


def _within(cell: Cell, zone: ZoneInfo, period: _Span) -> _Span | None:
    begins = max(period.begins, _midnight(cell.valid_from, zone) or period.begins)
    ends = min(period.ends, _midnight(cell.valid_until, zone) or period.ends)
    return _Span(begins, ends) if begins < ends else None


def _midnight(day: date | None, zone: ZoneInfo) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), zone)
