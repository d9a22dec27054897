"""From checked pack files to the district that services see."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path
from zoneinfo import ZoneInfo

from qipan.tenancy import dispatch_rules, gazetteer_file, mandate_file, people, rosters
from qipan.tenancy.attribute import Attribute, Datatype
from qipan.tenancy.bodies import Body
from qipan.tenancy.component_file import ComponentRow
from qipan.tenancy.district import Department, District, Parts, Town
from qipan.tenancy.gazetteer_file import GazetteerFile
from qipan.tenancy.grid_versions import Version
from qipan.tenancy.indicators import INDICATORS
from qipan.tenancy.indicators import own as own_indicators
from qipan.tenancy.matter import Limits, Matter, Severity
from qipan.tenancy.model import (
    AttributeModel,
    CalendarModel,
    DepartmentFile,
    DepartmentModel,
    DistrictFile,
    MandateModel,
    MatterModel,
    ServiceModel,
    Setting,
    TownFile,
    WordsModel,
    WorkflowModel,
)
from qipan.tenancy.people import Person
from qipan.tenancy.service_spec import ServiceSpec
from qipan.tenancy.tenant import Tenant, TenantKind
from qipan.tenancy.unit import Unit
from qipan.tenancy.words import Words
from qipan.tenancy.workflow import Workflow, build, limited
from qipan.territory import Cell, Layer, Territory
from qipan.territory.cell import DUTY_LAYER
from qipan.territory.components import Components
from qipan.worktime import Calendar, Limit, Span, china_knows, works_in_china, works_on_weekdays
from qipan.worktime.calendar import every_year


@dataclass(frozen=True)
class Files:
    """A pack's files, each valid in itself; towns after inheritance."""

    root: Path
    district: DistrictFile
    departments: Mapping[str, DepartmentModel]
    matters: Mapping[str, MatterModel]
    towns: Mapping[str, TownFile]
    own_departments: Mapping[str, DepartmentFile]
    lineages: Mapping[str, tuple[str, ...]]
    versions: Mapping[str, tuple[Version, ...]]
    cells: Mapping[str, tuple[Cell, ...]]
    gazetteers: Mapping[str, GazetteerFile]
    components: tuple[ComponentRow, ...]
    mandates: Mapping[str, MandateModel] = field(default_factory=dict)


def resolve(files: Files) -> District:
    """The district. `files` must have passed `check`."""
    district = files.district
    territory = Territory(
        [Layer(x.id, x.name.zh, x.name.en, files.cells[x.id]) for x in district.layers], district.zone
    )
    tenants = {tenant.id: tenant for tenant in _tenants(files)}
    communities = {id: _communities(territory, id) for id in files.towns}
    units = {id: tuple(_units(town, files, communities[id])) for id, town in files.towns.items()}
    return District(
        id=district.id,
        root=files.root,
        code=district.code,
        name=_words(district.name),
        zone=district.zone,
        languages=tuple(district.languages),
        tenants=tenants,
        towns=tuple(_town(town, files.lineages[id]) for id, town in files.towns.items()),
        departments=tuple(
            Department(id, _words(one.name), one.tenant, one.phone, one.url)
            for id, one in files.departments.items()
        ),
        services=tuple(_services(files)),
        people=tuple(_people(files, tenants, units, communities)),
        territory=territory,
        parts=_parts(files, units),
        gazetteer=gazetteer_file.resolve(files.gazetteers, territory, _areas(files)),
        components=Components(row.component for row in files.components),
        mandates=mandate_file.resolve(files.mandates, communities, ZoneInfo(district.zone)),
    )


def _areas(files: Files) -> dict[str, str | None]:
    """What the district and its towns are called, with the town's id."""
    named: dict[str, str | None] = {files.district.name.zh: None, files.district.name.en: None}
    for id, town in files.towns.items():
        named |= {town.name.zh: id, town.name.en: id}
    return named


