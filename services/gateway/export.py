"""Cases as a file, with the filters of a search: read page by page, written as it is read."""

import asyncio
import csv
import io
import tempfile
from collections.abc import AsyncIterator, Iterator
from typing import IO, Literal

from openpyxl import Workbook
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from qipan.contracts.case import CaseState
from qipan.contracts.filters import CaseFilters
from qipan.contracts.queries import CaseList
from qipan.contracts.search import FiledOrder, SearchCases
from services.gateway.caller import Caller
from services.gateway.calls import CALL_SECONDS
from services.gateway.sheet import Cell, Sheet

PAGE = 500
MOST_CASES = {"csv": 100_000, "xlsx": 20_000}
"""Cases in one file. A workbook is made whole before its first byte leaves."""

_IN_MEMORY = 2_097_152
_CHUNK = 65_536
_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_BYTE_ORDER_MARK = "\ufeff"


class ExportCases(CaseFilters):
    """What to export, and how. A CSV begins with a byte order mark: without it Excel reads no Chinese."""

    format: Literal["csv", "xlsx"] = "csv"
    order: FiledOrder = FiledOrder.OLDEST


class Exporter:
    """One export: whose, of which tenant, in which words."""

    def __init__(self, caller: Caller, tenant: str, token: str | None, sheet: Sheet) -> None:
        self._caller = caller
        self._tenant = tenant
        self._token = token
        self._sheet = sheet

    async def response(self, asked: ExportCases) -> Response:
        """The file. What is refused is refused before its first byte; a failure later cuts the file short."""
        first = await self._page(asked, None)
        headers = {
            "Content-Disposition": f'attachment; filename="cases-{self._tenant}.{asked.format}"',
            "Cache-Control": "no-store",
        }
        pages = self._pages(asked, first)
        if asked.format == "csv":
            body: AsyncIterator[bytes] = self._csv(pages)
        else:
            body = _read(await self._workbook(pages))
        return StreamingResponse(body, media_type=_TYPES[asked.format], headers=headers)

    async def _page(self, asked: ExportCases, after: str | None) -> CaseList:
        filters = {name: getattr(asked, name) for name in asked.model_fields_set if name != "format"}
        search = SearchCases(**{"order": asked.order, **filters, "limit": PAGE, "after": after})
        answer: CaseList = await asyncio.wrap_future(
            self._caller.submit(search, tenant=self._tenant, principal=self._token, timeout=CALL_SECONDS)
        )
        return answer

    async def _pages(self, asked: ExportCases, page: CaseList) -> AsyncIterator[list[list[Cell]]]:
        left = MOST_CASES[asked.format]
        yield [self._sheet.headings()]
        while True:
            yield self._rows(page.cases[:left])
            left -= len(page.cases)
            if left < 0 or (left == 0 and page.next is not None):
                yield [self._sheet.more(MOST_CASES[asked.format])]
                return
            if page.next is None:
                return
            page = await self._page(asked, page.next)

    def _rows(self, cases: tuple[CaseState, ...]) -> list[list[Cell]]:
        return [self._sheet.row(case) for case in cases]

    async def _csv(self, pages: AsyncIterator[list[list[Cell]]]) -> AsyncIterator[bytes]:
        mark = _BYTE_ORDER_MARK
        async for rows in pages:
            text = io.StringIO()
            csv.writer(text).writerows(rows)
            yield (mark + text.getvalue()).encode()
            mark = ""

    async def _workbook(self, pages: AsyncIterator[list[list[Cell]]]) -> IO[bytes]:
        book = Workbook(write_only=True)
        sheet = book.create_sheet("cases")

        def write(rows: list[list[Cell]]) -> None:
            for row in rows:
                sheet.append(row)

        async for rows in pages:
            await run_in_threadpool(write, rows)
        file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 the response closes it
        await run_in_threadpool(book.save, file)
        file.seek(0)
        return file  # type: ignore[return-value]


async def _read(file: IO[bytes]) -> AsyncIterator[bytes]:
    try:
        for chunk in _chunks(file):
            yield chunk
    finally:
        file.close()


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk
