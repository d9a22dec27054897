"""Pages of what waits: where one ends is where the next begins."""

from datetime import datetime

from qipan.contracts.errors import Fault, Invalid


def mark(held_at: datetime, report_id: str) -> str:
    """The mark after which the next page begins."""
    return f"{held_at.isoformat()}/{report_id}"


def place_of(after: str | None) -> tuple[datetime, str] | None:
    """What a mark stands for; Invalid when it is not one."""
    if after is None:
        return None
    held_at, _, report_id = after.partition("/")
    try:
        moment = datetime.fromisoformat(held_at)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not report_id:
        raise Invalid(
            faults=(Fault(where="after", what="is not where a page ended", allowed="`next` of a page"),)
        )
    return moment, report_id


def held_mark(later: int, held_at: datetime, report_id: str) -> str:
    """The mark of a held report, which stands in its list by level first."""
    return f"{later}/{mark(held_at, report_id)}"


def held_place(after: str | None) -> tuple[int, datetime, str] | None:
    """What such a mark stands for; Invalid when it is not one."""
    if after is None:
        return None
    later, _, rest = after.partition("/")
    place = place_of(rest if later.isascii() and later.isdecimal() and len(later) == 1 else "")
    return None if place is None else (int(later), *place)