def _tenants(files: Files) -> Iterator[Tenant]:
    def live(id: str, kind: TenantKind, name: WordsModel) -> Tenant:
        return Tenant(id, kind, _words(name), id, None, files.district.zone)

    yield live(files.district.id, TenantKind.DISTRICT, files.district.name)
    for id, town in files.towns.items():
        yield live(id, TenantKind.TOWN, town.name)
    for id, department in files.departments.items():
        if department.tenant:
            yield live(id, TenantKind.DEPARTMENT, department.name)


def _town(town: TownFile, lineage: tuple[str, ...]) -> Town:
    idea = _words(town.idea) if town.idea else None
    lon, lat = town.centre
    return Town(town.id, town.code, _words(town.name), (lon, lat), town.population, idea, lineage)


def _communities(territory: Territory, town: str) -> dict[str, tuple[str, ...]]:
    """A town's duty cells by community; a cell without one is a community of its own.

    Cells of earlier versions stay with their community, for the cases that keep them; communities of a later
    version come after those that were there before, whose people so keep their numbers.
    """
    found: dict[str, set[str]] = {}
    since: dict[str, date] = {}
    for cell in territory.layers[DUTY_LAYER].cells:
        if cell.town == town:
            community = cell.community or cell.code
            found.setdefault(community, set()).add(cell.code)
            begins = cell.valid_from or date.min
            since[community] = min(begins, since.get(community, begins))
    ordered = sorted(found, key=lambda community: (since[community], community))
    return {community: tuple(sorted(found[community])) for community in ordered}


def _units(town: TownFile, files: Files, communities: Mapping[str, tuple[str, ...]]) -> Iterator[Unit]:
    for id, unit in town.units.items():
        yield Unit(
            id=f"{town.id}/{id}",
            name=_words(unit.name),
            town=town.id,
            tenant=unit.department if files.departments[unit.department].tenant else town.id,
            department=unit.department,
            handlers=people.handler_ids(town.id, id, unit.handlers),
            cells=frozenset(cell for community in unit.communities for cell in communities[community]),
            matters=frozenset(unit.matters),
            base=(unit.base[0], unit.base[1]) if unit.base else None,
            skills=frozenset(unit.skills),
        )


def _people(
    files: Files,
    tenants: Mapping[str, Tenant],
    units: Mapping[str, tuple[Unit, ...]],
    communities: Mapping[str, Mapping[str, tuple[str, ...]]],
) -> Iterator[Person]:
    district = files.district
    top = tenants[district.id]
    yield from people.staff(top, "district-lead", Words("领导", "lead"), district.staff.leads)
    yield from people.staff(top, "dispatcher", Words("派遣员", "dispatcher"), district.staff.dispatchers)
    yield from people.staff(top, "supervisor", Words("督查员", "supervisor"), district.staff.supervisors)
    for id, own in files.own_departments.items():
        yield from people.staff(tenants[id], "dispatcher", Words("派遣员", "dispatcher"), own.dispatchers)
        yield from people.systems(tenants[id], own.systems)
    for id, town in files.towns.items():
        tenant, staff = tenants[id], town.staff
        yield from people.grid_workers(tenant, list(communities[id].values()))
        yield from people.systems(tenant, town.systems)
        yield from people.staff(tenant, "acceptor", Words("受理员", "acceptor"), staff.acceptors)
        yield from people.staff(tenant, "shift-leader", Words("值班长", "shift leader"), staff.shift_leaders)
        yield from people.staff(tenant, "dispatcher", Words("派遣员", "dispatcher"), staff.dispatchers)
        yield from people.staff(tenant, "supervisor", Words("督查员", "supervisor"), staff.supervisors)
        yield from people.staff(tenant, "town-lead", Words("领导", "lead"), staff.leads)
        for unit in units[id]:
            squad = town.units[unit.id.partition("/")[2]]
            yield from people.handlers(
                tenant,
                unit.id,
                unit.name,
                unit.handlers,
                district.email_domain,
                squad.language,
                squad.specialists,
            )


