"""Which requests or updates a client asks for, and how much of them it gets at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.intake.open311 import w3dates
from services.intake.open311.jurisdiction import Params, first
from services.intake.open311.refusals import Refused, Trouble, trouble

OPEN, CLOSED = "open", "closed"
LAST_PAGE = 10_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the town allows: the longest span, and the most rows. GeoReport v2: 90 days, 1,000 rows."""

    span: timedelta
    rows: int


@dataclass(frozen=True, slots=True)
class Span:
    """From `since` until `until`, both included; None is no bound on that side."""

    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A list that is asked for. `ids`, where given, overrides everything but the page."""

    ids: tuple[str, ...]
    codes: tuple[str, ...]
    status: str | None
    requested: Span
    updated: Span
    size: int
    skip: int


@dataclass(frozen=True, slots=True)
class WantedUpdates:
    """Updates that are asked for: in which span, of which requests (none named: of all)."""

    ids: tuple[str, ...]
    span: Span
    size: int
    skip: int


def read(params: Params, now: datetime, bounds: Bounds) -> Wanted:
    """What a query for requests wants; Refused with everything that is wrong with it.

    Without dates it is the most recent span; with one of two the span on its other side. A query by the time of
    the last change is not narrowed by the time of the request unless it says so.
    """
    ids = listed(params, "service_request_id")
    if ids:
        # GeoReport v2: "This overrides all other arguments."
        return Wanted(ids[: bounds.rows], (), None, Span(), Span(), bounds.rows, 0)
    troubles: list[Trouble] = []
    requested = _span(params, "start_date", "end_date", bounds, troubles)
    updated = _span(params, "updated_after", "updated_before", bounds, troubles)
    if updated == Span() and requested == Span():
        requested = Span(now - bounds.span, now)
    size, skip = _page(params, bounds, troubles)
    status = _status(params, troubles)
    if troubles:
        raise Refused(troubles)
    return Wanted((), listed(params, "service_code"), status, requested, updated, size, skip)


def read_updates(params: Params, now: datetime, bounds: Bounds) -> WantedUpdates:
    """What a query for updates wants; Refused with everything that is wrong with it."""
    ids = listed(params, "service_request_id")
    troubles: list[Trouble] = []
    span = _span(params, "start_date", "end_date", bounds, troubles)
    if span == Span() and not ids:
        span = Span(now - bounds.span, now)
    size, skip = _page(params, bounds, troubles)
    if troubles:
        raise Refused(troubles)
    return WantedUpdates(ids[: bounds.rows], span, size, skip)


def listed(params: Params, name: str) -> tuple[str, ...]:
    """An argument that may be given several times and hold several values between commas."""
    parts = (part.strip() for value in params.get(name, ()) for part in value.split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def _span(params: Params, begins: str, ends: str, bounds: Bounds, troubles: list[Trouble]) -> Span:
    since, until = _date(params, begins, troubles), _date(params, ends, troubles)
    if since is not None and until is not None:
        if since > until:
            troubles.append(trouble(f"{begins} 晚于 {ends}", f"{begins} is later than {ends}"))
        elif until - since > bounds.span:
            days = bounds.span.days
            troubles.append(
                trouble(
                    f"{begins} 至 {ends} 最多 {days} 天",
                    f"{begins} to {ends} may not span more than {days} days",
                )
            )
        return Span(since, until)
    try:
        if since is not None:
            return Span(since, since + bounds.span)
        if until is not None:
            return Span(until - bounds.span, until)
    except OverflowError:
        troubles.append(_no_date(begins if since is not None else ends))
    return Span()


def _date(params: Params, name: str, troubles: list[Trouble]) -> datetime | None:
    text = first(params, name)
    if text is None:
        return None
    moment = w3dates.parse(text)
    if moment is None:
        troubles.append(_no_date(name))
    return moment


def _no_date(name: str) -> Trouble:
    return trouble(
        f"{name}：应为带时区的 W3C 日期时间（如 {w3dates.ALLOWED}）",
        f"{name}: is not a W3C date and time with its zone (allowed: {w3dates.ALLOWED})",
    )


def _status(params: Params, troubles: list[Trouble]) -> str | None:
    named = listed(params, "status")
    if any(one not in (OPEN, CLOSED) for one in named):
        troubles.append(trouble(f"status：只能是 {OPEN} 或 {CLOSED}", f"status: may be {OPEN} or {CLOSED}"))
    return named[0] if len(named) == 1 else None


def _page(params: Params, bounds: Bounds, troubles: list[Trouble]) -> tuple[int, int]:
    size = _number(params, "page_size", bounds.rows, bounds.rows, troubles)
    page = _number(params, "page", 1, LAST_PAGE, troubles)
    return size, (page - 1) * size


def _number(params: Params, name: str, default: int, most: int, troubles: list[Trouble]) -> int:
    text = first(params, name)
    if text is None:
        return default
    if text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= most:
        return int(text)
    troubles.append(
        trouble(f"{name}：应为 1 至 {most} 的整数", f"{name}: may be a whole number from 1 to {most}")
    )
    return default


def grouped(pairs: Sequence[tuple[str, str]]) -> Mapping[str, Sequence[str]]:
    """Every value of each name, in order."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found
