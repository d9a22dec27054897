import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from shapely import MultiPolygon, box

from qipan.territory import Cell
from qipan.territory.geojson import GeoFault, read_cells, read_outline, write_cells

SQUARE = [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]
BOW_TIE = [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]


def feature(coordinates: Any = SQUARE, type: str = "Polygon", **properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": {"code": "1", "town": "west", **properties},
        "geometry": {"type": type, "coordinates": coordinates},
    }


def written(tmp_path: Path, *features: Any) -> Path:
    path = tmp_path / "cells.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def test_what_is_written_is_read(tmp_path: Path):
    cells = [
        Cell("1", "west", box(0, 0, 1, 1), "西", "West", "9", 120, True, date(2025, 1, 1), date(2026, 1, 1)),
        Cell("2", "east", MultiPolygon([box(1, 0, 2, 1), box(5, 5, 6, 6)]), "2", "2"),
    ]
    write_cells(tmp_path / "cells.geojson", cells, "a note")
    assert read_cells(tmp_path / "cells.geojson") == cells
    assert json.loads((tmp_path / "cells.geojson").read_text())["note"] == "a note"


def test_a_cell_without_a_name_is_called_by_its_code(tmp_path: Path):
    (cell,) = read_cells(written(tmp_path, feature()))
    assert (cell.name_zh, cell.name_en) == ("1", "1")


def test_all_faults_are_told_at_once(tmp_path: Path):
    path = written(
        tmp_path,
        feature(colour="red"),
        feature(BOW_TIE),
        feature([0, 0], "Point"),
        feature("nonsense"),
        {"type": "Feature"},
        feature(code=""),
        feature(),
    )
    with pytest.raises(GeoFault) as caught:
        read_cells(path)
    where = [where for where, _ in caught.value.faults]
    assert where == [
        "features[0].properties.colour",
        "features[1].geometry",
        "features[2].geometry",
        "features[3].geometry",
        "features[4].properties",
        "features[4].geometry",
        "features[5].properties.code",
    ]
    assert "Self-intersection" in caught.value.faults[1][1]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"features": 3}', "\udcff"])
def test_what_is_no_collection_is_a_fault(tmp_path: Path, text: str):
    path = tmp_path / "cells.geojson"
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(GeoFault):
        read_cells(path)


def test_a_missing_file_is_a_fault(tmp_path: Path):
    with pytest.raises(GeoFault, match="No such file"):
        read_cells(tmp_path / "none.geojson")


def test_an_outline_is_the_union_of_its_polygons(tmp_path: Path):
    assert read_outline(written(tmp_path, feature(), feature())).area == 1.0
    with pytest.raises(GeoFault, match="no outline"):
        read_outline(written(tmp_path, {"type": "Feature"}))
