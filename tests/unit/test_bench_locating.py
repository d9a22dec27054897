"""The yardstick for locating: its ground is a partition, and its figures are of the sizes that it says."""

import pytest
import shapely

from bench.locating import measure, territory
from qipan.territory.cell import DUTY_LAYER, TOWN_LAYER
from qipan.territory.seams import seams


@pytest.mark.parametrize("count", [1, 10, 96])
def test_its_ground_is_cut_without_gap_or_overlap_into_as_many_cells_as_asked(count: int) -> None:
    ground = territory(count)
    cells = ground.cells(DUTY_LAYER)
    assert len(cells) == count
    [town] = ground.cells(TOWN_LAYER)
    assert seams(cells, {"town": town.shape}, tolerance=0.01) == []
    assert all(shapely.is_valid(cell.shape) for cell in cells)


def test_it_tells_what_it_measured() -> None:
    found = measure(few=10, many=40, points=50, rounds=1)
    assert (found["few"], found["many"], found["points"]) == (10, 40, 50)
    assert found["us_few"] > 0
    assert found["ratio"] == pytest.approx(found["us_many"] / found["us_few"], rel=0.01)
