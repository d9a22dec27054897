import random

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon, box

from qipan.territory.cell import DUTY_LAYER, TOWN_LAYER
from qipan.territory.derive import COMMUNITY_LAYER, SQUAD_LAYER, Counts, TownSeed, derive_layers
from qipan.territory.from_points import cells_of_points
from qipan.territory.numbering import numbered, reading_order
from qipan.territory.partition import GRID, fit_together, groups, shares, voronoi

OUTLINE = Polygon([(0, 0), (0.3, 0.02), (0.28, 0.2), (0.15, 0.12), (0.02, 0.25)])
TOWNS = [
    TownSeed("west", "100100001", "西", "West", (0.05, 0.1), 3_000),
    TownSeed("east", "100100002", "东", "East", (0.2, 0.1), 6_001),
]
LAYERS = derive_layers(OUTLINE, TOWNS, Counts(duty=60, communities=12, squads=5), seed=7)
SHAPES = {layer: [cell.shape for cell in cells] for layer, cells in LAYERS.items()}


def test_as_many_cells_as_asked():
    assert {layer: len(cells) for layer, cells in LAYERS.items()} == {
        TOWN_LAYER: 2,
        COMMUNITY_LAYER: 12,
        DUTY_LAYER: 60,
        SQUAD_LAYER: 5,
    }
    assert all(cell.synthetic for cells in LAYERS.values() for cell in cells)


def test_cells_and_people_follow_the_population():
    duty = [cell for cell in LAYERS[DUTY_LAYER] if cell.town == "east"]
    assert len(duty) == 40
    assert sum(cell.population for cell in duty) == 6_001


@pytest.mark.parametrize("layer", [TOWN_LAYER, COMMUNITY_LAYER, DUTY_LAYER, SQUAD_LAYER])
def test_no_gap_and_no_overlap(layer: str):
    assert shapely.coverage_is_valid(SHAPES[layer])
    together = shapely.coverage_union_all(SHAPES[layer])
    assert together.symmetric_difference(OUTLINE).area < OUTLINE.length * GRID
    assert len(shapely.get_rings(together)) == 1


def test_rounding_each_cell_by_itself_would_leave_slivers():
    """The control: without `fit_together` the cells of two towns do not fit."""
    towns = voronoi(OUTLINE, [town.centre for town in TOWNS])
    raw = [
        cell
        for town, many in zip(towns, (7, 9), strict=True)
        for cell in voronoi(town, [(p.x, p.y) for p in _points(town, many)])
    ]
    rounded = [shapely.transform(cell, lambda xy: xy.round(6)) for cell in raw]
    assert not shapely.coverage_is_valid(rounded)
    assert shapely.coverage_is_valid(fit_together(raw))


def _points(area: Polygon, many: int) -> list[shapely.Point]:
    draw, found = random.Random(3), []
    while len(found) < many:
        point = shapely.Point(draw.uniform(0, 0.3), draw.uniform(0, 0.25))
        if area.contains(point):
            found.append(point)
    return found


def test_layers_nest():
    towns = {cell.town: cell.shape.buffer(1e-9) for cell in LAYERS[TOWN_LAYER]}
    communities = {cell.code: cell.shape.buffer(1e-9) for cell in LAYERS[COMMUNITY_LAYER]}
    for cell in LAYERS[DUTY_LAYER]:
        assert communities[cell.community].covers(cell.shape)
    for cell in LAYERS[COMMUNITY_LAYER] + LAYERS[SQUAD_LAYER]:
        assert towns[cell.town].covers(cell.shape)


def test_codes_have_fifteen_digits_and_tell_town_and_community():
    codes = [cell.code for cell in LAYERS[DUTY_LAYER]]
    assert len(set(codes)) == 60
    assert all(len(code) == 15 and code.isdigit() for code in codes)
    for cell in LAYERS[DUTY_LAYER]:
        assert cell.code[:12] == cell.community
        assert cell.code[:9] == next(town.code for town in TOWNS if town.id == cell.town)


def test_the_same_seed_gives_the_same_ground():
    again = derive_layers(OUTLINE, TOWNS, Counts(duty=60, communities=12, squads=5), seed=7)
    assert again == LAYERS
    assert derive_layers(OUTLINE, TOWNS, Counts(duty=60, communities=12, squads=5), seed=8) != LAYERS


def test_numbers_run_as_one_reads():
    corners = [(1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.0, 0.0)]
    assert reading_order(corners) == [1, 2, 3, 0]
    assert numbered(corners, "X") == ["X004", "X001", "X002", "X003"]


def test_three_digits_are_not_enough_for_a_thousand():
    with pytest.raises(ValueError, match="1000 cells"):
        numbered([(float(i), 0.0) for i in range(1000)], "X")


@given(st.integers(0, 500), st.lists(st.floats(0.1, 1e6), min_size=1, max_size=20))
def test_shares_give_everything_away_and_at_least_one_each(spare: int, weights: list[float]):
    total = spare + len(weights)
    parts = shares(total, weights)
    assert sum(parts) == total
    assert min(parts) >= 1
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - 1 - spare * weight / sum(weights)) < 1 + 1e-6


def test_too_little_for_everybody_is_an_error():
    with pytest.raises(ValueError, match="not enough"):
        shares(2, [1, 1, 1])


COORDINATE = st.floats(-1, 1)


@given(st.lists(st.tuples(COORDINATE, COORDINATE), min_size=1, max_size=60), st.data())
def test_groups_are_all_used_and_nearly_equal(points: list[tuple[float, float]], data: st.DataObject):
    count = data.draw(st.integers(1, len(points)))
    sizes = [groups(points, count).count(group) for group in range(count)]
    assert sum(sizes) == len(points)
    assert min(sizes) >= 1
    assert max(sizes) <= 2 * -(-len(points) // count)


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_cells_of_points_are_each_the_majoritys(seed: int):
    draw = random.Random(seed)
    points = [(draw.uniform(0, 1), draw.uniform(0, 1)) for _ in range(200)]
    owners = ["west" if lon < 0.5 else "east" for lon, _ in points]
    cells = cells_of_points(points, owners, 20, margin_metres=500)
    shapes = [shape for _, shape in cells]
    assert shapely.coverage_is_valid(shapes)
    assert shapely.union_all(shapes).buffer(1e-9).covers(shapely.multipoints(points))
    for owner, shape in cells:
        inside = [o for o, p in zip(owners, points, strict=True) if shape.covers(shapely.Point(p))]
        if len(set(inside)) == 1:
            assert inside[0] == owner or len(inside) < 5


def test_points_in_one_spot_make_one_cell():
    cells = cells_of_points([(0.5, 0.5)] * 50 + [(0.6, 0.6), (0.7, 0.5)], ["a"] * 52, 10, margin_metres=100)
    assert 1 <= len(cells) < 10


def test_one_point_takes_the_whole_area():
    assert voronoi(box(0, 0, 1, 1), [(0.2, 0.2)]) == [box(0, 0, 1, 1)]
