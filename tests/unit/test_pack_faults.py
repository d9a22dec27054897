"""A broken pack is refused with everything that is wrong with it."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box

from qipan.contracts.errors import NotFound
from qipan.tenancy import District, PackError, load_district
from qipan.tenancy.toml import to_toml
from qipan.territory import Cell
from qipan.territory.geojson import write_cells

LIMITS = {"accept": "1 hour", "dispose": "4 work-hours", "inspect": "1 work-day"}
WORDS = {"zh": "字", "en": "Word"}
GOOD: dict[str, dict[str, Any]] = {
    "district.toml": {
        "id": "testland",
        "code": "100100",
        "name": WORDS,
        "zone": "Asia/Shanghai",
        "email_domain": "testland.example",
        "calendar": {"hours": ["09:00-12:00", "13:00-17:00"]},
        "layers": [
            {"id": "town", "name": WORDS, "file": "grids/town.geojson"},
            {"id": "duty", "name": WORDS, "file": "grids/duty.geojson"},
        ],
        "settings": {"triage.duplicate-metres": 30},
        "town": {"units": {"sweep": {"name": WORDS, "department": "sanitation", "handlers": 2}}},
    },
    "matters.toml": {"matters": {"s:06010": {"name": WORDS, "department": "sanitation", "limits": LIMITS}}},
    "departments.toml": {
        "departments": {"sanitation": {"name": WORDS}, "traffic-police": {"name": WORDS, "tenant": True}}
    },
    "departments/traffic-police/department.toml": {"id": "traffic-police"},
    "towns/west/town.toml": {
        "id": "west",
        "code": "100100001",
        "name": WORDS,
        "centre": [0.5, 0.5],
        "population": 1000,
    },
    "towns/east/town.toml": {
        "id": "east",
        "code": "100100002",
        "name": WORDS,
        "inherits": "west",
        "centre": [1.5, 0.5],
        "population": 2000,
    },
}
CELLS = {
    "town": [Cell("100100001", "west", box(0, 0, 1, 1)), Cell("100100002", "east", box(1, 0, 2, 1))],
    "duty": [Cell("100100001001001", "west", box(0, 0, 1, 1), community="100100001001")],
}

Change = Callable[[dict[str, dict[str, Any]]], Any]


def written(root: Path, *changes: Change) -> Path:
    files = deepcopy(GOOD)
    for change in changes:
        change(files)
    for name, table in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(to_toml(table), encoding="utf-8")
    (root / "grids").mkdir(exist_ok=True)
    for layer, cells in CELLS.items():
        write_cells(root / "grids" / f"{layer}.geojson", cells, "test")
    return root


def faults(root: Path) -> list[str]:
    with pytest.raises(PackError) as caught:
        load_district(root)
    return [str(fault) for fault in caught.value.faults]


def test_the_good_pack_is_good(tmp_path: Path):
    district = load_district(written(tmp_path))
    assert isinstance(district, District)
    assert list(district.tenants) == ["testland", "west", "east", "traffic-police"]


def west(files: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return files["towns/west/town.toml"]


def unit(**values: Any) -> dict[str, Any]:
    return {"units": {"works": {"name": WORDS, "department": "sanitation", "handlers": 1, **values}}}


def asked(**values: Any) -> Change:
    """A matter of the district's with one attribute, which is right but for these values."""
    attribute = {"description": WORDS, "datatype": "string", "order": 1, **values}
    return lambda f: f["matters.toml"]["matters"]["s:06010"].update(
        attributes={"a": attribute, "b": {"description": WORDS, "datatype": "text", "order": 2}}
    )


def ruled(**rule: Any) -> Change:
    """A rule of west's by which its sweepers are asked, which is right but for these values."""
    return lambda f: west(f).update(dispatch={"rules": {"first": {"unit": "sweep", **rule}}})


def carded(*crew: dict[str, Any]) -> Change:
    """A run card of west's with this crew."""
    return lambda f: west(f).update(dispatch={"cards": {"big": {"crew": list(crew)}}})


