"""An address names a landmark: as written, nearly so, one of several, or none."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qipan.tenancy import District, load_district
from qipan.territory.addresses import normalised, telling_marks
from qipan.territory.coordinates import System, to_wgs84, wgs84_to_bd09, wgs84_to_gcj02
from qipan.territory.gazetteer import SUGGESTIONS, Finding, Gazetteer
from qipan.territory.landmark import Landmark

LIKENESS = 0.85


def place(
    zh: str, en: str, metres: float = 0.0, *aliases: str, reach: float = 100.0, town: str = "west"
) -> Landmark:
    """A landmark so many metres east of the others."""
    return Landmark(zh, en, 120.0 + metres / 96_000, 30.0, "place", reach, town, aliases)


LAKE = place("西湖", "West Lake", reach=2000.0)
BRIDGE = place("断桥残雪", "Broken Bridge", 1500, "断桥")
SQUARE = place("西湖文化广场", "West Lake Cultural Square", 5000)
NORTH = place("浙江大学紫金港校区", "Zijingang Campus", 8000, "浙江大学")
SOUTH = place("浙江大学玉泉校区", "Yuquan Campus", 2000, "浙江大学")
MARKET_WEST = place("翠苑农贸市场一区", "Cuiyuan Market", 100, "菜市场")
MARKET_EAST = place("文新农贸市场", "Wenxin Market", 9000, "菜市场", town="east")
BUILDING = place("3号楼", "Building 3", 300, reach=20)
WETLAND = place("西溪国家湿地公园", "Xixi National Wetland Park", 12_000, reach=2000)
ALL = (LAKE, BRIDGE, SQUARE, NORTH, SOUTH, MARKET_WEST, MARKET_EAST, BUILDING)
GAZETTEER = Gazetteer(ALL, {"西湖区": None, "Xihu District": None, "西镇": "west", "东镇": "east"})


def find(address: str, town: str | None = None) -> Finding:
    return GAZETTEER.find(address, LIKENESS, town)


def meant(address: str, town: str | None = None) -> Landmark | None:
    found = find(address, town).meant
    return None if found is None else found.landmark


@pytest.mark.parametrize(
    ("address", "landmark"),
    [
        ("西湖边的长椅", LAKE),
        ("西湖 文化广场，地铁口", SQUARE),
        ("ＷＥＳＴ　ｌａｋｅ, south bank", LAKE),
        ("West Lake Cultural Square", SQUARE),
        ("杭州市西湖区断桥残雪", BRIDGE),
        ("西湖断桥", BRIDGE),
        ("浙江大学紫金港校区东四教学楼", NORTH),
        ("浙江大学 玉泉校区", SOUTH),
        ("小区3号楼下", BUILDING),
        ("西镇菜市场门口", MARKET_WEST),
        ("东镇的菜市场", MARKET_EAST),
    ],
)
def test_the_longest_and_most_specific_name_is_meant(address: str, landmark: Landmark) -> None:
    found = find(address)
    assert found.meant is not None
    assert (found.meant.landmark, found.meant.confidence) == (landmark, 1.0)


@pytest.mark.parametrize(
    "address", ["杭州市西湖区", "Xihu District", "13号楼", "westlake", "十一路", "", "!!!", "文三路478号"]
)
def test_what_names_no_landmark_means_none(address: str) -> None:
    found = find(address)
    assert found.meant is None
    assert not found.ambiguous


def test_a_name_of_several_places_apart_is_ambiguous_and_tells_which() -> None:
    found = find("浙江大学门口")
    assert found.ambiguous
    assert {match.landmark for match in found.candidates} == {NORTH, SOUTH}
    assert {match.landmark for match in find("菜市场").candidates} == {MARKET_WEST, MARKET_EAST}
    assert meant("菜市场", town="east") == MARKET_EAST


def test_two_places_that_lie_apart_cannot_both_be_meant() -> None:
    assert find("西湖文化广场和断桥残雪之间").ambiguous


@pytest.mark.parametrize(
    ("address", "landmark"),
    [
        ("在西溪国家湿地工园北门", WETLAND),
        ("zijingang kampus", NORTH),
        ("近 West Lake Cultrual Square 地铁站", SQUARE),
    ],
)
def test_a_name_nearly_as_written_is_taken_with_less_confidence(address: str, landmark: Landmark) -> None:
    gazetteer = Gazetteer([landmark, MARKET_EAST])
    found = gazetteer.find(address, LIKENESS).meant
    assert found is not None
    assert found.landmark == landmark
    assert LIKENESS <= found.confidence < 1.0
    assert gazetteer.find(address, 1.0).meant is None


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("翠苑农贸市场一区", "翠苑农贸市场二区"),
        ("文一西路农贸市场", "文二西路农贸市场"),
        ("古荡街道第12居民小区", "古荡街道第13居民小区"),
        ("3号楼", "13号楼"),
    ],
)
def test_names_that_differ_in_a_number_are_never_alike(name: str, address: str) -> None:
    assert Gazetteer([place(name, "Hangzhou East Station")]).find(address, 0.5).meant is None
    assert Gazetteer([place(name, "Hangzhou East Station")]).find(name, 0.5).meant is not None


def test_names_that_differ_in_a_direction_are_never_alike() -> None:
    gazetteer = Gazetteer([place("火车站", "Hangzhou East Station")])
    assert gazetteer.find("hangzhou west station", 0.5).meant is None
    assert gazetteer.find("hangzou east station", 0.85).meant is not None


def test_who_names_nothing_is_told_what_is_called_alike() -> None:
    found = find("玉泉的校区")
    assert found.meant is None
    assert not found.named
    assert len(found.candidates) <= SUGGESTIONS
    assert SOUTH in [match.landmark for match in found.candidates]


@given(st.text(max_size=60))
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)


@given(
    st.sampled_from(ALL),
    st.sampled_from(["", "在", " near ", "，"]),
    st.sampled_from(["", "旁边", ", gate", "。"]),
)
def test_every_landmark_is_found_by_each_name_of_its_own(landmark: Landmark, before: str, after: str) -> None:
    for name in (landmark.name_zh, landmark.name_en):
        assert meant(f"{before}{name}{after}") == landmark


@given(st.text(max_size=300), st.floats(0.3, 1))
def test_whatever_is_written_the_answer_is_one_several_or_none(text: str, likeness: float) -> None:
    found = GAZETTEER.find(text, likeness)
    assert found.meant is None or found.meant in found.candidates
    assert all(0.0 < match.confidence <= 1.0 for match in found.candidates)


def test_telling_marks() -> None:
    assert telling_marks("文一西路478号") == {"一": 1, "西": 1, "478": 1}


def test_without_landmarks_nothing_is_found() -> None:
    assert Gazetteer().find("西湖", LIKENESS) == Finding(None, (), named=False)


# Xihu's own.


@pytest.fixture(scope="module")
def xihu() -> District:
    return load_district(Path("districts/xihu"))


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("西湖区灵隐寺山门", "灵隐寺"),
        ("Xixi Wetland, north gate", "西溪国家湿地公园"),
        ("黄龙体育中心东门", "黄龙体育中心"),
        ("浙大紫金港校区图书馆", "浙江大学紫金港校区"),
        ("西湖断桥", "断桥残雪"),
    ],
)
def test_xihu_knows_its_landmarks(xihu: District, address: str, name: str) -> None:
    found = xihu.gazetteer.find(address, LIKENESS).meant
    assert found is not None
    assert found.landmark.name_zh == name
    assert found.landmark.approximate


def test_a_landmark_and_its_coordinates_in_any_system_lie_in_the_same_cells(xihu: District) -> None:
    for landmark in xihu.gazetteer.landmarks:
        found = xihu.gazetteer.find(landmark.name_zh, LIKENESS).meant
        assert found is not None
        assert found.landmark == landmark
        here = xihu.territory.locate(*landmark.point)
        assert here is not None
        assert here.town == landmark.town
        for system, convert in ((System.GCJ02, wgs84_to_gcj02), (System.BD09, wgs84_to_bd09)):
            assert xihu.territory.locate(*to_wgs84(*convert(*landmark.point), system)) == here
