from datetime import UTC, date, datetime

import pytest
from shapely import box

from qipan.territory import Cell, Layer, Location, Territory

WEST, EAST = box(0, 0, 1, 1), box(1, 0, 2, 1)


def territory(*cells: Cell, **layers: tuple[Cell, ...]) -> Territory:
    towns = cells or (Cell("T1", "west", WEST), Cell("T2", "east", EAST))
    return Territory(
        [Layer("town", "镇街", "Town", towns), *(Layer(id, id, id, own) for id, own in layers.items())],
        "Asia/Shanghai",
    )


def test_a_point_lies_in_one_cell_of_each_layer():
    ground = territory(
        duty=(Cell("D1", "west", WEST), Cell("D2", "east", EAST)), squad=(Cell("S", "west", WEST),)
    )
    assert ground.locate(0.5, 0.5) == Location("west", {"town": "T1", "duty": "D1", "squad": "S"})
    assert ground.locate(1.5, 0.5) == Location("east", {"town": "T2", "duty": "D2"})


@pytest.mark.parametrize("point", [(2.5, 0.5), (-1e-9, 0.5), (float("nan"), 0.5), (39.0, -77.0)])
def test_a_point_in_no_town_is_nowhere(point: tuple[float, float]):
    assert territory().locate(*point) is None


def test_a_cell_of_another_layer_alone_is_nowhere():
    assert territory(squad=(Cell("S", "west", box(5, 5, 6, 6)),)).locate(5.5, 5.5) is None


@pytest.mark.parametrize("cells", [("T1", "T2"), ("T2", "T1")])
def test_on_a_border_the_lowest_code_wins_whatever_the_order(cells: tuple[str, str]):
    towns = {"T1": Cell("T1", "west", WEST), "T2": Cell("T2", "east", EAST)}
    ground = territory(*(towns[code] for code in cells))
    for lat in (0.0, 0.25, 1.0):
        assert ground.locate(1.0, lat) == Location("west", {"town": "T1"})


def test_the_outer_border_belongs_to_the_town():
    assert territory().locate(0.0, 0.0) == Location("west", {"town": "T1"})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


REFORM = date(2025, 7, 1)
DATED = (Cell("OLD", "west", WEST, valid_until=REFORM), Cell("NEW", "west", WEST, valid_from=REFORM))


def test_a_case_keeps_the_cells_of_its_time():
    ground = territory(duty=DATED)
    # Midnight in Shanghai is 16:00 UTC the day before.
    assert ground.locate(0.5, 0.5, at("2025-06-30T15:59:59")).cells["duty"] == "OLD"
    assert ground.locate(0.5, 0.5, at("2025-06-30T16:00:00")).cells["duty"] == "NEW"


def test_without_a_time_the_newest_partition_holds():
    assert territory(duty=DATED).locate(0.5, 0.5).cells["duty"] == "NEW"


def test_a_cell_that_is_over_leaves_a_gap():
    ground = territory(duty=(Cell("OLD", "west", WEST, valid_until=REFORM),))
    assert "duty" not in ground.locate(0.5, 0.5, at("2026-01-01T00:00:00")).cells


def test_cells_are_found_by_code_and_by_town():
    ground = territory()
    assert ground.cell("town", "T2").town == "east"
    assert ground.cell("town", "T9") is None
    assert [cell.code for cell in ground.cells("town")] == ["T1", "T2"]
    assert [cell.code for cell in ground.cells("town", "east")] == ["T2"]
    assert ground.cells("beats") == ()
