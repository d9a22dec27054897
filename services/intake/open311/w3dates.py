"""Dates and times as GeoReport v2 wants them: ISO 8601 as in the W3C note, with a time zone, both ways."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

ALLOWED = "2026-03-01T08:00:00Z, 2026-03-01T16:00:00+08:00"

_W3C = re.compile(
    r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2})(:\d{2}(?:\.\d{1,9})?)?(Z|[+ -](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
)


def parse(text: str) -> datetime | None:
    """The instant, or None when `text` is not a W3C date with time and zone.

    A blank before the offset counts as a plus: in a query string that is what an unescaped plus becomes.
    """
    found = _W3C.fullmatch(text.strip())
    if found is None:
        return None
    day, seconds, zone = found.groups()
    try:
        return datetime.fromisoformat(day + _microseconds(seconds or ":00") + zone.replace(" ", "+"))
    except ValueError:
        return None


def written(moment: datetime, zone: ZoneInfo) -> str:
    """The instant to the second, in the district's own time with its offset from UTC."""
    return moment.astimezone(zone).isoformat(timespec="seconds")


def _microseconds(seconds: str) -> str:
    whole, dot, fraction = seconds.partition(".")
    return f"{whole}.{fraction[:6]:0<6}" if dot else whole
