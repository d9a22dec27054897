"""The pack of Xihu: that it loads, what it promises, and that its ground has neither gap nor overlap."""

import random
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import shapely

from qipan.tenancy import District, TenantKind, load_district
from qipan.tenancy.grids import derive_grids
from qipan.tenancy.known_settings import CORE_PREFIXES, KNOWN
from qipan.tenancy.people import ROLES, SYSTEM
from qipan.territory.geojson import read_outline
from services.dispatch.planned import Plan

ROOT = Path(__file__).parents[2] / "districts" / "xihu"
TOWNS = [
    "beishan",
    "xixi",
    "cuiyuan",
    "gudang",
    "xihu-street",
    "liuxia",
    "zhuantang",
    "jiangcun",
    "lingyin",
    "wenxin",
    "sandun",
    "shuangpu",
]


@pytest.fixture(scope="module")
def xihu() -> District:
    return load_district(ROOT)


def test_twelve_towns_the_district_and_the_traffic_police_are_tenants(xihu: District):
    assert [town.id for town in xihu.towns] == TOWNS
    assert set(xihu.tenants) == {"xihu", *TOWNS, "traffic-police"}
    assert xihu.tenant("xihu").kind is TenantKind.DISTRICT
    assert all(town.idea for town in xihu.towns)


def test_a_shadow_is_the_same_town_in_another_world(xihu: District):
    shadow = xihu.tenant("sandun~ex7")
    assert (shadow.id, shadow.base, shadow.shadow) == ("sandun~ex7", "sandun", "ex7")
    assert shadow.name == xihu.tenant("sandun").name
    assert xihu.matters_of("sandun~ex7") == xihu.matters_of("sandun")
    assert xihu.folders("sandun~ex7") == xihu.folders("sandun")
    assert {unit.tenant for unit in xihu.units_of("sandun~ex7")} == {"sandun~ex7", "traffic-police~ex7"}
    live, played = xihu.people_of("sandun"), xihu.people_of("sandun~ex7")
    assert {person.tenant for person in played} == {"sandun~ex7"}
    assert not {person.id for person in live} & {person.id for person in played}
    assert not any(person.email for person in played)


def test_one_of_the_crowd_team_is_planned_for_every_hour(xihu: District):
    zone, rosters = xihu.calendar("beishan").zone, xihu.rosters("beishan")
    plans = [Plan(zone, own) for own in rosters.values()]
    assert set(rosters) == {
        person.id for person in xihu.people_of("beishan") if person.unit == "beishan/crowd"
    }
    for hour in range(24 * 8):
        now = datetime(2026, 4, 29, tzinfo=UTC) + timedelta(hours=hour)
        assert sum(plan.running(now) is not None for plan in plans) == 1


def test_every_matter_has_a_unit_in_every_town(xihu: District):
    for town in TOWNS:
        for matter in xihu.matters_of(town).values():
            assert any(unit.handles(matter) for unit in xihu.units_of(town)), (town, matter.code)


def test_matters_can_be_recognised_in_both_languages(xihu: District):
    matters = xihu.matters_of("xihu").values()
    assert len(matters) >= 50
    assert all(matter.keywords_zh and matter.keywords_en and matter.source for matter in matters)
    for language in ("keywords_zh", "keywords_en"):
        said = Counter(word for matter in matters for word in getattr(matter, language))
        assert [word for word, times in said.items() if times > 1] == []


def test_limits_read_in_the_field_are_as_read(xihu: District):
    limits = {code: matter.limits.dispose for code, matter in xihu.matters_of("xihu").items()}
    assert str(limits["s:06010"].amount) == "240"  # exposed rubbish: 4 work-hours
    assert limits["s:06012"].amount == 120  # dirty road: 2 work-hours
    assert (limits["s:06011"].amount, limits["s:06011"].unit) == (2, "work-day")  # piled rubbish
    assert (limits["s:06001"].amount, limits["s:06001"].unit) == (15, "work-day")  # illegal construction


def test_traffic_police_squads_work_in_towns_and_belong_to_the_police(xihu: District):
    squad = next(unit for unit in xihu.units_of("sandun") if unit.id == "sandun/traffic")
    assert (squad.tenant, squad.town) == ("traffic-police", "sandun")
    assert {unit.town for unit in xihu.units_of("traffic-police")} == set(TOWNS)
    assert {unit.tenant for unit in xihu.units_of("traffic-police")} == {"traffic-police"}


def test_people_follow_from_the_packs_numbers(xihu: District):
    ids = [person.id for person in xihu.people]
    assert len(set(ids)) == len(ids)
    roles = Counter(role for person in xihu.people for role in person.roles)
    assert set(roles) == ROLES | {SYSTEM}
    assert roles["grid-worker"] == 197
    units = {unit.id: unit for unit in xihu.units_of("xihu")}
    handlers = [person for person in xihu.people if person.unit]
    assert {person.id for person in handlers} == {id for unit in units.values() for id in unit.handlers}
    for person in handlers:
        assert person.tenant == units[person.unit].town
        assert person.email == f"{person.id}@xihu.example"
    assert {"en", "zh"} == {person.language for person in xihu.people}


