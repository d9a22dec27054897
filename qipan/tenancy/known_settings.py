"""The core's settings in packs: what each means and what it may be. Own services have their own prefixes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from qipan.tenancy.model import Setting
from qipan.worktime import Limit
from qipan.worktime.limit import ALLOWED as A_LIMIT

CORE_PREFIXES = ("triage.", "dispatch.", "notify.", "analytics.")


@dataclass(frozen=True, slots=True)
class KnownSetting:
    """A setting's meaning, what it may be in words, and the test for that."""

    meaning: str
    allowed: str
    accepts: Callable[[Setting], bool]


def _whole(value: Setting) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _positive(value: Setting) -> bool:
    return _whole(value) and value != 0


def _share(value: Setting) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _weight(value: Setting) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _truth(value: Setting) -> bool:
    return isinstance(value, bool)


def _words(value: Setting) -> bool:
    return isinstance(value, list)


def _limit(value: Setting) -> bool:
    try:
        Limit.parse(str(value))
    except ValueError:
        return False
    return True


_WHOLE, _SHARE, _TRUTH = "a whole number, 0 or more", "a number from 0 to 1", "true or false"
_WEIGHT = "a number, 0 or more"

_WEIGHED = {
    "disposal": "cases disposed of",
    "on-time-disposal": "cases disposed of in time",
    "overdue-pending": "few cases overdue and not disposed of",
    "closure": "cases closed",
    "rework": "little rework",
    "filing": "valid reports filed as cases",
    "valid-report": "valid reports",
    "self-disposal": "valid reports settled on the spot",
    "returned": "few returned tasks",
    "satisfaction": "satisfied reporters",
}

KNOWN: Mapping[str, KnownSetting] = {
    "triage.least-confidence": KnownSetting(
        "share of the evidence that a matter needs to be filed without a person", _SHARE, _share
    ),
    "triage.duplicate-metres": KnownSetting(
        "how near two reports of one matter must be to be the same; 0: never", _WHOLE, _whole
    ),
    "triage.duplicate-minutes": KnownSetting("and within what time", _WHOLE, _whole),
    "triage.duplicate-likeness": KnownSetting("and how alike their texts", _SHARE, _share),
    "triage.hold-minutes": KnownSetting(
        "how long a report with a likely matter waits for a person; 0: for ever", _WHOLE, _whole
    ),
    "triage.out-of-scope": KnownSetting("words of what the town does not handle", "a list of text", _words),
    "triage.model": KnownSetting("whether a trained model may suggest matters", _TRUTH, _truth),
    "triage.word-trust": KnownSetting(
        "how sure the words of matters are taken to be, beside a model", _SHARE, _share
    ),
    "triage.self-disposal": KnownSetting(
        "whether grid workers may settle small matters on the spot (自处置)", _TRUTH, _truth
    ),
    "dispatch.route-limit": KnownSetting("how long a filed case may wait for a unit", A_LIMIT, _limit),
    "dispatch.close-limit": KnownSetting("how long an inspected case may wait to be closed", A_LIMIT, _limit),
    "dispatch.close-on-inspection": KnownSetting(
        "whether a case that passed inspection is closed without a shift leader", _TRUTH, _truth
    ),
    "analytics.league-days": KnownSetting(
        "how many days the league looks back, with today", "a whole number, 1 or more", _positive
    ),
    **{
        f"analytics.weight-{indicator}": KnownSetting(f"points in the league for {what}", _WEIGHT, _weight)
        for indicator, what in _WEIGHED.items()
    },
}
