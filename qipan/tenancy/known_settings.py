"""The core's settings in packs: what each means and what it may be. Own services have their own prefixes."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from qipan.contracts.level import Level
from qipan.tenancy.model import Setting
from qipan.worktime import Limit
from qipan.worktime.limit import ALLOWED as A_LIMIT

CORE_PREFIXES = ("triage.", "dispatch.", "notify.", "analytics.", "grids.", "feed.", "open311.", "privacy.")


_SPAN = re.compile(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d")


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


def _at_least_one(value: Setting) -> bool:
    return _weight(value) and not isinstance(value, str | list) and value >= 1


def _above_zero(value: Setting) -> bool:
    return _weight(value) and value != 0


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


def _limits(value: Setting) -> bool:
    return isinstance(value, list) and len(value) <= 2 and all(_limit(one) for one in value)


def _levels(value: Setting) -> bool:
    return isinstance(value, list) and set(value) <= set(Level)


def _text(value: Setting) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _span(value: Setting) -> bool:
    return value == "" or (isinstance(value, str) and _SPAN.fullmatch(value) is not None)


def _one_of(*allowed: str) -> Callable[[Setting], bool]:
    return lambda value: value in allowed


def _at_most(most: int) -> Callable[[Setting], bool]:
    return lambda value: _positive(value) and isinstance(value, int) and value <= most


_WHOLE, _SHARE, _TRUTH = "a whole number, 0 or more", "a number from 0 to 1", "true or false"
_WEIGHT = "a number, 0 or more"

_WEIGHED = {
    "disposal": "cases disposed of",
    "on-time-disposal": "cases disposed of in time",
    "overdue-pending": "few cases overdue and not disposed of",
    "closure": "cases closed",
    "rework": "little rework",
    "extension": "few cases extended",
    "filing": "valid reports filed as cases",
    "valid-report": "valid reports",
    "on-time-verification": "reports verified in time",
    "self-disposal": "valid reports settled on the spot",
    "returned": "few returned tasks",
    "buck-passing": "few unjustified returns",
    "callback-response": "reporters called back in time",
    "callback-resolution": "matters resolved, as reporters say when called back",
    "callback-satisfaction": "reporters content when called back",
    "satisfaction": "satisfied reporters",
    "on-time-closure": "cases closed in time",
    "overdue-closure": "few cases closed late",
    "on-time-accurate-filing": "cases filed in time and rightly",
    "on-time-accurate-dispatch": "cases dispatched in time and rightly",
    "on-time-inspection": "cases inspected in time",
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
    "triage.propose-likeness": KnownSetting(
        "from what likeness on a person is asked whether two are the same; 1: never", _SHARE, _share
    ),
    "triage.debounce-minutes": KnownSetting(
        "within what time a device's next alarm about one matter joins the report that stands; 0: never",
        _WHOLE,
        _whole,
    ),
    "feed.kept": KnownSetting(
        "whether changes of status are kept for the tenant's own systems to fetch", _TRUTH, _truth
    ),
    "feed.days": KnownSetting("how many days they are kept", "a whole number, 1 or more", _positive),
    "privacy.contact-days": KnownSetting(
        "how many days a reporter's name and number are kept after the report is over; 0: for ever",
        "a whole number",
        _whole,
    ),
    "triage.verify-levels": KnownSetting(
        "reports of which risk levels a grid worker looks at before they are filed (核实)",
        "a list of low, normal, high, urgent",
        _levels,
    ),
    "triage.verify-limit": KnownSetting(
        "how long the grid worker has for it; then an acceptor decides", A_LIMIT, _limit
    ),
    "triage.accept-limit": KnownSetting(
        "how long a report may wait for an acceptor; then the shift leaders are told", A_LIMIT, _limit
    ),
    "triage.accept-limit-urgent": KnownSetting("and how long an urgent one", A_LIMIT, _limit),
    "triage.urgent-words": KnownSetting(
        "words that make a report urgent whatever it is about, while it waits for an acceptor",
        "a list of text",
        _words,
    ),
    "triage.hold-minutes": KnownSetting(
        "how long a report with a likely matter waits for a person; 0: for ever", _WHOLE, _whole
    ),
    "triage.out-of-scope": KnownSetting(
        "words of what the town does not handle, and whose it is",
        "a list of text: word, or word = id",
        _words,
    ),
    "triage.model": KnownSetting("whether a trained model may suggest matters", _TRUTH, _truth),
    "triage.word-trust": KnownSetting(
        "how sure the words of matters are taken to be, beside a model", _SHARE, _share
    ),
    "triage.self-disposal": KnownSetting(
        "whether grid workers may settle small matters on the spot (自处置)", _TRUTH, _truth
    ),
    "triage.place-likeness": KnownSetting(
        "how alike an address and a landmark's name must be where the name is written otherwise; 1: never",
        _SHARE,
        _share,
    ),
    "triage.place-metres": KnownSetting(
        "how far off a place found by its name may be to be filed without a person; 0: any", _WHOLE, _whole
    ),
    "triage.component-metres": KnownSetting(
        "within how many metres of the place a component of the matter is taken for the one meant; 0: never",
        _WHOLE,
        _whole,
    ),
    "grids.seam-square-metres": KnownSetting(
        "the largest gap or overlap, in m², that a new version of a grid may have", _WEIGHT, _weight
    ),
    "dispatch.yellow-share": KnownSetting(
        "the share of a limit that is left when its light turns yellow", _SHARE, _share
    ),
    "dispatch.time-endorsement": KnownSetting(
        "whether a request for time goes to the handler's department before the dispatcher",
        "department or none",
        _one_of("department", "none"),
    ),
    "dispatch.extension-most": KnownSetting(
        "how far beyond the original deadline a town may extend (延期) without the district", A_LIMIT, _limit
    ),
    "dispatch.deferral-most": KnownSetting(
        "how far ahead a town may defer (缓办) without the district", A_LIMIT, _limit
    ),
    "dispatch.suspension-most": KnownSetting(
        "how long a town may suspend (挂账) without the district", A_LIMIT, _limit
    ),
    "dispatch.escalate-after": KnownSetting(
        "how long after a time-out the town's lead is told, then the district; empty: neither",
        "a list of at most two time limits",
        _limits,
    ),
    "dispatch.route-limit": KnownSetting("how long a filed case may wait for a unit", A_LIMIT, _limit),
    "dispatch.close-limit": KnownSetting("how long an inspected case may wait to be closed", A_LIMIT, _limit),
    "dispatch.inspect-evidence": KnownSetting(
        "whether an inspection must show what was seen",
        "required or optional",
        _one_of("required", "optional"),
    ),
    "dispatch.inspect-other-unit": KnownSetting(
        "whether nobody of the unit that disposed of a case may inspect it", _TRUTH, _truth
    ),
    "dispatch.most-reworks": KnownSetting(
        "after how many reworks (返工) a case goes back to a dispatcher; 0: never", _WHOLE, _whole
    ),
    "dispatch.callback-limit": KnownSetting(
        "within what time after closure the reporter is to be called back (回访)", A_LIMIT, _limit
    ),
    "dispatch.reopen-days": KnownSetting(
        "for how many days after closure the reporter may have a case reopened (重开); 0: never",
        _WHOLE,
        _whole,
    ),
    "dispatch.rectify-rating": KnownSetting(
        "the best rating (1 to 5) that opens a rectification (整改); 0: none does", _WHOLE, _whole
    ),
    "dispatch.rectify-limit": KnownSetting(
        "how long the answer to a rectification may take", A_LIMIT, _limit
    ),
    "dispatch.supervise-limit": KnownSetting(
        "how long an answer to a supervision (督办) may take, where the supervisor does not say",
        A_LIMIT,
        _limit,
    ),
    "dispatch.close-on-inspection": KnownSetting(
        "whether a case that passed inspection is closed without a shift leader", _TRUTH, _truth
    ),
    "dispatch.arbiter": KnownSetting(
        "who of the district decides when a unit disputes that its return was unjustified",
        "dispatcher, supervisor or district-lead",
        _one_of("dispatcher", "supervisor", "district-lead"),
    ),
    "dispatch.arbitration-limit": KnownSetting("how long the arbiter may take", A_LIMIT, _limit),
    "dispatch.handover-limit": KnownSetting(
        "how long a town that is asked to take a case over (移交) may take to answer", A_LIMIT, _limit
    ),
    "dispatch.choose": KnownSetting(
        "whether a case is offered as it is filed, or waits for a dispatcher with the recommendation",
        "automatic or recommend",
        _one_of("automatic", "recommend"),
    ),
    "dispatch.match": KnownSetting(
        "whether cases filed together are matched with workers one by one or as a whole",
        "one-by-one or optimal",
        _one_of("one-by-one", "optimal"),
    ),
    "dispatch.most-each": KnownSetting(
        "open cases a worker may have before nobody is added; 0: any number", _WHOLE, _whole
    ),
    "dispatch.load-minutes": KnownSetting(
        "how many minutes of travel one open case more outweighs", _WEIGHT, _weight
    ),
    "dispatch.road-factor": KnownSetting(
        "how much longer roads are than the crow flies", "a number, 1 or more", _at_least_one
    ),
    "dispatch.speed-kmh": KnownSetting("how fast workers travel", "a number above 0", _above_zero),
    "dispatch.shifts": KnownSetting(
        "whether only those who have signed on are asked (required), or also those who never did (optional)",
        "required or optional",
        _one_of("required", "optional"),
    ),
    "dispatch.shift-hours": KnownSetting(
        "the longest shift; nobody stays signed on beyond it", "1 to 24", _at_most(24)
    ),
    "dispatch.trail-minutes": KnownSetting(
        "how long it is kept where a worker has been; 0: not at all",
        "0 to 1440",
        lambda value: value == 0 or _at_most(1440)(value),
    ),
    "dispatch.whistle-limit": KnownSetting(
        "how long a department that was summoned (吹哨) has to be there", A_LIMIT, _limit
    ),
    "dispatch.whistle-limit-emergency": KnownSetting(
        "and how long while the town is in emergency", A_LIMIT, _limit
    ),
    "dispatch.mandate-ended": KnownSetting(
        "what becomes of what was accepted under a mandate that ends: it goes on, or goes to the department",
        "finish or recall",
        _one_of("finish", "recall"),
    ),
    "notify.quiet-hours": KnownSetting(
        "the hours of the local day in which nothing that is not urgent comes from outside the app; empty: none",
        'a span such as "22:00-07:00", or empty text',
        _span,
    ),
    "analytics.league-days": KnownSetting(
        "how many days the league looks back, with today", "a whole number, 1 or more", _positive
    ),
    "analytics.public-done": KnownSetting(
        "whether everybody may see what citizens said lately and what was done about it, unread by anybody before",
        _TRUTH,
        _truth,
    ),
    "open311.type": KnownSetting(
        "whether a client is given a request's id at once or a token for it",
        "realtime or batch",
        _one_of("realtime", "batch"),
    ),
    "open311.span-days": KnownSetting(
        "the longest span of a list, and what it is when none is asked for", "1 to 90", _at_most(90)
    ),
    "open311.most-rows": KnownSetting("the most rows of a list", "1 to 1000", _at_most(1000)),
    "open311.url": KnownSetting(
        "the endpoint's public address, where it is not the door's own",
        "an address ending in /open311/v2",
        _text,
    ),
    "open311.contact": KnownSetting("whom to ask about the endpoint", "text", _text),
    "open311.key-service": KnownSetting("how to get an API key", "text", _text),
    "open311.stage": KnownSetting(
        "whether what is reported is acted upon", "production or test", _one_of("production", "test")
    ),
    **{
        f"analytics.weight-{indicator}": KnownSetting(f"points in the league for {what}", _WEIGHT, _weight)
        for indicator, what in _WEIGHED.items()
    },
}
