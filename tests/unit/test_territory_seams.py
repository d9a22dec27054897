"""Gaps, overlaps and reaches beyond are all found in what does not fit, and none in what does."""

from random import Random

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box

from qipan.territory import Cell, Layer, Location, Territory
from qipan.territory.area import square_metres
from qipan.territory.grid_change import ChangeKind, GridChange, grid_change
from qipan.territory.partition import Area, even_points, fit_together, voronoi
from qipan.territory.seams import Seam, SeamKind, seams

TOWN = box(120.0, 30.0, 120.02, 30.02)
TOLERANCE = 1.0


def cut(seed: int, count: int, area: Area = TOWN) -> list[Cell]:
    """A town cut at random into cells that fit."""
    shapes = fit_together(voronoi(area, even_points(area, count, Random(seed), rounds=1)))
    return [Cell(f"{index:03d}", "west", shape) for index, shape in enumerate(shapes)]


def fit(cells: list[Cell], tolerance: float = TOLERANCE) -> list[Seam]:
    return seams(cells, {"west": TOWN}, tolerance)


def reshaped(cells: list[Cell], index: int, shape: Area) -> list[Cell]:
    changed = list(cells)
    changed[index] = Cell(cells[index].code, "west", shape)
    return changed


def test_an_area_is_in_square_metres() -> None:
    degree = square_metres(box(120.0, 30.0, 120.01, 30.01))
    assert degree == pytest.approx(964.9 * 1108.6, rel=1e-3)
    hole = shapely.difference(box(120.0, 30.0, 120.01, 30.01), box(120.002, 30.002, 120.004, 30.004))
    assert square_metres(hole) == pytest.approx(degree * 0.96, rel=1e-3)
    assert square_metres(shapely.Point(0, 0)) == 0.0
    assert square_metres(shapely.MultiPolygon([TOWN, box(121, 30, 121.02, 30.02)])) == pytest.approx(
        2 * square_metres(TOWN), rel=1e-9
    )


partitions = st.builds(cut, st.integers(0, 10_000), st.integers(2, 30))


@settings(max_examples=40, deadline=None)
@given(partitions)
def test_cells_that_fit_have_no_seams(cells: list[Cell]) -> None:
    assert fit(cells) == []


@settings(max_examples=40, deadline=None)
@given(partitions, st.data())
def test_every_planted_gap_is_found_with_its_size(cells: list[Cell], data: st.DataObject) -> None:
    """A hole in the middle of some cells, of some square metres each."""
    holed = data.draw(st.sets(st.integers(0, len(cells) - 1), min_size=1, max_size=5))
    planted = {}
    for index in sorted(holed):
        middle = cells[index].shape.representative_point()
        hole = shapely.intersection(middle.buffer(4e-5), cells[index].shape.buffer(-1e-5))
        if square_metres(hole) > 2 * TOLERANCE and isinstance(hole, shapely.Polygon):
            planted[cells[index].code] = square_metres(hole)
            cells = reshaped(cells, index, shapely.difference(cells[index].shape, hole))
    found = {seam.cells: seam for seam in fit(cells)}
    assert set(found) == {(code,) for code in planted}
    for code, area in planted.items():
        seam = found[(code,)]
        assert (seam.kind, seam.town) == (SeamKind.GAP, "west")
        assert seam.square_metres == pytest.approx(area, rel=1e-6)


@settings(max_examples=40, deadline=None)
@given(partitions, st.data())
def test_every_planted_overlap_is_found_with_its_cells(cells: list[Cell], data: st.DataObject) -> None:
    """A cell that takes a piece of each of its neighbours too."""
    index = data.draw(st.integers(0, len(cells) - 1))
    grown = shapely.intersection(cells[index].shape.buffer(1e-4), TOWN)
    expected = {
        tuple(sorted((cells[index].code, other.code)))
        for other in cells
        if other.code != cells[index].code
        and square_metres(shapely.intersection(other.shape, grown)) > TOLERANCE
    }
    found = fit(reshaped(cells, index, grown))
    assert {seam.kind for seam in found} <= {SeamKind.OVERLAP}
    assert {seam.cells for seam in found} == expected
    assert expected


