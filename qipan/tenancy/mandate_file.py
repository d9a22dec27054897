"""mandates.toml: what departments have granted to towns, and what can be wrong with that."""

from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, time
from typing import Protocol
from zoneinfo import ZoneInfo

from qipan.contracts.mandates import MandateKind
from qipan.tenancy.faults import PackFault
from qipan.tenancy.mandate import Mandate
from qipan.tenancy.model import DepartmentModel, MandateModel, MatterModel, TownFile
from qipan.territory.cell import DUTY_LAYER, Cell

FILE = "mandates.toml"

Communities = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Town → community → its duty cells."""


class Pack(Protocol):
    """What is looked at besides the mandates themselves (`qipan.tenancy.resolve.Files`)."""

    @property
    def mandates(self) -> Mapping[str, MandateModel]: ...
    @property
    def departments(self) -> Mapping[str, DepartmentModel]: ...
    @property
    def matters(self) -> Mapping[str, MatterModel]: ...
    @property
    def towns(self) -> Mapping[str, TownFile]: ...
    @property
    def cells(self) -> Mapping[str, tuple[Cell, ...]]: ...


def faults(pack: Pack, matters: Mapping[str, Collection[str]]) -> Iterator[PackFault]:
    """What does not fit the rest of the pack; `matters` are the codes known in each town."""
    known = {code for codes in matters.values() for code in codes} | set(pack.matters)
    communities: dict[str, set[str]] = {}
    for cell in pack.cells.get(DUTY_LAYER, ()):
        communities.setdefault(cell.town, set()).add(cell.community or cell.code)
    for id, mandate in pack.mandates.items():
        key = f"mandates.{id}"
        if mandate.department not in pack.departments:
            what = f"there is no department {mandate.department!r}"
            yield PackFault(FILE, f"{key}.department", what, _some(pack.departments))
        for town in mandate.towns:
            if town not in pack.towns:
                yield PackFault(FILE, f"{key}.towns", f"there is no town {town!r}", _some(pack.towns))
        for code in mandate.matters:
            if code not in known:
                yield PackFault(FILE, f"{key}.matters", f"there is no matter {code!r}")
            elif _coercive(pack, code) and MandateKind(mandate.kind) is not MandateKind.STATIONED:
                what = f"{code!r} is coercive: such powers are never delegated"
                yield PackFault(FILE, f"{key}.kind", what, MandateKind.STATIONED)
        within = set().union(*(communities.get(town, ()) for town in mandate.towns or pack.towns))
        for community in mandate.communities:
            if community not in within:
                what = f"there is no community {community!r} there"
                yield PackFault(FILE, f"{key}.communities", what, _some(within))
        if mandate.valid_from and mandate.valid_until and mandate.valid_from >= mandate.valid_until:
            yield PackFault(FILE, f"{key}.valid_until", "is not after valid_from", "from < until")


def resolve(
    mandates: Mapping[str, MandateModel], communities: Communities, zone: ZoneInfo
) -> tuple[Mandate, ...]:
    """The standing mandates, one for each town; they must have passed `faults`."""
    return tuple(
        Mandate(
            id=id,
            department=model.department,
            town=town,
            kind=MandateKind(model.kind),
            legal_basis=model.legal_basis,
            matters=frozenset(model.matters),
            cells=frozenset(cell for one in model.communities for cell in own.get(one, ())),
            valid_from=_midnight(model.valid_from, zone),
            valid_until=_midnight(model.valid_until, zone),
            standing=True,
        )
        for id, model in mandates.items()
        for town, own in communities.items()
        if (not model.towns or town in model.towns)
        and (not model.communities or not own.keys().isdisjoint(model.communities))
    )


def _midnight(day: date | None, zone: ZoneInfo) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), zone)


def _coercive(pack: Pack, code: str) -> bool:
    everywhere = pack.matters.get(code)
    return (everywhere is not None and everywhere.coercive) or any(
        code in town.matters and town.matters[code].coercive for town in pack.towns.values()
    )


def _some(names: Collection[str]) -> str:
    listed = sorted(names)
    return ", ".join(listed[:20]) + (f" … ({len(listed)})" if len(listed) > 20 else "")
