"""By which words, cells and tiles a case is found."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qipan.contracts.case import CaseState, Place, Stage
from qipan.contracts.errors import Invalid
from qipan.contracts.filters import CaseFilters
from services.dispatch.finding import sought
from services.dispatch.words import Box, Term, entries, terms, ts_query

NOON = datetime(2026, 5, 11, 4, tzinfo=UTC)
TEXTS = st.text("路边垃圾成堆灯不亮ab12 ，", max_size=14)


def case(summary: str, lon: float = 120.085, lat: float = 30.325, address: str | None = None) -> CaseState:
    return CaseState(
        case_id="c1",
        report_id="r1",
        tenant="sandun",
        version=1,
        stage=Stage.FILED,
        matter="s:06010",
        place=Place(lon=lon, lat=lat, address=address, cells={"duty": "330106109001001"}),
        summary=summary,
        channel="app",
        received_at=NOON,
        filed_at=NOON,
    )


def finds(text: str, summary: str, address: str | None = None) -> bool:
    """What the index answers: every term is an entry, or the beginning of one."""
    held = entries(case(summary, address=address))
    return all(
        any(
            entry == f"sandun/{t.entry}" or (t.begins and entry.startswith(f"sandun/{t.entry}"))
            for entry in held
        )
        for t in terms(text)
    )


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("垃圾", "路边垃圾成堆"),
        ("堆", "路边垃圾成堆"),
        ("路", "路边垃圾成堆"),
        ("垃圾 文三路", "文三路有垃圾"),
        ("12号", "丰潭路12号楼"),
        ("１２", "丰潭路12号楼"),
        ("RUBB", "Rubbish by the road"),
        ("road rubbish", "Rubbish by the road"),
    ],
)
def test_what_is_written_there_is_found(text: str, summary: str) -> None:
    assert finds(text, summary)


@pytest.mark.parametrize(
    ("text", "summary"),
    [("圾垃", "路边垃圾成堆"), ("垃圾 灯", "路边垃圾"), ("ubbish", "rubbish"), ("路灯", "路边的灯")],
)
def test_what_is_not_written_there_is_not(text: str, summary: str) -> None:
    assert not finds(text, summary)


def test_the_address_is_searched_as_well() -> None:
    assert finds("丰潭路", "垃圾", address="丰潭路 3 号")


@given(TEXTS, TEXTS, TEXTS)
def test_every_part_of_a_chinese_text_finds_it(before: str, part: str, after: str) -> None:
    part = "".join(c for c in part if c > "z")
    assert finds(part, before + part + after)


def test_matter_cells_and_tiles_are_entries_of_the_tenant() -> None:
    held = entries(case("x"))
    assert {"sandun/ms:06010", "sandun/c330106109001001", "sandun/tx"} <= set(held)
    assert all(entry.startswith("sandun/") for entry in held)


@given(
    st.floats(119.9, 120.2),
    st.floats(30.0, 30.4),
    st.floats(0, 0.1),
    st.floats(0, 0.1),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_whatever_lies_in_a_window_lies_in_one_of_its_tiles(
    west: float, south: float, width: float, height: float, x: float, y: float
) -> None:
    box = Box(west, south, west + width, south + height)
    tiles = box.tiles()
    assert len(tiles) <= 36
    held = entries(case("", lon=min(west + x * width, box.east), lat=min(south + y * height, box.north)))
    assert not tiles or not {f"sandun/{tile}" for tile in tiles}.isdisjoint(held)


def test_a_window_of_half_the_world_names_no_tiles() -> None:
    assert Box(-180, -90, 180, 90).tiles() == ()


def test_a_query_quotes_what_it_is_given() -> None:
    assert ts_query(("b", "a"), [[Term("mx'&\\"), Term("t1", begins=True)]]) == (
        "(('a/mx''&\\\\' | 'a/t1':*)) | (('b/mx''&\\\\' | 'b/t1':*))"
    )


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"text": "!?，"}, "text"),
        ({"bbox": "1,2,3"}, "bbox"),
        ({"bbox": "121,30,120,31"}, "bbox"),
        ({"bbox": "nan,30,120,31"}, "bbox"),
        ({"filed_from": NOON, "filed_until": NOON}, "filed_until"),
    ],
)
def test_filters_that_mean_nothing_are_refused(given: dict[str, object], where: str) -> None:
    with pytest.raises(Invalid) as refused:
        sought(CaseFilters(**given), lambda: NOON)
    assert [fault.where for fault in refused.value.faults] == [where]


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        sought(CaseFilters(text="!", bbox="x"), lambda: NOON)
    assert len(refused.value.faults) == 2