def test_a_cell_that_is_left_out_is_a_gap_that_names_its_neighbours() -> None:
    cells = [Cell("A", "west", box(0, 0, 1, 1)), Cell("C", "west", box(2, 0, 3, 1))]
    [gap] = seams(cells, {"west": box(0, 0, 3, 1)}, TOLERANCE)
    assert (gap.kind, gap.cells, gap.town) == (SeamKind.GAP, ("A", "C"), "west")
    assert gap.square_metres == pytest.approx(square_metres(box(1, 0, 2, 1)))
    assert box(1, 0, 2, 1).contains(shapely.Point(gap.at))


def test_ground_of_another_town_is_reached_beyond() -> None:
    cells = [Cell("A", "west", box(0, 0, 1.5, 1)), Cell("B", "east", box(1.5, 0, 2, 1))]
    found = seams(cells, {"west": box(0, 0, 1, 1), "east": box(1, 0, 2, 1)}, TOLERANCE)
    assert [(seam.kind, seam.cells) for seam in found] == [(SeamKind.BEYOND, ("A",))]


def test_without_cells_all_is_a_gap() -> None:
    assert [seam.kind for seam in fit([])] == [SeamKind.GAP]


def test_what_is_within_the_tolerance_is_no_seam() -> None:
    cells = [Cell("A", "west", box(0, 0, 1, 1)), Cell("B", "west", box(1 - 1e-9, 0, 2, 1))]
    ground = {"west": box(0, 0, 2, 1)}
    assert [seam.kind for seam in seams(cells, ground, 1.0)] == [SeamKind.OVERLAP]
    assert seams(cells, ground, 100.0) == []


@settings(max_examples=40, deadline=None)
@given(partitions, st.lists(st.tuples(st.floats(119.995, 120.025), st.floats(29.995, 30.025)), max_size=30))
def test_locating_agrees_with_looking_at_every_cell(
    cells: list[Cell], points: list[tuple[float, float]]
) -> None:
    town = Cell("T", "west", TOWN)
    ground = Territory([Layer("town", "", "", (town,)), Layer("duty", "", "", tuple(cells))])
    corners = [
        tuple(point) for cell in cells[:5] for point in shapely.get_coordinates(cell.shape)[:3].tolist()
    ]
    for lon, lat in points + corners:
        here = shapely.Point(lon, lat)
        codes = [cell.code for cell in cells if cell.shape.intersects(here)]
        expected = {"town": "T", **({"duty": min(codes)} if codes else {})}
        found = ground.locate(lon, lat)
        assert found == (Location("west", expected) if TOWN.intersects(here) else None)


# Changes.


@settings(max_examples=30, deadline=None)
@given(partitions)
def test_nothing_differs_from_itself(cells: list[Cell]) -> None:
    assert grid_change(cells, cells, 0.0) == GridChange((), ())
    assert not grid_change(cells, list(reversed(cells)), 0.0)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(2, 15))
def test_all_ground_that_changes_hands_is_counted_once(one: int, other: int, count: int) -> None:
    before, after = cut(one, count), cut(other, count)
    change = grid_change(before, after, 0.0)
    kept = sum(
        square_metres(shapely.intersection(a.shape, b.shape)) for a, b in zip(before, after, strict=True)
    )
    moved = sum(handover.square_metres for handover in change.ground)
    # Sides are geodesics, so that a border with more corners runs a little otherwise.
    assert kept + moved == pytest.approx(square_metres(TOWN), rel=1e-4)


def test_what_becomes_of_each_cell() -> None:
    before = [
        Cell("A", "west", box(0, 0, 1, 1), community="1"),
        Cell("B", "west", box(1, 0, 2, 1)),
        Cell("C", "west", box(2, 0, 3, 1)),
    ]
    after = [
        Cell("A", "west", box(0, 0, 1, 1), community="2"),
        Cell("B", "west", box(1, 0, 2.5, 1)),
        Cell("D", "west", box(2.5, 0, 3, 1)),
    ]
    change = grid_change(before, after, TOLERANCE)
    assert [(each.code, each.kind) for each in change.cells] == [
        ("A", ChangeKind.DESCRIBED),
        ("B", ChangeKind.RESHAPED),
        ("C", ChangeKind.REMOVED),
        ("D", ChangeKind.ADDED),
    ]
    assert change.cells[0].detail == "community 1 → 2"
    assert [(each.before, each.after) for each in change.ground] == [("C", "B"), ("C", "D")]
    assert change.ground[0].square_metres == pytest.approx(square_metres(box(2, 0, 2.5, 1)))
