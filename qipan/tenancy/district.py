"""A district as the services see it: tenants, matters, units, people, settings, ground."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from qipan.contracts.errors import NotFound
from qipan.tenancy.bodies import Body
from qipan.tenancy.dispatch_rules import NO_RULES, DispatchRules
from qipan.tenancy.indicators import INDICATORS, Indicator
from qipan.tenancy.mandate import Book, Mandate
from qipan.tenancy.matter import Matter
from qipan.tenancy.model import Setting
from qipan.tenancy.people import Person
from qipan.tenancy.rosters import Roster, in_exercise
from qipan.tenancy.service_spec import ServiceSpec
from qipan.tenancy.tenant import Tenant, TenantKind, base_of, in_shadow, is_tenant_id, shadow_of
from qipan.tenancy.unit import Unit
from qipan.tenancy.words import Words
from qipan.tenancy.workflow import Workflow, standard
from qipan.territory import Territory
from qipan.territory.components import Components
from qipan.territory.gazetteer import Gazetteer
from qipan.worktime import Calendar, Limit, deadline

Value = TypeVar("Value", bound=Setting)


@dataclass(frozen=True, slots=True)
class Town:
    """A town or sub-district. `idea` is its own; `lineage`: whose packs it builds on, itself first."""

    id: str
    code: str
    name: Words
    centre: tuple[float, float]
    population: int
    idea: Words | None
    lineage: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Department:
    """A department of the district; `tenant` when it has an inbox and services of its own."""

    id: str
    name: Words
    tenant: bool
    phone: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """What a tenant has, as its pack and whoever it inherits from say."""

    settings: Mapping[str, Setting]
    calendar: Calendar
    matters: Mapping[str, Matter]
    units: tuple[Unit, ...]
    workflow: Workflow = field(default_factory=standard)
    dispatch: DispatchRules = NO_RULES
    bodies: Mapping[str, Body] = field(default_factory=dict)
    rosters: Mapping[str, tuple[Roster, ...]] = field(default_factory=dict)
    indicators: tuple[Indicator, ...] = INDICATORS


@dataclass(frozen=True)
class District:
    """A pack, read and resolved. What takes a tenant's id takes a shadow's too; NotFound for others."""

    id: str
    root: Path
    code: str
    name: Words
    zone: str
    languages: tuple[str, ...]
    tenants: Mapping[str, Tenant]
    towns: tuple[Town, ...]
    departments: tuple[Department, ...]
    services: tuple[ServiceSpec, ...]
    people: tuple[Person, ...]
    territory: Territory
    parts: Mapping[str, Parts]
    gazetteer: Gazetteer = field(default_factory=Gazetteer)
    components: Components = field(default_factory=Components)
    mandates: tuple[Mandate, ...] = ()

    def tenant(self, id: str) -> Tenant:
        """The tenant, or the shadow of one; NotFound."""
        live = self.tenants.get(base_of(id))
        if live is None or not is_tenant_id(id):
            raise NotFound(f"There is no tenant {id!r}.")
        return live if live.id == id else replace(live, id=id, shadow=shadow_of(id))

    def town(self, id: str) -> Town:
        """The town (also for its shadow); NotFound."""
        town = self._towns_by_id.get(self.tenant(id).base)
        if town is None:
            raise NotFound(f"There is no town {id!r}.")
        return town

    def matters_of(self, tenant: str) -> Mapping[str, Matter]:
        """The matters that hold in a tenant, by code."""
        return self._parts(tenant).matters

    def indicators_of(self, tenant: str) -> tuple[Indicator, ...]:
        """The district's indicators, and the tenant's own."""
        return self._parts(tenant).indicators

    def bodies_of(self, tenant: str) -> Mapping[str, Body]:
        """The bodies outside the district to which a tenant sends reporters, by id."""
        return self._parts(tenant).bodies

    def units_of(self, tenant: str) -> tuple[Unit, ...]:
        """The units that work in a town, or that a department (or the district) owns in all towns.

        A shadow's units belong to the shadow of their owner.
        """
        units = self._parts(tenant).units
        shadow = shadow_of(tenant)
        if shadow is None:
            return units
        return tuple(replace(unit, tenant=in_shadow(unit.tenant, shadow)) for unit in units)

    def people_of(self, tenant: str) -> tuple[Person, ...]:
        """The people who belong to a tenant; for a shadow, the same people's exercise accounts."""
        live = self.tenant(tenant)
        found = self._people_by_tenant.get(live.base, ())
        return found if live.shadow is None else tuple(person.in_exercise(live.shadow) for person in found)

    def setting(self, tenant: str, key: str, default: Value) -> Value:
        """A setting: the tenant's own, what it inherits, the district's, or `default`.

        TypeError when the pack holds another kind of value than the default is.
        """
        value = self._parts(tenant).settings.get(key, default)
        if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not type(default):
            raise TypeError(
                f"setting {key!r} of {tenant!r} is {value!r}; a {type(default).__name__} is expected"
            )
        return value

    def calendar(self, tenant: str) -> Calendar:
        """When a tenant works."""
        return self._parts(tenant).calendar

    def rosters(self, tenant: str) -> Mapping[str, tuple[Roster, ...]]:
        """The planned shifts of a town's workers, by worker; who has none is not in it."""
        return in_exercise(self._parts(tenant).rosters, shadow_of(tenant))

    def workflow(self, tenant: str) -> Workflow:
        """The process by which a tenant's cases go."""
        return self._parts(tenant).workflow

    def standing_mandates(self, tenant: str) -> tuple[Mandate, ...]:
        """What the pack says that departments have granted to a town, for good or for a time."""
        return self._mandates_by_town.get(self.tenant(tenant).base, ())

    def commands_itself(self, tenant: str) -> frozenset[str]:
        """The departments whose units a tenant commands in its own right.

        A department its own; the district those that have no people of their own. A town none: it needs a
        mandate.
        """
        live = self.tenant(tenant)
        if live.kind is TenantKind.DEPARTMENT:
            return frozenset({live.base})
        if live.kind is TenantKind.TOWN:
            return frozenset()
        return frozenset(d.id for d in self.departments if self.desk_of(d.id) == self.id)

    def desk_of(self, department: str) -> str:
        """The tenant whose dispatchers answer when a department is asked: its own, or the district for it."""
        live = self.tenants.get(department)
        if live is None or live.kind is not TenantKind.DEPARTMENT:
            return self.id
        people = self._people_by_tenant.get(department, ())
        return department if any("dispatcher" in person.roles for person in people) else self.id

    def book(self, tenant: str) -> Book:
        """The mandates of the pack that a tenant has, and what it commands in its own right."""
        return Book(self.standing_mandates(tenant), self.commands_itself(tenant))

    def dispatch_rules(self, tenant: str) -> DispatchRules:
        """Whom a tenant asks first, and its run cards."""
        return self._parts(tenant).dispatch

    def deadline(self, tenant: str, start: datetime, limit: Limit) -> datetime:
        """When a limit begun at `start` runs out by the tenant's calendar (UTC)."""
        return deadline(start, limit, self.calendar(tenant))

    def folders(self, tenant: str) -> tuple[Path, ...]:
        """Where to look for a tenant's files, nearest first: its own, inherited, the district's."""
        live = self.tenant(tenant)
        if live.kind == "town":
            return (*(self.root / "towns" / id for id in self.town(tenant).lineage), self.root)
        if live.kind == "department":
            return (self.root / "departments" / live.base, self.root)
        return (self.root,)

    @cached_property
    def _towns_by_id(self) -> dict[str, Town]:
        return {town.id: town for town in self.towns}

    @cached_property
    def _people_by_tenant(self) -> dict[str, tuple[Person, ...]]:
        found: dict[str, list[Person]] = {}
        for person in self.people:
            found.setdefault(person.tenant, []).append(person)
        return {tenant: tuple(people) for tenant, people in found.items()}

    @cached_property
    def _mandates_by_town(self) -> dict[str, tuple[Mandate, ...]]:
        found: dict[str, list[Mandate]] = {}
        for mandate in self.mandates:
            found.setdefault(mandate.town, []).append(mandate)
        return {town: tuple(mandates) for town, mandates in found.items()}

    def _parts(self, tenant: str) -> Parts:
        return self.parts[self.tenant(tenant).base]
