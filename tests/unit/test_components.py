"""The component registry: what its file may say, and which component is nearest."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qipan.tenancy import load_district
from qipan.territory.components import Component, Components
from qipan.territory.coordinates import metres_between
from tests.unit.test_pack_faults import faults, written

HEADER = "id,matter,lon,lat,name_zh,name_en,owner"
GOOD = "L-1,s:06010,0.5,0.5,灯,Lamp,sanitation"
LAMP, BIN = "s:01037", "s:03005"


def pack(tmp_path: Path, *lines: str, town: str = "west", header: str = HEADER) -> Path:
    root = written(tmp_path)
    (root / f"towns/{town}/components.csv").write_text("\n".join((header, *lines)) + "\n", encoding="utf-8")
    return root


def test_a_towns_components_are_read(tmp_path: Path) -> None:
    root = pack(tmp_path, GOOD, '"L,2"'.replace(",", "-") + ',s:06010,0.25,0.75,"灯, 二",Lamp 2,sanitation')
    found = load_district(root).components
    assert found.get("L-1") == Component("L-1", "west", "s:06010", 0.5, 0.5, "灯", "Lamp", "sanitation")
    assert found.by_id["L-2"].name_zh == "灯, 二"
    assert found.get("L-3") is None


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("L 2,s:06010,0.5,0.5,灯,Lamp,sanitation", "line 3.id: 'L 2' is no id"),
        (
            "L-1,s:06010,0.5,0.5,灯,Lamp,sanitation",
            "line 3.id: 'L-1' is in towns/west/components.csv, line 2 too",
        ),
        ("L-2,s:09999,0.5,0.5,灯,Lamp,sanitation", "line 3.matter: west knows no matter 's:09999'"),
        ("L-2,s:06010,east,0.5,灯,Lamp,sanitation", "line 3.lon: 'east' is no degree"),
        ("L-2,s:06010,0.5,nan,灯,Lamp,sanitation", "line 3.lat: 'nan' is no degree"),
        ("L-2,s:06010,0.5,91,灯,Lamp,sanitation", "line 3.lat: '91' is no degree"),
        (
            "L-2,s:06010,1.5,0.5,灯,Lamp,sanitation",
            "line 3.lon, lat: lies in 'east' (allowed: a place in west)",
        ),
        ("L-2,s:06010,5,5,灯,Lamp,sanitation", "line 3.lon, lat: lies outside every town"),
        ("L-2,s:06010,0.5,0.5,,Lamp,sanitation", "line 3.name_zh: is missing"),
        (
            "L-2,s:06010,0.5,0.5,灯,Lamp,magic",
            "line 3.owner: there is no department 'magic' (allowed: sanitation",
        ),
        ("L-2,s:06010,0.5", "line 3.(line): has another number of columns than the header"),
        ("L-2,s:06010,0.5,0.5,灯,Lamp,sanitation,9", "line 3.(line): has another number of columns"),
    ],
)
def test_every_fault_says_its_line(tmp_path: Path, line: str, fault: str) -> None:
    found = faults(pack(tmp_path, GOOD, line))
    assert any(each.startswith(f"towns/west/components.csv: {fault}") for each in found), found


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    found = faults(pack(tmp_path, "L 2,s:06010,east,91,灯,Lamp,sanitation", "L-3,s:09999,5,5,灯,Lamp,magic"))
    assert len(found) == 6


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        ("id,matter,lon,lat,name_zh,name_en", "owner: the column is missing"),
        (f"{HEADER},colour", "colour: there is no such column"),
        ("", "id: the column is missing"),
    ],
)
def test_the_header_is_checked(tmp_path: Path, header: str, fault: str) -> None:
    assert f"towns/west/components.csv: {fault}" in faults(pack(tmp_path, GOOD, header=header))[0] or any(
        fault in each for each in faults(pack(tmp_path, GOOD, header=header))
    )


def test_what_is_no_csv_is_a_fault(tmp_path: Path) -> None:
    root = pack(tmp_path)
    (root / "towns/west/components.csv").write_bytes(b"id,matter\n\xff\xfe,1\n")
    assert "is not CSV in UTF-8" in faults(root)[0]


def lamp(id: str, metres: float, *, town: str = "west", matter: str = LAMP) -> Component:
    """A lamp so many metres east of the others."""
    return Component(id, town, matter, 120.0 + metres / 96_299.0, 30.0, "灯", "Lamp", "works")


HERE = (120.0, 30.0)


def test_the_nearest_of_the_towns_and_matters_own_is_found() -> None:
    components = Components(
        [
            lamp("far", 14),
            lamp("near", 6),
            lamp("bin", 1, matter=BIN),
            lamp("other-towns", 2, town="east"),
        ]
    )
    found = components.nearest("west", LAMP, HERE, 15)
    assert found is not None
    assert found.component.id == "near"
    assert found.metres == pytest.approx(6, abs=0.1)
    assert found.confidence == pytest.approx(14 / 20, abs=0.01)


def test_alone_a_component_is_the_surer_the_nearer_it_is() -> None:
    near, far = (Components([lamp("a", metres)]).nearest("west", LAMP, HERE, 15) for metres in (1, 14))
    assert near is not None
    assert far is not None
    assert 0.5 < far.confidence < near.confidence < 1.0


def test_of_two_in_one_place_each_is_as_likely() -> None:
    found = Components([lamp("b", 0), lamp("a", 0)]).nearest("west", LAMP, HERE, 15)
    assert found is not None
    assert (found.component.id, found.confidence) == ("a", 0.5)


@pytest.mark.parametrize(("metres", "within"), [(16, 15), (1, 0), (1, -1)])
def test_what_is_too_far_or_not_asked_for_is_not_found(metres: float, within: float) -> None:
    assert Components([lamp("a", metres)]).nearest("west", LAMP, HERE, within) is None
    assert Components().nearest("west", LAMP, HERE, within) is None


spots = st.tuples(st.floats(119.999, 120.001), st.floats(29.999, 30.001))


@given(st.lists(spots, max_size=30), spots, st.floats(1, 200))
def test_the_nearest_agrees_with_looking_at_every_one(
    places: list[tuple[float, float]], here: tuple[float, float], within: float
) -> None:
    components = [
        Component(f"{index:02d}", "west", LAMP, *place, "灯", "Lamp", "works")
        for index, place in enumerate(places)
    ]
    distances = sorted((metres_between(here, each.point), each.id) for each in components)
    found = Components(components).nearest("west", LAMP, here, within)
    if not distances or distances[0][0] > within:
        assert found is None
    else:
        assert found is not None
        assert (found.metres, found.component.id) == distances[0]
        assert 0.5 <= found.confidence <= 1.0


def test_xihus_sample_is_labelled_as_made_up() -> None:
    components = load_district(Path("districts/xihu")).components.by_id.values()
    assert components
    assert all(component.synthetic for component in components)
