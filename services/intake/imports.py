"""`POST /v1/reports/import`: many rows in transactions of bounded size, each row with a verdict of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from qipan.access import Principal
from qipan.contracts.errors import Fault, KeyReused, QipanError
from qipan.http import Answer, UnsupportedMediaType, as_model, document, language_of, read_body
from qipan.http.language import Language
from qipan.observability import tracing
from services.intake.accept import Accepted
from services.intake.admission import NewReport
from services.intake.door import Door
from services.intake.forms import ImportLine, ImportVerdict, RowVerdict
from services.intake.importing import MEDIA_TYPES, Kind, Row, as_columns, rows_of

ROWS_AT_ONCE = 200
"""Rows in one transaction: other reports wait for it no longer than for a batch."""


@dataclass(frozen=True, slots=True)
class ImportLimits:
    """The most that one request may bring."""

    body_bytes: int = 4_194_304
    rows: int = 5_000


async def take(request: Request, door: Door, operator: Principal | None, limits: ImportLimits) -> Response:
    """Store the good rows; the answer has a verdict for every row, by its line in the file.

    A row's key makes repeating it harmless, so a file whose import broke off is simply sent again.
    """
    door.may_import(operator)
    media = request.headers.get("content-type", "")
    kind = MEDIA_TYPES.get(media.partition(";")[0].strip().lower())
    if kind is None:
        fault = Fault(where="Content-Type", what=media or "-", allowed=", ".join(MEDIA_TYPES))
        raise UnsupportedMediaType("The body is neither CSV nor JSON lines.", faults=(fault,))
    body = await read_body(request, limits.body_bytes)
    rows = await run_in_threadpool(rows_of, body, kind, limits.rows)
    verdicts: list[RowVerdict] = []
    for begin in range(0, len(rows), ROWS_AT_ONCE):
        part = rows[begin : begin + ROWS_AT_ONCE]
        verdicts += await _take_part(part, kind, door, operator, language_of(request))
    return Answer(
        ImportVerdict(
            rows=len(verdicts),
            accepted=sum(verdict.status < 400 for verdict in verdicts),
            repeated=sum(verdict.repeated for verdict in verdicts),
            refused=sum(verdict.status >= 400 for verdict in verdicts),
            results=tuple(verdicts),
        )
    )


async def _take_part(
    rows: Sequence[Row], kind: Kind, door: Door, operator: Principal | None, language: Language
) -> list[RowVerdict]:
    looked = await run_in_threadpool(_look, rows, kind, door, operator, language)
    good = [found for found in looked if isinstance(found, NewReport)]
    stored = iter(await door.store(good, tracing.current()) if good else ())
    outcomes = [next(stored) if isinstance(found, NewReport) else found for found in looked]
    return [_verdict(row, outcome, language) for row, outcome in zip(rows, outcomes, strict=True)]


def _look(
    rows: Sequence[Row], kind: Kind, door: Door, operator: Principal | None, language: Language
) -> list[NewReport | QipanError]:
    found: list[NewReport | QipanError] = []
    for row in rows:
        try:
            if row.error is not None:
                raise row.error
            form = as_model(row.body, ImportLine, language)
            found.append(door.admit(form, form.key, operator))
        except QipanError as error:
            found.append(as_columns(error) if kind == "csv" else error)
    return found


def _verdict(row: Row, outcome: Accepted | QipanError, language: Language) -> RowVerdict:
    if isinstance(outcome, Accepted):
        return RowVerdict(
            line=row.line,
            key=row.key,
            status=201,
            report_id=outcome.report_id,
            tenant=outcome.tenant,
            repeated=outcome.repeated,
        )
    if isinstance(outcome, KeyReused) and not outcome.faults:
        fault = Fault(where="key", what="was used before for another row", allowed="a key of its own")
        outcome = KeyReused(faults=(fault,))
    problem = document(outcome, language)
    return RowVerdict(line=row.line, key=row.key, status=outcome.status, problem=problem)