def rostered(**roster: Any) -> Change:
    """A roster of west's for its sweepers, which is right but for these values."""
    good = {"name": WORDS, "units": ["sweep"], "hours": ["08:00-16:00"]}
    return lambda f: west(f).update(rosters={"early": {**good, **roster}})


CASES: dict[str, tuple[Change, str]] = {
    "a roster for a unit that is not there": (
        rostered(units=["magic"]),
        "towns/west/town.toml: rosters.early.units: there is no unit 'magic' in west (allowed: sweep)",
    ),
    "a roster for a handler who is not there": (
        rostered(handlers=[3]),
        "towns/west/town.toml: rosters.early.handlers: sweep has no handler 3 (allowed: 1 to 2)",
    ),
    "a roster whose hours overlap": (
        rostered(hours=["08:00-12:00", "11:00-15:00"]),
        "towns/west/town.toml: rosters.early.hours: '11:00-15:00' does not follow",
    ),
    "a roster longer than the longest shift": (
        rostered(hours=["06:00-20:00"]),
        "towns/west/town.toml: rosters.early.hours: '06:00-20:00' is too long (allowed: at most 12 hours",
    ),
    "a roster on days that there are not": (
        rostered(weekdays=["someday"]),
        "towns/west/town.toml: rosters.early.weekdays.0: ",
    ),
    "a rule that asks a unit that is not there": (
        ruled(unit="magic"),
        "towns/west/town.toml: dispatch.rules.first: there is no unit 'magic' in west (allowed: sweep)",
    ),
    "a rule that asks two": (
        ruled(department="sanitation"),
        "towns/west/town.toml: dispatch.rules.first: Value error, a rule asks either a unit or a department",
    ),
    "a rule for a matter that is not there": (
        ruled(matters=["s:07*"]),
        "towns/west/town.toml: dispatch.rules.first.matters: no matter here is 's:07*'",
    ),
    "a rule in a layer that is not there": (
        ruled(cells={"police": ["1"]}),
        "towns/west/town.toml: dispatch.rules.first.cells: there is no layer 'police' (allowed: duty, town)",
    ),
    "a rule for a skill that nobody has": (
        ruled(skills=["heights"]),
        "towns/west/town.toml: dispatch.rules.first.skills: no unit has the skill 'heights'",
    ),
    "a run card without a lead": (
        carded({"unit": "sweep"}),
        "towns/west/town.toml: dispatch.cards.big: Value error, one line of a run card is the lead",
    ),
    "a run card of a department that is not there": (
        carded({"department": "magic", "role": "lead"}),
        "towns/west/town.toml: dispatch.cards.big.crew: there is no department 'magic'",
    ),
    "a specialist who is not there": (
        lambda f: west(f).update(unit(specialists={"heights": [2]})),
        "towns/west/town.toml: units.works.specialists.heights: names a handler whom the unit does not have",
    ),
    "a way to choose that there is not": (
        lambda f: west(f).update(settings={"dispatch.choose": "dice"}),
        "towns/west/town.toml: settings.dispatch.choose: 'dice' will not do (allowed: automatic or recommend)",
    ),
    "a speed at which nobody arrives": (
        lambda f: west(f).update(settings={"dispatch.speed-kmh": 0}),
        "towns/west/town.toml: settings.dispatch.speed-kmh: 0 will not do (allowed: a number above 0)",
    ),
    "a word out of scope that is nobody's": (
        lambda f: west(f).update(settings={"triage.out-of-scope": ["metro = the-metro"]}),
        "towns/west/town.toml: settings.triage.out-of-scope: 'metro = the-metro' names 'the-metro', who is not",
    ),
    "the same in the district's settings": (
        lambda f: f["district.toml"]["settings"].update({"triage.out-of-scope": ["metro = the-metro"]}),
        "district.toml: settings.triage.out-of-scope: 'metro = the-metro' names 'the-metro', who is not there",
    ),
    "a body outside with a department's id": (
        lambda f: west(f).update(bodies={"sanitation": {"name": WORDS}}),
        "towns/west/town.toml: bodies.sanitation: is a tenant or department of the district",
    ),
    "an attribute of a kind that there is not": (
        asked(datatype="colour"),
        "matters.toml: matters.s:06010.attributes.a.datatype: Input should be 'string', 'number'",
    ),
    "a list without values": (
        asked(datatype="singlevaluelist"),
        "matters.toml: matters.s:06010.attributes.a.values: a singlevaluelist needs values",
    ),
    "values without a list": (
        asked(values={"k": WORDS}),
        "matters.toml: matters.s:06010.attributes.a.values: a string has no values to choose from (allowed: multi",
    ),
    "two attributes in one place": (
        asked(order=2),
        "matters.toml: matters.s:06010.attributes.a.order: 2 is another attribute's too",
    ),
    "a required attribute that nobody can answer": (
        asked(required=True, variable=False),
        "matters.toml: matters.s:06010.attributes.a.required: what is only shown cannot be required",
    ),
    "a town's attribute without a description": (
        lambda f: west(f).update(
            matters={"s:06010": {"attributes": {"pole": {"datatype": "string", "order": 1}}}}
        ),
        "towns/west/town.toml: matters.s:06010.attributes.pole.description: Field required",
    ),
    "an Open311 list longer than its specification allows": (
        lambda f: west(f).update(settings={"open311.most-rows": 1001}),
        "towns/west/town.toml: settings.open311.most-rows: 1001 will not do (allowed: 1 to 1000)",
    ),
    "an unknown key": (
        lambda f: west(f).update(colour="red"),
        "towns/west/town.toml: colour: Extra inputs are not permitted (allowed: no such key; see",
    ),
    "a missing key": (
        lambda f: west(f).pop("population"),
        "towns/west/town.toml: population: Field required (allowed: the key must be given)",
    ),
    "text for a number": (
        lambda f: west(f).update(population="many"),
        "towns/west/town.toml: population: Input should be a valid integer",
    ),
    "a time zone that is none": (
        lambda f: f["district.toml"].update(zone="Asia/Xihu"),
        "district.toml: zone: there is no time zone 'Asia/Xihu' (allowed: an IANA name)",
    ),
    "hours that overlap": (
        lambda f: f["district.toml"]["calendar"].update(hours=["09:00-12:00", "11:00-17:00"]),
        "district.toml: calendar.hours: '11:00-17:00' does not follow",
    ),
    "a night shift that runs into the next day's hours": (
        lambda f: west(f).update(calendar={"hours": ["06:00-12:00", "22:00-07:00"]}),
        "towns/west/town.toml: calendar.hours: '22:00-07:00' does not follow",
    ),
    "a town's hours that end before they start": (
        lambda f: west(f).update(calendar={"hours": ["12:00-09:00"]}),
        "towns/west/town.toml: calendar.hours: '12:00-09:00' does not follow",
    ),
    "a limit that is none": (
        lambda f: f["matters.toml"]["matters"]["s:06010"]["limits"].update(dispose="soon"),
        "matters.toml: matters.s:06010.limits.dispose: Value error, 'soon' is not a time limit; allowed: a",
    ),
    "a matter code that is none": (
        lambda f: f["matters.toml"]["matters"].update({"rubbish": f["matters.toml"]["matters"]["s:06010"]}),
        "matters.toml: matters.rubbish.[key]: String should match pattern",
    ),
    "another district's namespace": (
        lambda f: f["matters.toml"]["matters"].update(
            {"x-other:em:00001": f["matters.toml"]["matters"]["s:06010"]}
        ),
        "matters.toml: matters.x-other:em:00001: lies in another's namespace (allowed: x-testland:…)",
    ),
    "a town's matter outside its namespace": (
        lambda f: west(f).update(matters={"s:09999": f["matters.toml"]["matters"]["s:06010"]}),
        "towns/west/town.toml: matters.s:09999: a matter of the town's own lies in its own namespace",
    ),
    "a matter of no department": (
        lambda f: f["matters.toml"]["matters"]["s:06010"].update(department="magic"),
        "matters.toml: matters.s:06010.department: there is no department 'magic' "
        "(allowed: sanitation, traffic-police)",
    ),
    "a unit of no department": (
        lambda f: west(f).update(unit(department="magic")),
        "towns/west/town.toml: units.works.department: there is no department 'magic'",
    ),
    "a unit for an unknown matter": (
        lambda f: west(f).update(unit(matters=["s:01001"])),
        "towns/west/town.toml: units.works.matters: there is no matter 's:01001' here",
    ),
    "a unit in an unknown community": (
        lambda f: west(f).update(unit(communities=["9"])),
        "towns/west/town.toml: units.works.communities: west has no community '9' (allowed: 100100001001)",
    ),
    "a unit that is called like a role": (
        lambda f: west(f).update(units={"acceptor": unit()["units"]["works"]}),
        "towns/west/town.toml: units.acceptor: a unit cannot have a role's name",
    ),
    "a parent that does not exist": (
        lambda f: west(f).update(inherits="north"),
        "towns/west/town.toml: inherits: there is no town 'north' (allowed: east)",
    ),
    "a circle": (
        lambda f: west(f).update(inherits="east"),
        "towns/west/town.toml: inherits: goes round in a circle: west → east → west",
    ),
    "another id than the folder's": (
        lambda f: west(f).update(id="wst"),
        "towns/west/town.toml: id: must be the folder's name (allowed: west)",
    ),
    "two towns of one code": (
        lambda f: f["towns/east/town.toml"].update(code="100100001"),
        "towns/west/town.toml: code: '100100001' is another town's too",
    ),
    "a centre that is nowhere": (
        lambda f: west(f).update(centre=[30.3, 120.1]),
        "towns/west/town.toml: centre: Value error, a point is longitude and latitude in degrees",
    ),
    "two tenants of one name": (
        lambda f: (
            f["departments.toml"]["departments"].update(west={"name": WORDS, "tenant": True})
            or f.update({"departments/west/department.toml": {"id": "west"}})
        ),
        "district.toml: id: 'west' names 2 tenants",
    ),
    "a tenant department without a folder": (
        lambda f: f.pop("departments/traffic-police/department.toml"),
        "departments.toml: departments.traffic-police.tenant: needs departments/traffic-police/",
    ),
    "a folder of a department that is no tenant": (
        lambda f: f.update({"departments/sanitation/department.toml": {"id": "sanitation"}}),
        "departments/sanitation/department.toml: id: departments.toml does not name it as a tenant",
    ),
    "a layer missing": (
        lambda f: f["district.toml"]["layers"].pop(),
        "district.toml: layers: the layer 'duty' is missing",
    ),
    "a layer named twice": (
        lambda f: f["district.toml"]["layers"].append(f["district.toml"]["layers"][0]),
        "district.toml: layers: the layer 'town' is named twice",
    ),
    "a grid that is not there": (
        lambda f: f["district.toml"]["layers"][1].update(file="grids/none.geojson"),
        "grids/none.geojson: cannot be read: No such file",
    ),
    "a town without ground": (
        lambda f: f.update({"towns/north/town.toml": {**west(f), "id": "north"}}),
        "district.toml: layers: no cell of the layer 'town' is 'north'",
    ),
    "ground without a town": (
        lambda f: f.pop("towns/east/town.toml"),
        "grids/town.geojson: 100100002: belongs to no known town: 'east' (allowed: west)",
    ),
    "a core setting that does not exist": (
        lambda f: west(f).update(settings={"triage.duplicate-meters": 3}),
        "towns/west/town.toml: settings.triage.duplicate-meters: the core has no such setting (allowed: ",
    ),
    "a core setting of another kind": (
        lambda f: f["district.toml"]["settings"].update({"triage.least-confidence": 60}),
        "district.toml: settings.triage.least-confidence: 60 will not do (allowed: a number from 0 to 1)",
    ),
    "an unknown event": (
        lambda f: west(f).update(services=[{"name": "own", "class": "own.py:Own", "subscribes": ["x.y.v1"]}]),
        "towns/west/town.toml: services[0].subscribes: there is no event 'x.y.v1'",
    ),
    "a core service that does not exist": (
        lambda f: west(f).update(services=[{"name": "despatch", "replaces": "despatch"}]),
        "towns/west/town.toml: services[0].replaces: 'despatch' is no core service",
    ),
    "a core service's name for another thing": (
        lambda f: west(f).update(services=[{"name": "dispatch", "class": "own.py:Own"}]),
        "towns/west/town.toml: services[0].name: a core service is replaced under its own name",
    ),
    "an own service without a class": (
        lambda f: west(f).update(services=[{"name": "own"}]),
        "towns/west/town.toml: services[0].class: a service of one's own needs a class",
    ),
    "a class outside the folder": (
        lambda f: west(f).update(services=[{"name": "own", "class": "../own.py:Own"}]),
        "towns/west/town.toml: services.0.class: String should match pattern",
    ),
    "a class's file that is not there": (
        lambda f: west(f).update(services=[{"name": "own", "class": "own.py:Own"}]),
        "towns/west/town.toml: services[0].class: there is no file towns/west/own.py",
    ),
    "a service named twice": (
        lambda f: west(f).update(services=[{"name": "dispatch", "replaces": "dispatch"}] * 2),
        "towns/west/town.toml: services[0].name: 'dispatch' is named twice",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_fault_says_file_key_what_and_what_is_allowed(tmp_path: Path, name: str):
    change, expected = CASES[name]
    found = faults(written(tmp_path, change))
    assert any(fault.startswith(expected) for fault in found), found


def test_all_faults_of_all_files_are_told_at_once(tmp_path: Path):
    names = (
        "an unknown key",
        "a layer missing",
        "a core setting of another kind",
        "a matter of no department",
    )
    found = faults(written(tmp_path, *(CASES[name][0] for name in names)))
    for name in names:
        assert any(fault.startswith(CASES[name][1]) for fault in found), (name, found)


def test_a_fault_in_what_is_inherited_is_told_once_where_it_was_written(tmp_path: Path):
    found = faults(written(tmp_path, lambda f: west(f).update(unit(handlers=0))))
    assert len(found) == 1
    assert found[0].startswith("towns/west/town.toml: units.works.handlers: ")


def test_a_fault_in_what_every_town_starts_from_is_told_once(tmp_path: Path):
    def change(files: dict[str, dict[str, Any]]) -> None:
        files["district.toml"]["town"]["units"]["sweep"]["department"] = "magic"

    found = faults(written(tmp_path, change))
    assert len(found) == 1
    assert found[0].startswith("district.toml: town.units.sweep.department: there is no department 'magic'")


@pytest.mark.parametrize("content", [b"id = ", b'id = "\xff"'])
def test_what_cannot_be_parsed_is_a_fault_beside_the_others(tmp_path: Path, content: bytes):
    root = written(tmp_path, CASES["a unit of no department"][0])
    (root / "towns/east/town.toml").write_bytes(content)
    found = faults(root)
    assert found[-2].startswith("towns/east/town.toml: is not ")
    assert any(fault.startswith(CASES["a unit of no department"][1]) for fault in found)


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("class Own:\n    pass\n", None),
        ("class Other:\n    pass\n", "towns/west/own.py has no class Own (allowed: Other)"),
        ("class Own", "towns/west/own.py is not Python: "),
    ],
)
def test_the_class_of_a_service_is_looked_for(tmp_path: Path, code: str, fault: str | None):
    root = written(tmp_path, lambda f: west(f).update(services=[{"name": "own", "class": "own.py:Own"}]))
    (root / "towns/west/own.py").write_text(code)
    if fault is None:
        assert load_district(root).services[0].cls == "towns/west/own.py:Own"
    else:
        (found,) = faults(root)
        assert found.startswith(f"towns/west/town.toml: services[0].class: {fault}")


