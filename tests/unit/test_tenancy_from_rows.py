"""A second district, made from a sample of another city's real list of service requests."""

import csv
import json
from pathlib import Path

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from qipan.tenancy import District, PackError, is_tenant_id, load_district
from qipan.tenancy.from_rows import build_pack, department_of, point_of, sighting, slug
from qipan.tenancy.mapping import ReplayMapping, load_mapping

HERE = Path(__file__).parents[1]
MAPPING_FILE = HERE.parent / "exercise" / "mappings" / "baltimore.toml"
DISTRICTS = "central eastern northeastern northern northwestern southeastern southern southwestern western"


@pytest.fixture(scope="module")
def mapping() -> ReplayMapping:
    return load_mapping(MAPPING_FILE)


@pytest.fixture(scope="module")
def rows(mapping: ReplayMapping) -> list[dict[str, str | None]]:
    with (HERE / "data" / "baltimore_311_sample.csv").open(encoding=mapping.encoding, newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def baltimore(rows, mapping, tmp_path_factory) -> District:
    return load_district(build_pack(rows, mapping, tmp_path_factory.mktemp("packs") / "baltimore"))


def test_the_towns_are_the_citys_districts(baltimore: District):
    assert [town.id for town in baltimore.towns] == DISTRICTS.split()
    assert sum(town.population for town in baltimore.towns) == 602_000
    assert baltimore.zone == "America/New_York"


def test_agencies_are_departments_with_a_unit_in_every_town(baltimore: District):
    departments = {department.id for department in baltimore.departments}
    assert {"solid-waste", "transportation", "recreation-parks"} <= departments
    assert "mayor-s-office" not in departments
    for town in baltimore.towns:
        assert {unit.department for unit in baltimore.units_of(town.id)} == departments


def test_request_types_are_matters_that_somebody_handles(baltimore: District, rows):
    by_name = {matter.name.en: matter for matter in baltimore.matters_of("baltimore").values()}
    assert set(by_name) == {row["SRType"] for row in rows}
    assert by_name["SW-Dirty Alley"].department == "solid-waste"
    assert by_name["SW-Dirty Alley"].code.startswith("x-baltimore:sr:")


def test_the_ground_has_neither_gap_nor_overlap(baltimore: District, mapping: ReplayMapping):
    for layer in ("town", "community", "duty"):
        shapes = [cell.shape for cell in baltimore.territory.cells(layer)]
        assert shapely.coverage_is_valid(shapes)
    assert 0.9 * mapping.cells.duty <= len(baltimore.territory.cells("duty")) <= mapping.cells.duty
    assert all(cell.synthetic for cell in baltimore.territory.cells("duty"))


def test_most_rows_lie_in_the_town_that_they_name(baltimore: District, rows, mapping: ReplayMapping):
    seen = [(row, found) for row in rows if (found := sighting(row, mapping)) is not None]
    located = [(row, baltimore.territory.locate(*found.point)) for row, found in seen]
    assert all(place is not None for _, place in located)
    agreed = sum(place.town == slug(row["PoliceDistrict"]) for row, place in located)
    assert agreed >= 0.9 * len(located)


def test_a_place_rounded_to_whole_degrees_is_nowhere(baltimore: District, rows, mapping: ReplayMapping):
    rounded = [row for row in rows if point_of(row, mapping) == (-77.0, 39.0)]
    assert len(rounded) > 50
    assert all(sighting(row, mapping) is None for row in rounded)
    assert baltimore.territory.locate(-77.0, 39.0) is None


ROW = {"PoliceDistrict": "Eastern", "Longitude": "-76.59", "Latitude": "39.3", "Agency": "BCIT"}


@pytest.mark.parametrize(
    "change",
    [
        {"PoliceDistrict": " "},
        {"PoliceDistrict": None},
        {"Latitude": None},
        {"Latitude": ""},
        {"Latitude": "north"},
        {"Latitude": "nan"},
        {"Longitude": "-inf"},
        {"Longitude": "-76", "Latitude": "39"},
        {"Longitude": "-76.3"},
    ],
)
def test_rows_that_say_nothing_about_the_ground(mapping: ReplayMapping, change: dict[str, str | None]):
    assert sighting(ROW, mapping) is not None
    assert sighting({**ROW, **change}, mapping) is None


def test_departments_of_several_names_are_one(mapping: ReplayMapping):
    assert department_of(ROW, mapping) == "call-center"


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("Recreation & Parks", "recreation-parks"),
        ("9", "x-9"),
        ("  Northern ", "northern"),
        ("A" * 31, "a" * 31),
        ("A" * 60, "a" * 24 + "-c5fb23"),
        ("三墩镇", "x-d2a655"),
        ("São Paulo", "sao-paulo"),
        ("3rd district", "x-3rd-district"),
    ],
)
def test_names_become_ids(name: str, id: str):
    assert slug(name) == id


