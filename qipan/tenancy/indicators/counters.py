"""What is counted: the columns of the totals, each anchored at one moment of a report's or case's life."""

from collections.abc import Mapping
from typing import NamedTuple

REPORT_COUNTERS: Mapping[str, str] = {
    "received": "reports triaged, at the moment they were received",
    "for_filing": "… of which are to be filed as cases",
    "self_disposed": "… of which a grid worker settled on the spot (自处置)",
    "declined": "… of which were declined (不予受理)",
    "held": "… of which wait for a person",
    "merged": "… of which joined an earlier report",
    "verifying": "… of which wait for a grid worker's look before they are filed (核实)",
    "verified": "… of which a grid worker was asked to look at, and did, or let the time run out",
    "verified_on_time": "… of which in time",
}

CASE_COUNTERS: Mapping[str, str] = {
    "filed": "cases filed (立案), at filing",
    "filed_well": "… of which in time and rightly: within the acceptor's time, and not voided since",
    "offers": "offers of their tasks (派遣), at filing",
    "returns": "returns of their tasks (退件), at filing",
    "unjustified": "… of which were unjustified (推诿): refused, and not set aside by the arbiter",
    "open": "of the filed ones, still open",
    "dispatched": "cases dispatched (派遣), when it was last decided to whom",
    "dispatched_well": "… of which in time and rightly: nobody gave them back with good reason",
    "undispatched": "cases that wait for a dispatcher, at the dispatcher's deadline, which may still lie ahead",
    "disposed": "cases disposed of (处置), at disposal; a disposal that failed inspection is none",
    "on_time": "… of which by the case's own deadline",
    "reworked": "… of which after rework (返工)",
    "extended_disposed": "… of which after an extension was approved (延期)",
    "settled": "… of which were closed since",
    "work_minutes": "minutes of the tenant's working time from filing to disposal, at disposal",
    "undisposed": "cases not disposed of yet, at their own deadline, which may still lie ahead",
    "extended_undisposed": "… of which after an extension was approved (延期)",
    "late": "cases disposed of only after their deadline, at the deadline",
    "inspected": "cases inspected (核查), passed or not, at the newest inspection",
    "inspected_on_time": "… of which in time",
    "uninspected": "cases that wait for inspection, at its deadline, which may still lie ahead",
    "closed": "cases closed (结案), at closure",
    "closed_on_time": "… of which in time: disposed of by their own deadline, and closed within the time for it",
    "closed_reworked": "… of which after rework",
    "unclosed": "cases not closed yet, at their own deadline, which may still lie ahead",
    "reworked_unclosed": "… of which after rework",
    "voided": "cases voided (作废), at that moment; they count as nothing else but filed",
    "rated": "closed cases that the reporter rated (好差评), at closure",
    "satisfied": "… of which 3 to 5 of 5: the two lowest levels are the poor ones",
    "contacted": "closed cases whose reporters were reached by a callback (回访), at closure",
    "contacted_on_time": "… of which in time",
    "resolved": "… of which the reporter says that the matter is resolved",
    "content": "… of which the reporter is content",
}

COUNTERS: tuple[str, ...] = (*REPORT_COUNTERS, *CASE_COUNTERS)
"""Every counter, in the order of the totals' columns."""


class Pending(NamedTuple):
    """A counter made at reading: what `stored` holds of the buckets that are over, for how far depends on now."""

    stored: str
    meaning: str


PENDING: Mapping[str, Pending] = {
    "overdue_pending": Pending("undisposed", "overdue and not disposed of yet, at the deadline"),
    "extended_pending": Pending("extended_undisposed", "… of which after an extension was approved (延期)"),
    "dispatch_pending": Pending("undispatched", "still waiting for a dispatcher after the time for it"),
    "inspection_pending": Pending("uninspected", "still waiting for inspection after the time for it"),
    "closure_pending": Pending("unclosed", "not closed yet after the case's own deadline"),
    "rework_pending": Pending("reworked_unclosed", "… of which after rework"),
}
"""Counters that come to be by time alone, without an event."""