def outcome(root: Path) -> District | tuple[Any, ...]:
    try:
        return load_district(root)
    except PackError as error:
        return error.faults or pytest.fail("refused without a fault")


def places(table: dict[str, Any], above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for key, value in table.items():
        found.append((*above, key))
        if isinstance(value, dict):
            found += places(value, (*above, key))
    return found


RICH = deepcopy(GOOD)
west(RICH).update(
    staff={"acceptors": 1},
    calendar={"hours": ["09:00-17:00"], "days": "weekdays"},
    matters={"s:06010": {"severity": "high"}},
    settings={"own.level": 3.5},
    services=[{"name": "dispatch", "replaces": "dispatch", "replicas": 2}],
    rosters={"early": {"name": WORDS, "units": ["works"], "hours": ["22:00-06:00"], "handlers": [1]}},
    **unit(matters=["s:06010"], communities=["100100001001"]),
)
ODD = st.sampled_from(
    [0, -1, 10**30, 2.5, float("nan"), True, "", "x", "\x00", [], [1], ["x"], {}, {"x": 1}, None]
)


@settings(max_examples=120)
@given(st.lists(st.tuples(st.sampled_from(places(RICH)), ODD), min_size=1, max_size=2))
def test_whatever_is_written_the_answer_is_a_district_or_faults(changes: list[tuple[tuple[str, ...], Any]]):
    files = deepcopy(RICH)
    for place, value in changes:
        here: Any = files
        for key in place[:-1]:
            here = here.get(key, {}) if isinstance(here, dict) else {}
        if not isinstance(here, dict) or (len(place) == 1 and not isinstance(value, dict)):
            continue
        here[place[-1]] = value
        if value is None:
            del here[place[-1]]
    with TemporaryDirectory() as root:
        written(Path(root), lambda f: f.update(files))
        assert isinstance(outcome(Path(root)), District | tuple)


def test_a_folder_that_is_no_pack(tmp_path: Path):
    assert faults(tmp_path) == [
        "departments.toml: cannot be read: No such file or directory",
        "district.toml: cannot be read: No such file or directory",
        "matters.toml: cannot be read: No such file or directory",
    ]


def test_an_empty_file_lacks_its_keys(tmp_path: Path):
    root = written(tmp_path)
    (root / "matters.toml").write_text("")
    assert faults(root) == ["matters.toml: matters: Field required (allowed: the key must be given)"]


def test_who_is_unknown_is_not_found(tmp_path: Path):
    district = load_district(written(tmp_path))
    for ask in (district.tenant, district.town, district.matters_of, district.units_of, district.people_of):
        for id in ("north", "north~ex7", "", "west~", "west~A B"):
            with pytest.raises(NotFound):
                ask(id)
    with pytest.raises(NotFound):
        district.setting("north", "triage.duplicate-metres", 1)


def test_settings_come_from_the_nearest(tmp_path: Path):
    def change(files: dict[str, dict[str, Any]]) -> None:
        files["district.toml"]["settings"].update({"own.a": 1, "own.b": 1, "own.c": 1, "own.level": 3})
        west(files)["settings"] = {"own.a": 2, "own.b": 2}
        files["towns/east/town.toml"]["settings"] = {"own.a": 3}

    district = load_district(written(tmp_path, change))
    assert [district.setting("east", key, 0) for key in ("own.a", "own.b", "own.c", "own.d")] == [3, 2, 1, 0]
    assert district.setting("east~ex7", "own.a", 0) == 3
    assert district.setting("testland", "own.a", 0) == 1
    assert district.setting("east", "own.level", 0.5) == 3.0
    with pytest.raises(TypeError, match=r"'own\.a' of 'east' is 3; a str is expected"):
        district.setting("east", "own.a", "text")