def test_every_duty_cell_has_one_grid_worker(xihu: District):
    walked = Counter(cell for person in xihu.people for cell in person.cells)
    assert set(walked.values()) == {1}
    assert set(walked) == {cell.code for cell in xihu.territory.cells("duty")}
    for person in xihu.people:
        assert all(xihu.territory.cell("duty", cell).town == person.tenant for cell in person.cells)


def test_shuangpu_builds_on_sanduns_pack_but_not_on_its_services(xihu: District):
    assert xihu.town("shuangpu").lineage == ("shuangpu", "sandun")
    assert xihu.folders("shuangpu") == (ROOT / "towns/shuangpu", ROOT / "towns/sandun", ROOT)
    assert xihu.setting("sandun", "flood.warn-level-metres", 0.0) == 3.2
    assert xihu.setting("shuangpu", "flood.warn-level-metres", 0.0) == 5.1
    handlers = {unit.id: len(unit.handlers) for unit in xihu.units_of("shuangpu")}
    assert handlers["shuangpu/works"] == 5  # Sandun's
    assert handlers["shuangpu/water"] == 6  # its own


def test_services_of_their_own(xihu: District):
    specs = {(spec.tenant, spec.service): spec for spec in xihu.services}
    assert specs["sandun", "dispatch"].cls == "towns/sandun/dispatch.py:SandunDispatch"
    assert specs["sandun", "floodwatch"].subscribes == ("reading.observed.v1",)
    assert specs["sandun", "floodwatch"].replaces is None
    shuangpu = specs["shuangpu", "dispatch"]
    assert (shuangpu.replaces, shuangpu.cls, shuangpu.replicas) == ("dispatch", None, 2)
    assert specs["traffic-police", "squad"].cls == "departments/traffic-police/squad.py:PoliceSquad"
    assert len(specs) == 4


def test_settings_that_services_ask_for_are_known(xihu: District):
    """A setting that the core reads and the table does not have could not be given in any pack."""
    asked = set()
    for path in (ROOT.parents[1] / "services").rglob("*.py"):
        words = path.read_text(encoding="utf-8").split('"')[1::2]
        asked |= {
            word for word in words if word.startswith(CORE_PREFIXES) and "-" in word and " " not in word
        }
    assert asked <= set(KNOWN)


# The ground.


def test_the_layers(xihu: District):
    sizes = {layer: len(xihu.territory.cells(layer)) for layer in xihu.territory.layers}
    assert sizes == {"town": 12, "community": 197, "duty": 1200, "squad": 48}
    assert all(cell.synthetic for layer in xihu.territory.layers for cell in xihu.territory.cells(layer))


@pytest.mark.parametrize("layer", ["town", "community", "duty", "squad"])
def test_every_point_of_the_outline_lies_in_exactly_one_cell(xihu: District, layer: str):
    shapes = [cell.shape for cell in xihu.territory.cells(layer)]
    tree = shapely.STRtree(shapes)
    # The border itself was rounded to the grid of six decimals (10 cm).
    outline = read_outline(ROOT / "grids" / "outline.geojson").buffer(-2e-6)
    shapely.prepare(outline)
    draw, points = random.Random(layer), []
    west, south, east, north = outline.bounds
    while len(points) < 3_000:
        lon, lat = draw.uniform(west, east), draw.uniform(south, north)
        if shapely.contains_xy(outline, lon, lat):
            points.append(shapely.Point(lon, lat))
    hit, _ = tree.query(points, predicate="intersects")
    assert Counter(hit.tolist()) == dict.fromkeys(range(len(points)), 1)


@pytest.mark.parametrize("layer", ["town", "community", "duty", "squad"])
def test_corners_where_cells_meet_are_located_too(xihu: District, layer: str):
    """On a corner several cells are hit: one is chosen, the lowest code, and the town is that cell's."""
    draw = random.Random(layer)
    for cell in draw.sample(xihu.territory.cells(layer), 12):
        for lon, lat in shapely.get_coordinates(cell.shape)[:20]:
            found = xihu.territory.locate(lon, lat)
            assert found is not None
            assert found.cells[layer] <= cell.code
            assert found.cells["duty"].startswith(found.cells["town"])
            assert found.cells["duty"].startswith(found.cells["community"])


def test_towns_lie_where_their_centres_are(xihu: District):
    for town in xihu.towns:
        assert xihu.territory.locate(*town.centre).town == town.id


def test_the_grids_are_what_the_outline_and_the_seed_give(tmp_path: Path):
    pack = tmp_path / "xihu"
    shutil.copytree(ROOT, pack)
    derive_grids(pack)
    for path in sorted((ROOT / "grids").glob("*.geojson")):
        assert (pack / "grids" / path.name).read_bytes() == path.read_bytes(), path.name
