"""gazetteer.toml: what may be wrong with it is told with its file, its place and what would do."""

from pathlib import Path
from typing import Any

import pytest

from qipan.tenancy import load_district
from qipan.territory.coordinates import metres_between
from tests.unit.test_pack_faults import WORDS, faults, written


def place(**values: Any) -> dict[str, Any]:
    return {
        "name": {"zh": "灵隐寺", "en": "Temple"},
        "kind": "temple",
        "lon": 0.5,
        "lat": 0.5,
        "reach": 100,
        **values,
    }


def pack(tmp_path: Path, *places: dict[str, Any], file: str = "gazetteer.toml", **keys: Any) -> Path:
    return written(tmp_path, lambda files: files.update({file: {**keys, "places": list(places)}}))


def test_a_landmark_belongs_to_the_town_it_lies_in(tmp_path: Path) -> None:
    gazetteer = load_district(pack(tmp_path, place(), place(name=WORDS | {"zh": "东门"}, lon=1.5))).gazetteer
    assert [(landmark.name_zh, landmark.town) for landmark in gazetteer.landmarks] == [
        ("灵隐寺", "west"),
        ("东门", "east"),
    ]


def test_a_town_may_have_landmarks_of_its_own(tmp_path: Path) -> None:
    root = pack(tmp_path, place(lon=1.5), file="towns/east/gazetteer.toml")
    [landmark] = load_district(root).gazetteer.landmarks
    assert landmark.town == "east"


def test_a_file_in_another_coordinate_system_is_converted(tmp_path: Path) -> None:
    # Outside China the systems agree: 0.5, 0.5 is in the sea.
    [landmark] = load_district(pack(tmp_path, place(), coordinate_system="bd09")).gazetteer.landmarks
    assert 500 < metres_between(landmark.point, (0.5, 0.5)) < 2000


def test_places_that_share_an_alias_are_told_apart_by_whoever_asks(tmp_path: Path) -> None:
    two = [
        place(aliases=["古寺"], name={"zh": "甲寺", "en": "A Temple"}, lon=0.2),
        place(aliases=["古寺"], name={"zh": "乙寺", "en": "B Temple"}, lon=1.8),
    ]
    found = load_district(pack(tmp_path / "two", *two)).gazetteer.find("古寺门口", 0.85)
    assert found.ambiguous
    assert len(found.candidates) == 2


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (place(lon=5.0), "gazetteer.toml: places[1].lon, lat: lies outside every town"),
        (place(), "gazetteer.toml: places[1].name: '灵隐寺' is the name of places[0] too"),
        (place(name={"zh": "寺", "en": "Another"}), "gazetteer.toml: places[1]: the name '寺' is too short"),
        (place(name=WORDS, aliases=["！"]), "gazetteer.toml: places[1]: the name '！' is too short"),
        (place(lon=181), "gazetteer.toml: places.1.lon: Input should be less than or equal to 180"),
        (place(reach=0), "gazetteer.toml: places.1.reach: Input should be greater than 0"),
        (place(kind="a temple"), "gazetteer.toml: places.1.kind: String should match pattern"),
        (place(colour="red"), "gazetteer.toml: places.1.colour: Extra inputs are not permitted"),
    ],
    ids=["outside", "twice", "short", "punctuation", "degrees", "reach", "kind", "key"],
)
def test_a_fault_says_which_place(tmp_path: Path, wrong: dict[str, Any], fault: str) -> None:
    found = faults(pack(tmp_path, place(), wrong))
    assert any(each.startswith(fault) for each in found), found


def test_a_towns_landmark_in_another_town_is_a_fault(tmp_path: Path) -> None:
    [found] = faults(pack(tmp_path, place(), file="towns/east/gazetteer.toml"))
    assert found == (
        "towns/east/gazetteer.toml: places[0].lon, lat: lies in 'west' "
        "(allowed: a place in east, or the district's file)"
    )


def test_what_is_no_toml_is_a_fault(tmp_path: Path) -> None:
    root = written(tmp_path)
    (root / "gazetteer.toml").write_text("[[places")
    assert faults(root)[0].startswith("gazetteer.toml: is not TOML")
