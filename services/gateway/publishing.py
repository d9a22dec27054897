"""What the district shows of itself: files of figures, the monthly report, and what citizens said and was done."""

import asyncio
from collections.abc import Callable
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from qipan.contracts.base import Part, Request
from qipan.contracts.errors import Fault, Invalid
from qipan.contracts.figures import (
    DoneList,
    GetFigures,
    GetHotspots,
    GetLeague,
    ListDone,
    ListIndicators,
    Name,
)
from services.gateway import figures_out, report_html, report_pdf
from services.gateway.calls import CALL_SECONDS
from services.gateway.figures_out import ExportFigures
from services.gateway.kept import Kept
from services.gateway.parts import Parts
from services.gateway.report import Given, Report, Writer
from services.gateway.sheet import Sheet

SHOWN_SECONDS = 60
"""How old what everybody may read can be: nobody signs in for it, so that it must cost no reading each time."""

_PRIVATE = {"Cache-Control": "no-store"}
_PUBLIC = {"Cache-Control": f"public, max-age={SHOWN_SECONDS}", "Vary": "Accept-Language"}
_GEOJSON = "application/geo+json"


class AskReport(Part):
    """Which report: of a period (see GetFigures), as a page or a PDF."""

    period: Name = "last-month"
    format: Literal["html", "pdf"] = "html"


MOST_DONE = 100


class AskDone(Part):
    """How many, as a page or as JSON."""

    limit: int = Field(default=20, ge=1, le=MOST_DONE)
    format: Literal["html", "json"] = "html"


class Publishing:
    """Answers one request: whose, of which tenant, in which language. Rights are decided by who answers."""

    def __init__(self, parts: Parts, tenant: str, token: str | None, language: str) -> None:
        self._parts = parts
        self._tenant = tenant
        self._token = token
        self._language = "en" if language == "en" else "zh"
        self._sheet = Sheet(parts.district, "en" if language == "en" else "zh-CN")

    async def figures(self, asked: ExportFigures) -> Response:
        """Figures as a file."""
        if asked.format == "geojson" and asked.by != "cell":
            fault = Fault(where="by", what=f"{asked.by}s have no shapes", allowed="cell, for geojson")
            raise Invalid(faults=(fault,))
        given = {name: getattr(asked, name) for name in asked.model_fields_set if name != "format"}
        answer = await self._ask(GetFigures(**given))
        if asked.format == "geojson":
            return await self._geojson(lambda: figures_out.cells_geojson(answer, self._parts.district))
        declared = (await self._ask(ListIndicators())).indicators
        text = await run_in_threadpool(
            figures_out.as_csv, answer, declared, self._sheet, self._tenant, self._language
        )
        name = f"figures-{self._tenant}-{asked.by}.csv"
        headers = {**_PRIVATE, "Content-Disposition": f'attachment; filename="{name}"'}
        return Response(text, media_type="text/csv; charset=utf-8", headers=headers)

    async def hotspots(self, asked: GetHotspots) -> Response:
        """Hot spots as GeoJSON."""
        answer = await self._ask(asked)
        return await self._geojson(lambda: figures_out.hotspots_geojson(answer, self._parts.district))

    async def report(self, asked: AskReport) -> Response:
        """The report of a period."""
        report = await self._report(asked.period)
        if asked.format == "html":
            html = await run_in_threadpool(report_html.page, report)
            return Response(html, media_type="text/html; charset=utf-8", headers=_PRIVATE)
        file = await run_in_threadpool(report_pdf.pdf, report, self._parts.report_font or report_pdf.FONT)
        name = f"report-{self._tenant}-{self._language}.pdf"
        headers = {**_PRIVATE, "Content-Disposition": f'attachment; filename="{name}"'}
        return Response(file, media_type="application/pdf", headers=headers)

    async def done(self, asked: AskDone, kept: Kept[DoneList]) -> Response:
        """你说我办, for everybody; of a tenant it is asked once in `SHOWN_SECONDS`, however many read it."""
        known = await kept.get(self._tenant, lambda: self._ask(ListDone(limit=MOST_DONE)))
        answer = DoneList(done=known.done[: asked.limit])
        if asked.format == "json":
            return JSONResponse(answer.model_dump(mode="json"), headers=_PUBLIC)
        html = await run_in_threadpool(
            report_html.done_page, answer, self._sheet, self._tenant, self._language
        )
        return Response(html, media_type="text/html; charset=utf-8", headers=_PUBLIC)

    async def _report(self, period: str) -> Report:
        district = self._parts.district
        whole, daily, matters, hotspots, declared = await asyncio.gather(
            self._ask(GetFigures(period=period, counts=True)),
            self._ask(GetFigures(period=period, every="day", counts=True)),
            self._ask(GetFigures(period=period, by="matter", counts=True)),
            self._ask(GetHotspots(period=period)),
            self._ask(ListIndicators()),
        )
        shadow = self._tenant.partition("~")[2]
        top = f"{district.id}~{shadow}" if shadow else district.id
        league = await self._ask(GetLeague(period=period), top)
        given = Given(self._tenant, whole, daily, matters, league, hotspots, declared.indicators)
        now = self._parts.clocks.now(self._tenant).astimezone(ZoneInfo(district.zone))
        writer = Writer(self._sheet, self._language, district.zone)
        return await run_in_threadpool(writer.write, given, now.strftime("%Y-%m-%d %H:%M"))

    async def _ask(self, request: Request[Any], tenant: str | None = None) -> Any:
        return await asyncio.wrap_future(
            self._parts.caller.submit(
                request, tenant=tenant or self._tenant, principal=self._token, timeout=CALL_SECONDS
            )
        )

    async def _geojson(self, document: Callable[[], dict[str, Any]]) -> Response:
        """Made and written beside the event loop: shapes are megabytes."""
        return await run_in_threadpool(
            lambda: JSONResponse(document(), media_type=_GEOJSON, headers=_PRIVATE)
        )
