"""A deadline that reaches into a year whose public holidays are not known: said where people and operators look.

The case goes on, by calculated holidays. Its history says so, it lies on a named dispatcher's list, and operators
see it in the log (once for each tenant and year in a process) and in a figure.
"""

from dataclasses import replace
from functools import lru_cache

from qipan.observability import metrics
from qipan.observability.logs import logger
from services.dispatch.change import Change

log = logger(__name__)

PERSON = "calendar_for"
"""The key of the history's detail that names who is asked to look at the deadline."""


def newly_without(change: Change) -> int | None:
    """The year that the calendar lacks since this step; None when it has what it needs, or lacked it before."""
    now = change.after.case.clock
    if now is None or now.without_year is None:
        return None
    was = change.before.case.clock if change.before else None
    return now.without_year if was is None or was.without_year is None else None


def reason(year: int) -> str:
    """What there is to look at."""
    return (
        f"the deadline reaches into {year}, whose public holidays and make-up days are not known here yet: "
        "it is counted with calculated holidays"
    )


def noted(change: Change, person: str | None) -> Change:
    """The step with the gap in its detail and who is asked to look at it; operators are told, too."""
    year = newly_without(change)
    if year is None:
        return change
    metrics.DEADLINES_WITHOUT_YEAR.labels(str(year)).inc()
    _tell_operators(change.after.case.tenant, year)
    detail = {**change.detail, "calendar": reason(year)}
    return replace(change, detail=detail if person is None else {**detail, PERSON: person})


@lru_cache(maxsize=4096)
def _tell_operators(tenant: str, year: int) -> None:
    log.warning(
        "public holidays of the year are not known; bring chinesecalendar up to date",
        tenant=tenant,
        year=year,
    )
