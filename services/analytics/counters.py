"""What is counted: the columns of the totals, each anchored at one moment of a report's or case's life."""

from collections.abc import Mapping

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
    "offers": "offers of their tasks (派遣), at filing",
    "returns": "returns of their tasks (退件), at filing",
    "unjustified": "… of which were unjustified (推诿): refused, and not set aside by the arbiter",
    "open": "of the filed ones, still open",
    "disposed": "cases disposed of (处置), at disposal; a disposal that failed inspection is none",
    "on_time": "… of which by the case's own deadline",
    "reworked": "… of which after rework (返工)",
    "extended_disposed": "… of which after an extension was approved (延期)",
    "settled": "… of which were closed since",
    "undisposed": "cases not disposed of yet, at their own deadline, which may still lie ahead",
    "extended_undisposed": "… of which after an extension was approved (延期)",
    "late": "cases disposed of only after their deadline, at the deadline",
    "closed": "cases closed (结案), at closure",
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