@given(st.text(max_size=60))
def test_any_name_becomes_an_id(name: str):
    assert is_tenant_id(slug(name + "1"))


@given(st.sets(st.text("三墩镇街道", min_size=1, max_size=8), min_size=2, max_size=2))
def test_two_chinese_names_stay_two(names: set[str]):
    assert len({slug(name) for name in names}) == 2


def test_the_same_rows_make_the_same_pack(rows, mapping: ReplayMapping, tmp_path: Path):
    one, other = (build_pack(rows, mapping, tmp_path / name) for name in "ab")
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert len(files) == 4 + 3 + 9
    assert all((one / file).read_bytes() == (other / file).read_bytes() for file in files)
    assert "Synthetic" in json.loads((one / "grids" / "duty.geojson").read_text())["note"]


def test_too_few_rows_make_no_pack(rows, mapping: ReplayMapping, tmp_path: Path):
    with pytest.raises(PackError, match="for 360 cells"):
        build_pack(rows[:20], mapping, tmp_path)
    with pytest.raises(PackError, match="there is no row"):
        build_pack([], mapping, tmp_path)


def test_a_column_that_is_not_there_is_told_with_those_that_are(rows, mapping: ReplayMapping, tmp_path: Path):
    other = [
        {("Area" if key == "PoliceDistrict" else key): value for key, value in row.items()} for row in rows
    ]
    with pytest.raises(PackError, match=r"rows: PoliceDistrict: there is no such column \(allowed: .*Area"):
        build_pack(other, mapping, tmp_path)


def test_a_column_of_the_text_that_is_not_there_is_told(rows, mapping: ReplayMapping, tmp_path: Path):
    other = mapping.model_copy(update={"text": "{SRType} at {Place}"})
    with pytest.raises(PackError, match="rows: Place: there is no such column"):
        build_pack(rows, other, tmp_path)


def test_towns_in_chinese_letters_are_as_good(rows, mapping: ReplayMapping, tmp_path: Path):
    names = {"Northern": "北城", "Southern": "南城"}
    other = [
        {**row, "PoliceDistrict": names.get(row["PoliceDistrict"], row["PoliceDistrict"])} for row in rows
    ]
    district = load_district(build_pack(other, mapping, tmp_path))
    assert {"北城", "南城", "Central"} <= {town.name.zh for town in district.towns}


def test_a_broken_mapping_tells_all_its_faults(tmp_path: Path):
    path = tmp_path / "m.toml"
    path.write_text(
        MAPPING_FILE.read_text()
        .replace("duty = 360", "duty = 0")
        .replace("time_format", "format")
        .replace("39.19", "39.5")
    )
    with pytest.raises(PackError) as caught:
        load_mapping(path)
    assert {fault.key for fault in caught.value.faults} == {
        "cells.duty",
        "time_format",
        "format",
        "district.bounds",
    }
    path.write_text("district = ")
    with pytest.raises(PackError, match="is not TOML"):
        load_mapping(path)
    with pytest.raises(PackError, match="cannot be read"):
        load_mapping(tmp_path / "none.toml")
