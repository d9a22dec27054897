"""Cases as a file: nothing that a spreadsheet carries out, nobody named, page by page, bounded."""

import csv
import io
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook
from starlette.testclient import TestClient

from qipan.access import Role, Verifier
from qipan.contracts.case import CaseState, Place, Stage
from qipan.contracts.errors import Forbidden
from qipan.contracts.queries import CaseList
from qipan.contracts.search import SearchCases
from qipan.observability.health import Health
from qipan.personal import masked
from qipan.tenancy import load_district
from services.gateway import export
from services.gateway.parts import Parts
from services.gateway.sheet import COLUMNS, guarded
from services.gateway.web import create_app
from tests.unit.test_gateway_routes import VERIFY, bearer

DISTRICT = load_district(Path("districts/xihu"))
WHEN = "2026-03-01T08:00:00Z"
EVIL = '=HYPERLINK("http://evil","x")'


def case(number: int, summary: str = "路边垃圾") -> CaseState:
    return CaseState(
        case_id=f"c{number}",
        report_id=f"r{number}",
        tenant="sandun",
        version=3,
        stage=Stage.CLOSED,
        matter="s:06010",
        place=Place(lon=120.1, lat=30.3, cells={"duty": "330106109001001"}, address="@丰潭路"),
        summary=summary,
        channel="citizen",
        received_at=WHEN,
        filed_at=WHEN,
        department="sanitation",
        unit="sandun/sweep",
        worker="sandun.sweep.1",
    )


class Searches:
    """Answers searches out of a list of cases, page by page."""

    def __init__(self, cases: list[CaseState]) -> None:
        self.cases, self.asked, self.error = cases, [], None

    def submit(self, request: SearchCases, **_: Any) -> Future[Any]:
        self.asked.append(request)
        future: Future[Any] = Future()
        if self.error is not None:
            future.set_exception(self.error)
            return future
        start = int(request.after or 0)
        end = start + request.limit
        more = str(end) if end < len(self.cases) else None
        future.set_result(CaseList(cases=tuple(self.cases[start:end]), next=more))
        return future


@pytest.fixture
def searches() -> Searches:
    return Searches([case(1), case(2, EVIL), case(3, "电话13812345678，身份证330106199001011234")])


@pytest.fixture
def client(searches: Searches) -> Iterator[TestClient]:
    parts: Any = Parts(
        district=DISTRICT,
        verifier=Verifier(VERIFY),
        sessions=None,
        caller=searches,
        door=None,
        live=None,
        inbox=None,
    )
    with TestClient(create_app(lambda: parts, Health())) as client:
        yield client


def exported(client: TestClient, query: str = "", **headers: str) -> list[list[Any]]:
    answer = client.get(f"/v1/cases/export?{query}", headers={**bearer("sandun", Role.TOWN_LEAD), **headers})
    assert answer.status_code == 200, answer.text
    assert "attachment" in answer.headers["content-disposition"]
    if answer.headers["content-type"].startswith("text/csv"):
        assert answer.content.startswith(b"\xef\xbb\xbf")
        return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    sheet = load_workbook(io.BytesIO(answer.content)).worksheets[0]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n"}  # and no formula
    return [["" if value is None else value for value in row] for row in sheet.iter_rows(values_only=True)]


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_a_file_has_a_row_for_every_case_in_the_readers_words(client: TestClient, format: str) -> None:
    zh = exported(client, f"format={format}")
    en = exported(client, f"format={format}", **{"Accept-Language": "en"})
    assert (zh[0][0], en[0][0]) == ("案件编号", "Case")
    assert [row[0] for row in zh[1:]] == ["c1", "c2", "c3"]
    assert len({len(row) for row in zh}) == 1
    town, stage, matter = zh[1][2], zh[1][3], zh[1][5]
    assert (town, stage, matter) == ("三墩镇", "已结案", "暴露垃圾")
    assert zh[1][14] == "2026-03-01 16:00:00"
    assert en[1][2] != town


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_no_cell_is_a_formula_and_nobody_is_named(client: TestClient, format: str) -> None:
    rows = exported(client, f"format={format}")
    cells = [str(cell) for row in rows for cell in row]
    assert f"'{EVIL}" in cells
    assert "'@丰潭路" in cells
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]
    text = "".join(cells)
    for personal in ("13812345678", "330106199001011234", "sandun.sweep.1"):
        assert personal not in text
    assert "138****5678" in text


@given(st.text(max_size=30))
def test_whatever_is_written_is_text_to_a_spreadsheet(text: str) -> None:
    shown = guarded(text)
    assert shown.lstrip()[:1] not in ("=", "+", "-", "@", "＝", "＋", "－", "＠")
    assert shown[:1] not in ("\t", "\r", "\n")


def test_only_numbers_of_people_are_hidden() -> None:
    assert masked("井盖 10086，门牌 138123456789") == "井盖 10086，门牌 138123456789"
    assert masked("打 138 1234 5678 或13912345678") == "打 138****5678 或139****5678"
    assert masked("33010619900101123x") == "330106********123x"
    assert masked("0571-87654321 或 li.si@example.com") == "*** 或 ***"


def test_it_reads_page_by_page_with_the_filters_of_a_search(
    client: TestClient, searches: Searches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "PAGE", 2)
    rows = exported(client, "stages=closed&text=垃圾&filed_from=2026-03-01T00:00:00Z")
    assert len(rows) == 4
    assert [one.after for one in searches.asked] == [None, "2"]
    for asked in searches.asked:
        assert (asked.stages, asked.text, asked.limit, asked.order) == ((Stage.CLOSED,), "垃圾", 2, "oldest")


@pytest.mark.parametrize("most", [2, 3])
def test_a_file_that_is_not_complete_says_so(
    client: TestClient, searches: Searches, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(export, "PAGE", 2)
    monkeypatch.setitem(export.MOST_CASES, "csv", most)
    searches.cases.append(case(4))
    rows = exported(client)
    assert [row[0] for row in rows[1 : most + 1]] == [f"c{n}" for n in range(1, most + 1)]
    assert str(most) in rows[-1][0]
    assert len(rows) == most + 2


def test_what_is_refused_is_refused_before_the_first_byte(client: TestClient, searches: Searches) -> None:
    searches.error = Forbidden()
    headers = bearer("sandun", Role.CITIZEN)
    assert client.get("/v1/cases/export", headers=headers).status_code == 403
    assert client.get("/v1/cases/export?format=pdf", headers=headers).status_code == 422
    assert client.get("/v1/cases/export?limit=9", headers=headers).status_code == 422
    assert client.get("/v1/cases/export").status_code == 401


def test_every_column_has_both_languages() -> None:
    assert all(set(heading) == {"zh", "en"} for heading, _ in COLUMNS)
