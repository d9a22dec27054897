"""Figures as files, the report as a page and a PDF in both languages, and the public page."""

import asyncio
import csv
import io
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from qipan.access import Role, Verifier
from qipan.contracts.errors import Invalid
from qipan.contracts.figures import (
    Declarations,
    DoneList,
    Figure,
    Figures,
    GetFigures,
    GetHotspots,
    GetLeague,
    HotCell,
    HotPlace,
    Hotspots,
    League,
    ListDone,
    ListIndicators,
    Placing,
    SaidAndDone,
    Value,
)
from qipan.observability.health import Health
from qipan.tenancy import TestClock, load_district
from qipan.tenancy.indicators import INDICATORS
from services.analytics.figures import declared
from services.gateway import charts, figures_out
from services.gateway.charts import Series
from services.gateway.parts import Parts
from services.gateway.report import Writer
from services.gateway.report_pdf import FONT
from services.gateway.web import create_app
from tests.unit.test_gateway_routes import VERIFY, bearer

DISTRICT = load_district(Path("districts/xihu"))
SINCE = datetime(2026, 1, 31, 16, tzinfo=UTC)
UNTIL = datetime(2026, 2, 28, 16, tzinfo=UTC)
CELL = next(cell.code for cell in DISTRICT.territory.cells("duty"))
EVIL = "<script>alert(1)</script>"


def figures(asked: GetFigures) -> Figures:
    members = {"tenant": ("sandun", "wenxin"), "matter": ("s:06010", "x:none"), "cell": (CELL, "gone")}
    rows = []
    for number, member in enumerate(members[asked.by]):
        counts = {"received": 9, "filed": 8 - number, "closed": 6, "disposed": 7}
        values = {
            one.id: Value(
                value=one.value(counts), above=one.numerator.of(counts), below=one.denominator.of(counts)
            )
            for one in INDICATORS
        }
        days = 28 if asked.every == "day" else 1
        for day in range(days):
            since = SINCE + timedelta(days=day)
            rows.append(Figure(member=member, since=since, until=UNTIL, values=values, counts=counts))
    return Figures(
        by=asked.by, period="2026-02", every=asked.every, since=SINCE, until=UNTIL, rows=tuple(rows)
    )


ANSWERS: dict[type[Any], Any] = {
    ListIndicators: lambda _: Declarations(indicators=declared(INDICATORS)),
    GetFigures: figures,
    GetLeague: lambda _: League(
        of="towns",
        period="2026-02",
        since=SINCE,
        until=UNTIL,
        published=True,
        places=(
            Placing(member="wenxin", rank=1, score=98.5, before_rank=2, before_score=90),
            Placing(member="sandun", rank=None, score=None),
        ),
    ),
    GetHotspots: lambda _: Hotspots(
        period="2026-02",
        cells=(HotCell(tenant="sandun", cell=CELL, filed=9, normal=2, excess=3),),
        places=(
            HotPlace(
                tenant="sandun",
                matter="s:06010",
                lon=120.1,
                lat=30.3,
                filed=4,
                came_back=2,
                last_at=SINCE,
                component=EVIL,
            ),
        ),
    ),
    ListDone: lambda _: DoneList(
        done=(
            SaidAndDone(
                tenant="sandun",
                matter="s:06010",
                cell=CELL,
                said=EVIL,
                reported_at=SINCE,
                did="已清理",
                done_at=SINCE,
                closed_at=SINCE,
                rating=5,
            ),
        )
    ),
}