def _parts(files: Files, units: Mapping[str, tuple[Unit, ...]]) -> dict[str, Parts]:
    district = files.district
    calendar = _calendar(district.calendar, district.zone)
    matters = {code: _matter(code, matter) for code, matter in files.matters.items()}
    everyone = tuple(unit for own in units.values() for unit in own)
    parts = {district.id: Parts(district.settings, calendar, matters, everyone)}
    for id, town in files.towns.items():
        own_calendar = _calendar(town.calendar, district.zone) if town.calendar else calendar
        parts[id] = Parts(
            {**district.settings, **town.settings},
            own_calendar,
            {**matters, **{code: _matter(code, matter) for code, matter in town.matters.items()}},
            units[id],
            _workflow(town.workflow, {**district.settings, **town.settings}),
            dispatch=dispatch_rules.build(id, town.dispatch),
            bodies={
                body: Body(body, _words(model.name), model.phone, model.url)
                for body, model in town.bodies.items()
            },
            rosters=rosters.build(town, own_calendar),
            indicators=(*INDICATORS, *own_indicators.build(town.indicators)),
        )
    for id, department in files.departments.items():
        if department.tenant:
            own = files.own_departments[id]
            parts[id] = Parts(
                {**district.settings, **own.settings},
                _calendar(own.calendar, district.zone) if own.calendar else calendar,
                matters,
                tuple(unit for unit in everyone if unit.department == id),
            )
    return parts


_built: dict[tuple[str, str], Workflow] = {}


def _workflow(model: WorkflowModel, settings: Mapping[str, Setting]) -> Workflow:
    """The workflow; the same one for all towns that change the same."""
    workflow = limited(build(model), settings)
    limits = str([stage.limit for stage in workflow.stages.values()])
    return _built.setdefault((model.model_dump_json(), limits), workflow)


def _services(files: Files) -> Iterator[ServiceSpec]:
    yield from _specs(files.district.id, "", files.district.services)
    for id, town in files.towns.items():
        yield from _specs(id, f"towns/{id}/", town.services)
    for id, department in files.own_departments.items():
        yield from _specs(id, f"departments/{id}/", department.services)


def _specs(tenant: str, folder: str, services: list[ServiceModel]) -> Iterator[ServiceSpec]:
    for spec in services:
        cls = folder + spec.cls if spec.cls else None
        yield ServiceSpec(tenant, spec.name, spec.replaces, cls, spec.replicas, tuple(spec.subscribes))


def _matter(code: str, model: MatterModel) -> Matter:
    limits = model.limits
    return Matter(
        code=code,
        name=_words(model.name),
        department=model.department,
        limits=Limits(Limit.parse(limits.accept), Limit.parse(limits.dispose), Limit.parse(limits.inspect)),
        severity=Severity(model.severity),
        self_disposable=model.self_disposable,
        verify=model.verify,
        keywords_zh=tuple(model.keywords.zh),
        keywords_en=tuple(model.keywords.en),
        source=model.source,
        attributes=tuple(
            sorted(
                (_attribute(code, one) for code, one in model.attributes.items()), key=lambda one: one.order
            )
        ),
        skills=frozenset(model.skills),
        coercive=model.coercive,
    )


def _attribute(code: str, model: AttributeModel) -> Attribute:
    return Attribute(
        code=code,
        description=_words(model.description),
        datatype=Datatype(model.datatype),
        order=model.order,
        required=model.required,
        variable=model.variable,
        hint=_words(model.hint) if model.hint else None,
        values=tuple((key, _words(words)) for key, words in model.values.items()),
    )


def _calendar(model: CalendarModel, zone: str) -> Calendar:
    spans = []
    for hours in model.hours:
        start, _, end = hours.partition("-")
        spans.append(Span(time.fromisoformat(start), time.fromisoformat(end)))
    return Calendar(ZoneInfo(zone), tuple(spans), *_WORKED[model.days])


def _works_always(_: date) -> bool:
    return True


_WORKED: Mapping[str, tuple[Callable[[date], bool], Callable[[int], bool]]] = {
    "china": (works_in_china, china_knows),
    "weekdays": (works_on_weekdays, every_year),
    "every-day": (_works_always, every_year),
}


def _words(model: WordsModel) -> Words:
    return Words(model.zh, model.en)
