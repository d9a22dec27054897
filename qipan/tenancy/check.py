"""What can be wrong between a pack's files although each is well-formed."""

import ast
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import timedelta
from zoneinfo import ZoneInfo

from qipan.contracts import events as _events  # noqa: F401  (declares the event types)
from qipan.contracts import mandates as _mandates  # noqa: F401
from qipan.contracts.base import events
from qipan.contracts.subscriptions import CORE_SERVICES
from qipan.tenancy import component_file, dispatch_rules, gazetteer_file, mandate_file, rosters, workflow
from qipan.tenancy.attribute import LISTS
from qipan.tenancy.bodies import assigned
from qipan.tenancy.faults import PackFault
from qipan.tenancy.grid_versions import Version
from qipan.tenancy.indicators import own as own_indicators
from qipan.tenancy.known_settings import CORE_PREFIXES, KNOWN
from qipan.tenancy.model import CalendarModel, MatterModel, ServiceModel, Setting, TownFile
from qipan.tenancy.people import ROLES
from qipan.tenancy.resolve import Files
from qipan.territory import Layer, Territory
from qipan.territory.cell import DUTY_LAYER, TOWN_LAYER

OUT_OF_SCOPE = "triage.out-of-scope"

Origin = Callable[[str, tuple[str, ...]], tuple[str, str]]
"""From a town and a key to the file and key where it was written."""


def check(files: Files, origin: Origin) -> list[PackFault]:
    """Everything that does not fit together."""
    towns = Territory([Layer(TOWN_LAYER, "", "", files.cells.get(TOWN_LAYER, ()))])
    matters = {id: {*files.matters, *town.matters} for id, town in files.towns.items()}
    return [
        *_district(files),
        *_departments(files),
        *_layers(files),
        *gazetteer_file.check(files.gazetteers, towns),
        *component_file.check(files.components, towns, files.departments, matters),
        *mandate_file.faults(files, matters),
        *(fault for town in files.towns.values() for fault in _town(files, town, origin)),
    ]


def _district(files: Files) -> Iterator[PackFault]:
    district = files.district
    try:
        ZoneInfo(district.zone)
    except (KeyError, ValueError, OSError):
        yield PackFault("district.toml", "zone", f"there is no time zone {district.zone!r}", "an IANA name")
    yield from _calendar("district.toml", "calendar", district.calendar)
    yield from _services(files, "district.toml", "", district.services)
    for key, what, allowed in _settings(district.settings):
        yield PackFault("district.toml", f"settings.{key}", what, allowed)
    bodies = {id for town in files.towns.values() for id in town.bodies}
    for key, what, allowed in _owners(district.settings, _answerable(files) | bodies):
        yield PackFault("district.toml", f"settings.{key}", what, allowed)
    ids = Counter([district.id, *files.towns, *(id for id, d in files.departments.items() if d.tenant)])
    for id, times in ids.items():
        if times > 1:
            yield PackFault("district.toml", "id", f"{id!r} names {times} tenants", "one id for each tenant")
    codes = Counter(town.code for town in files.towns.values())
    for town in files.towns.values():
        if codes[town.code] > 1:
            yield PackFault(f"towns/{town.id}/town.toml", "code", f"{town.code!r} is another town's too")
    if not files.lineages:
        yield PackFault("towns", "", "there is no town", "towns/<id>/town.toml")
    for code, matter in files.matters.items():
        if code.startswith("x-") and not code.startswith(f"x-{district.id}:"):
            yield PackFault(
                "matters.toml", f"matters.{code}", "lies in another's namespace", f"x-{district.id}:…"
            )
        yield from _department(files, "matters.toml", f"matters.{code}.department", matter.department)
        for inner, what, allowed in _attributes(matter):
            yield PackFault("matters.toml", ".".join(("matters", code, *inner)), what, allowed)


def _departments(files: Files) -> Iterator[PackFault]:
    for id, department in files.departments.items():
        if department.tenant and id not in files.own_departments:
            yield PackFault(
                "departments.toml", f"departments.{id}.tenant", f"needs departments/{id}/department.toml"
            )
    for id, own in files.own_departments.items():
        file = f"departments/{id}/department.toml"
        if id not in files.departments or not files.departments[id].tenant:
            yield PackFault(file, "id", "departments.toml does not name it as a tenant")
        for name in own.systems:
            if name in ROLES or own.systems.count(name) > 1:
                yield PackFault(file, "systems", f"{name!r} is a role or another system", "a name of its own")
        if own.calendar:
            yield from _calendar(file, "calendar", own.calendar)
        yield from _services(files, file, f"departments/{id}/", own.services)
        for key, what, allowed in _settings(own.settings):
            yield PackFault(file, f"settings.{key}", what, allowed)


