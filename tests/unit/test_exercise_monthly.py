"""The month's report at the end of the demo: what cannot be had is told, and loses nothing else."""

import asyncio
from pathlib import Path

import httpx
import pytest

from exercise import monthly
from exercise.players.client import HttpClient

NO_FONT = {"type": "unavailable", "detail": "A PDF needs a font with Chinese characters"}


def fetched(*without: str) -> monthly.Reports:
    """From a gateway that has no report in these formats."""

    def gateway(request: httpx.Request) -> httpx.Response:
        form = request.url.params["format"]
        if form in without:
            return httpx.Response(503, json=NO_FONT)
        return httpx.Response(200, content=f"{form} {request.headers['accept-language']}".encode())

    async def ask() -> monthly.Reports:
        transport = httpx.MockTransport(gateway)
        async with HttpClient("http://gateway", patience=0.0, transport=transport) as http:
            return await monthly.fetch(http, "token")

    return asyncio.run(ask())


def test_all_of_them_are_kept(tmp_path: Path) -> None:
    reports = fetched()
    assert reports.missing == {}
    assert reports.faults(font_set_up=True) == []
    kept = {file.name: file.read_text("utf-8") for file in monthly.keep(reports, tmp_path / "var")}
    assert kept == {
        "report-zh.html": "html zh",
        "report-zh.pdf": "pdf zh",
        "report-en.html": "html en",
        "report-en.pdf": "pdf en",
    }


def test_without_a_font_the_pages_are_kept_and_it_says_why_there_is_no_pdf(tmp_path: Path) -> None:
    reports = fetched("pdf")
    assert [file.name for file in monthly.keep(reports, tmp_path)] == ["report-zh.html", "report-en.html"]
    assert set(reports.missing) == {"report-zh.pdf", "report-en.pdf"}
    assert all(NO_FONT["detail"] in why for why in reports.missing.values())


@pytest.mark.parametrize(
    ("without", "font_set_up", "count"),
    [("pdf", True, 2), ("pdf", False, 0), ("html", True, 2), ("html", False, 2)],
)
def test_only_a_font_that_setup_was_not_to_bring_excuses_a_missing_report(
    without: str, font_set_up: bool, count: int
) -> None:
    assert len(fetched(without).faults(font_set_up=font_set_up)) == count