class Analytics:
    """Answers as analytics would; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, str, str | None]] = []
        self.error: Exception | None = None

    def submit(self, request: Any, *, tenant: str, principal: str | None = None, **_: Any) -> Future[Any]:
        self.asked.append((request, tenant, principal))
        future: Future[Any] = Future()
        if self.error is not None:
            future.set_exception(self.error)
        else:
            future.set_result(ANSWERS[type(request)](request))
        return future


@pytest.fixture
def analytics() -> Analytics:
    return Analytics()


@pytest.fixture
def parts(analytics: Analytics) -> Parts:
    nothing: Any = None
    return Parts(DISTRICT, Verifier(VERIFY), nothing, analytics, nothing, nothing, nothing)


@pytest.fixture
def client(parts: Parts) -> Iterator[TestClient]:
    with TestClient(create_app(lambda: parts, Health()), raise_server_exceptions=False) as client:
        yield client


def get(client: TestClient, path: str, language: str = "zh-CN", **params: str) -> Any:
    headers = {**bearer("sandun", Role.SUPERVISOR), "Accept-Language": language}
    return client.get(path, params=params, headers=headers)


def test_a_csv_has_a_row_each_member_and_an_empty_cell_where_there_is_no_value(client: TestClient) -> None:
    answer = get(client, "/v1/figures/export", "en", by="matter", period="2026-02")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.content.startswith("\ufeff".encode())
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [row["Id"] for row in rows] == ["s:06010", "x:none"]
    assert rows[0]["Disposal rate"] == "1.0"
    assert rows[0]["Satisfaction rate"] == ""


def test_cells_come_as_geojson_and_nothing_else_does(client: TestClient) -> None:
    answer = get(client, "/v1/figures/export", by="cell", format="geojson", counts="true")
    assert answer.headers["content-type"] == "application/geo+json"
    first, second = answer.json()["features"]
    assert first["geometry"]["type"] in ("Polygon", "MultiPolygon")
    assert (first["properties"]["filed"], second["geometry"]) == (8, None)
    refused = get(client, "/v1/figures/export", by="matter", format="geojson")
    assert (refused.status_code, refused.json()["faults"][0]["where"]) == (422, "by")


def test_hot_spots_come_as_geojson(client: TestClient) -> None:
    cell, place = get(client, "/v1/hotspots/export").json()["features"]
    assert (cell["properties"]["kind"], place["properties"]["came_back"]) == ("cell", 2)
    assert place["geometry"] == {"type": "Point", "coordinates": [120.1, 30.3]}


@pytest.mark.parametrize(
    ("language", "says"),
    [("zh-CN", ("治理月报", "晾晒榜", "三墩")), ("en", ("Governance report", "League", "Sandun"))],
)
def test_the_report_is_a_page_in_the_language_asked_for(
    client: TestClient, analytics: Analytics, language: str, says: tuple[str, ...]
) -> None:
    answer = get(client, "/v1/report", language, period="2026-02")
    assert answer.status_code == 200
    assert all(words in answer.text for words in says)
    assert f'<html lang="{language}">' in answer.text
    assert EVIL not in answer.text
    assert answer.text.count("<svg") == 3
    assert not any(outside in answer.text for outside in ("<script", "<link", "src=", "@import"))
    leagues = [
        (tenant, principal) for request, tenant, principal in analytics.asked if type(request) is GetLeague
    ]
    assert leagues[0][0] == "xihu"
    assert leagues[0][1] is not None


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_the_report_is_a_pdf_in_the_language_asked_for(client: TestClient, language: str) -> None:
    if not FONT.exists():
        pytest.skip("the report's font is not installed")
    answer = get(client, "/v1/report", language, period="2026-02", format="pdf")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    assert len(answer.content) > 5_000


def test_without_its_font_a_pdf_is_refused_with_what_to_do(
    parts: Parts, client: TestClient, tmp_path: Path
) -> None:
    parts = replace(parts, report_font=tmp_path / "none.ttf")
    with TestClient(create_app(lambda: parts, Health()), raise_server_exceptions=False) as without:
        answer = get(without, "/v1/report", "en", format="pdf")
    assert answer.status_code == 503
    assert "QIPAN_REPORT_FONT" in answer.json()["detail"]


def test_what_analytics_refuses_is_refused(client: TestClient, analytics: Analytics) -> None:
    analytics.error = Invalid("no such period")
    for path in ("/v1/report", "/v1/figures/export", "/v1/hotspots/export"):
        assert get(client, path).status_code == 422


def test_everybody_reads_what_was_done_and_markup_stays_text(
    client: TestClient, analytics: Analytics
) -> None:
    answer = client.get("/public/done", params={"tenant": "sandun"}, headers={"Accept-Language": "en"})
    assert answer.status_code == 200
    assert "You said" in answer.text
    assert "已清理" in answer.text
    assert EVIL not in answer.text
    assert analytics.asked[-1][1:] == ("sandun", None)
    for unknown in ("atlantis", "sandun~ex7"):
        assert client.get("/public/done", params={"tenant": unknown}).status_code == 422
    [one] = client.get("/public/done", params={"format": "json"}).json()["done"]
    assert one["did"] == "已清理"
    assert "case_id" not in one


def test_what_everybody_reads_is_asked_once_for_all(client: TestClient, analytics: Analytics) -> None:
    for limit in ("1", "100", "20"):
        for language in ("en", "zh-CN"):
            answer = client.get(
                "/public/done",
                params={"tenant": "sandun", "limit": limit},
                headers={"Accept-Language": language},
            )
            assert answer.headers["cache-control"] == "public, max-age=60"
            assert answer.headers["vary"] == "Accept-Language"
    assert len(analytics.asked) == 1
    client.get("/public/done", params={"tenant": "wenxin"})
    assert [tenant for _, tenant, _ in analytics.asked] == ["sandun", "wenxin"]


def test_no_more_is_shown_than_asked_for(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    [one] = ANSWERS[ListDone](None).done
    monkeypatch.setitem(ANSWERS, ListDone, lambda asked: DoneList(done=(one,) * asked.limit))
    for limit in (3, 100):
        answer = client.get("/public/done", params={"limit": str(limit), "format": "json"})
        assert len(answer.json()["done"]) == limit


@pytest.mark.parametrize(
    ("path", "params", "makes"),
    [
        ("/v1/figures/export", {}, (figures_out, "as_csv")),
        ("/v1/figures/export", {"by": "cell", "format": "geojson"}, (figures_out, "cells_geojson")),
        ("/v1/hotspots/export", {}, (figures_out, "hotspots_geojson")),
        ("/v1/report", {}, (Writer, "write")),
    ],
    ids=["csv", "cells", "places", "report"],
)
def test_files_are_made_beside_the_event_loop(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, path: str, params: dict[str, str], makes: Any
) -> None:
    holder, name = makes
    make, loops = getattr(holder, name), []

    def noting(*given: Any) -> Any:
        loops.append(asyncio._get_running_loop())
        return make(*given)

    monkeypatch.setattr(holder, name, noting)
    assert get(client, path, **params).status_code == 200
    assert loops == [None]


def test_a_report_says_when_it_was_made_by_its_tenants_clock(parts: Parts) -> None:
    parts = replace(parts, clocks=TestClock(datetime(2026, 3, 5, 20, 30, tzinfo=UTC)))
    with TestClient(create_app(lambda: parts, Health())) as client:
        assert "Made at: 2026-03-06 04:30" in get(client, "/v1/report", "en").text


def test_nobody_reads_figures_without_signing_in(client: TestClient) -> None:
    for path in ("/v1/report", "/v1/figures/export", "/v1/hotspots/export"):
        assert client.get(path).status_code == 401


@given(
    st.lists(st.text(max_size=8), min_size=1, max_size=5),
    st.lists(st.floats(0, 1e6), min_size=1, max_size=40),
)
def test_a_chart_is_well_formed_and_stays_within_its_frame(names: list[str], values: list[float]) -> None:

    drawing = charts.lines([str(n) for n in range(len(values))], [Series("s", tuple(values))], "<label>")
    for shape in drawing.shapes:
        if isinstance(shape, charts.Line):
            assert all(0 <= x <= drawing.width and 0 <= y <= drawing.height for x, y in shape.points)
    bars = charts.bars([(name, values[0], "1") for name in names], "bars")
    assert all(0 <= one.width <= bars.width for one in bars.shapes if isinstance(one, charts.Rect))
    ElementTree.fromstring(charts.svg(drawing))