def _layers(files: Files) -> Iterator[PackFault]:
    ids = [layer.id for layer in files.district.layers]
    for needed in (TOWN_LAYER, DUTY_LAYER):
        if needed not in ids:
            yield PackFault("district.toml", "layers", f"the layer {needed!r} is missing")
    for layer in files.district.layers:
        if ids.count(layer.id) > 1:
            yield PackFault("district.toml", "layers", f"the layer {layer.id!r} is named twice")
        for version in files.versions[layer.id]:
            yield from _version(files, version)
    for town in files.lineages:
        if not any(cell.town == town for cell in files.cells.get(TOWN_LAYER, ())):
            yield PackFault("district.toml", "layers", f"no cell of the layer {TOWN_LAYER!r} is {town!r}'s")


def _version(files: Files, version: Version) -> Iterator[PackFault]:
    spans: dict[str, list[tuple[str, str]]] = {}
    for cell in version.cells:
        if cell.town not in files.lineages:
            what = f"belongs to no known town: {cell.town!r}"
            yield PackFault(version.file, cell.code, what, _some(files.lineages))
        begins, ends = str(cell.valid_from or "0001-01-01"), str(cell.valid_until or "9999-12-31")
        if begins >= ends:
            yield PackFault(version.file, cell.code, f"is valid from {begins} until {ends}", "from < until")
        if any(begins < end and start < ends for start, end in spans.get(cell.code, [])):
            yield PackFault(version.file, cell.code, "there are two cells of this code at the same time")
        spans.setdefault(cell.code, []).append((begins, ends))


def _town(files: Files, town: TownFile, origin: Origin) -> Iterator[PackFault]:
    def fault(key: tuple[str, ...], what: str, allowed: str = "") -> PackFault:
        return PackFault(*origin(town.id, key), what, allowed)

    communities = {
        cell.community or cell.code for cell in files.cells.get(DUTY_LAYER, ()) if cell.town == town.id
    }
    for id, unit in town.units.items():
        if id in ROLES:
            yield fault(("units", id), "a unit cannot have a role's name: its people would share their ids")
        if unit.department not in files.departments:
            what = f"there is no department {unit.department!r}"
            yield fault(("units", id, "department"), what, _some(files.departments))
        for code in unit.matters:
            if code not in town.matters and code not in files.matters:
                yield fault(("units", id, "matters"), f"there is no matter {code!r} here")
        for community in unit.communities:
            if community not in communities:
                what = f"{town.id} has no community {community!r}"
                yield fault(("units", id, "communities"), what, _some(communities))
    for name in town.systems:
        if name in ROLES or name in town.units or town.systems.count(name) > 1:
            yield fault(("systems",), f"{name!r} is a role, a unit or another system", "a name of its own")
    for code, matter in town.matters.items():
        if matter.department not in files.departments:
            what = f"there is no department {matter.department!r}"
            yield fault(("matters", code, "department"), what, _some(files.departments))
        if code not in files.matters and not _in_lineage(code, files.lineages[town.id]):
            what = "a matter of the town's own lies in its own namespace"
            yield fault(("matters", code), what, f"x-{town.id}:…")
        for inner, what, allowed in _attributes(matter):
            yield fault(("matters", code, *inner), what, allowed)
    if town.calendar:
        yield from _calendar(*origin(town.id, ("calendar",)), town.calendar)
    yield from _services(files, f"towns/{town.id}/town.toml", f"towns/{town.id}/", town.services)
    for key, what, allowed in _settings(town.settings):
        yield fault(("settings", key), what, allowed)
    answerable = _answerable(files)
    for id in answerable & town.bodies.keys():
        yield fault(("bodies", id), "is a tenant or department of the district", "an id of its own")
    for key, what, allowed in _owners(town.settings, answerable | town.bodies.keys()):
        yield fault(("settings", key), what, allowed)
    for within, what, allowed in workflow.faults(town.workflow):
        yield fault(("workflow", *within), what, allowed)
    for within, what, allowed in own_indicators.faults(town.indicators):
        yield fault(("indicators", *within), what, allowed)
    codes, layers = {*files.matters, *town.matters}, [layer.id for layer in files.district.layers]
    for within, what, allowed in dispatch_rules.faults(town, files.departments, codes, layers):
        yield fault(within, what, allowed)
    longest = rosters.longest_hours(files.district.settings, town.settings)
    for within, what, allowed in rosters.faults(town, longest):
        yield fault(within, what, allowed)


def _attributes(matter: MatterModel) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """What is wrong with what a matter's reporters are asked: key, what, allowed."""
    orders = Counter(attribute.order for attribute in matter.attributes.values())
    for code, attribute in matter.attributes.items():
        key = ("attributes", code)
        chosen = attribute.datatype in LISTS
        if orders[attribute.order] > 1:
            yield (*key, "order"), f"{attribute.order} is another attribute's too", "a number for each"
        if chosen and not attribute.values:
            yield (*key, "values"), f"a {attribute.datatype} needs values", "a key and its words for each"
        if attribute.values and not chosen:
            yield (*key, "values"), f"a {attribute.datatype} has no values to choose from", _some(LISTS)
        if attribute.required and not attribute.variable:
            yield (*key, "required"), "what is only shown cannot be required", "variable = true"


def _in_lineage(code: str, lineage: Collection[str]) -> bool:
    return any(code.startswith(f"x-{id}:") for id in lineage)


LONGEST_NIGHT = timedelta(hours=16)
"""A span past midnight that is longer was meant otherwise."""


def _calendar(file: str, key: str, calendar: CalendarModel) -> Iterator[PackFault]:
    begun, last = "", ""
    for index, hours in enumerate(calendar.hours):
        start, _, end = hours.partition("-")
        begun = begun or start
        overnight = index == len(calendar.hours) - 1 and end <= start
        fits = (end <= begun and _length(start, end) <= LONGEST_NIGHT) if overnight else start < end
        if not (last <= start and fits):
            allowed = "spans in order; the last may run past midnight and ends before the first starts"
            yield PackFault(file, f"{key}.hours", f"{hours!r} does not follow", allowed)
        last = end


def _length(start: str, end: str) -> timedelta:
    """Of a span past midnight."""
    minutes = [60 * int(at[:2]) + int(at[3:]) for at in (start, end)]
    return timedelta(minutes=24 * 60 + minutes[1] - minutes[0])


def _department(files: Files, file: str, key: str, department: str) -> Iterator[PackFault]:
    if department not in files.departments:
        yield PackFault(file, key, f"there is no department {department!r}", _some(files.departments))


def _services(files: Files, file: str, folder: str, services: list[ServiceModel]) -> Iterator[PackFault]:
    known = events()
    for index, service in enumerate(services):
        key = f"services[{index}]"
        if [other.name for other in services].count(service.name) > 1:
            yield PackFault(file, f"{key}.name", f"{service.name!r} is named twice")
        if service.replaces is not None and service.replaces not in CORE_SERVICES:
            yield PackFault(
                file, f"{key}.replaces", f"{service.replaces!r} is no core service", _some(CORE_SERVICES)
            )
        if (service.replaces or service.name in CORE_SERVICES) and service.replaces != service.name:
            yield PackFault(
                file, f"{key}.name", "a core service is replaced under its own name", "name = replaces"
            )
        if service.cls is None and service.replaces is None:
            yield PackFault(file, f"{key}.class", "a service of one's own needs a class", "file.py:Class")
        if service.cls is not None:
            yield from _class(files, file, f"{key}.class", folder, service.cls)
        for type in service.subscribes:
            if type not in known:
                yield PackFault(file, f"{key}.subscribes", f"there is no event {type!r}", _some(known))


def _class(files: Files, file: str, key: str, folder: str, named: str) -> Iterator[PackFault]:
    path, _, name = named.partition(":")
    try:
        module = ast.parse((files.root / folder / path).read_bytes())
    except OSError:
        yield PackFault(file, key, f"there is no file {folder}{path}")
    except (SyntaxError, ValueError) as error:
        yield PackFault(file, key, f"{folder}{path} is not Python: {error}")
    else:
        classes = [node.name for node in module.body if isinstance(node, ast.ClassDef)]
        if name not in classes:
            yield PackFault(file, key, f"{folder}{path} has no class {name}", _some(classes))


def _settings(settings: Mapping[str, Setting]) -> Iterator[tuple[str, str, str]]:
    """What is wrong with settings of the core's: key, what, allowed."""
    for key, value in settings.items():
        known = KNOWN.get(key)
        if known is not None and not known.accepts(value):
            yield key, f"{value!r} will not do", known.allowed
        if known is None and key.startswith(CORE_PREFIXES):
            yield key, "the core has no such setting", _some(KNOWN)


def _answerable(files: Files) -> frozenset[str]:
    return frozenset({files.district.id, *files.towns, *files.departments})


def _owners(settings: Mapping[str, Setting], known: Collection[str]) -> Iterator[tuple[str, str, str]]:
    """Words out of scope that name somebody who is not there: key, what, allowed."""
    words = settings.get(OUT_OF_SCOPE, [])
    for entry in words if isinstance(words, list) else []:
        _, owner = assigned(entry)
        if owner is not None and owner not in known:
            yield OUT_OF_SCOPE, f"{entry!r} names {owner!r}, who is not there", _some(known)


def _some(names: Collection[str]) -> str:
    listed = sorted(names)
    return ", ".join(listed[:20]) + (f" … ({len(listed)})" if len(listed) > 20 else "")
