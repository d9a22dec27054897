"""Indicators as data: each is one formula over counters, with its words and where it comes from.

After public implementations of GB/T 30428's evaluation; its own text could not be read, so no conformity is
claimed. "Due" means disposed of in the period, or overdue in it and still not disposed of.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from qipan.tenancy import Words

OVERDUE_PENDING = "overdue_pending"
"""A counter made at reading: `undisposed` of the buckets that are over (how far depends on now)."""

EXTENDED_PENDING = "extended_pending"
"""Made at reading, too: `extended_undisposed` of the buckets that are over."""


@dataclass(frozen=True, slots=True)
class Sum:
    """Counters added and taken away."""

    plus: tuple[str, ...]
    minus: tuple[str, ...] = ()

    def of(self, counts: Mapping[str, int]) -> int:
        """The sum; a counter that is not there is 0."""
        return sum(counts.get(name, 0) for name in self.plus) - sum(
            counts.get(name, 0) for name in self.minus
        )


@dataclass(frozen=True, slots=True)
class Indicator:
    """A rate between two sums. `source` says where the formula comes from."""

    id: str
    name: Words
    numerator: Sum
    denominator: Sum
    source: str = "GB/T 30428 practice"

    def value(self, counts: Mapping[str, int]) -> float | None:
        """The rate; None where there is nothing to divide by, which is neither 0 nor 100 %."""
        below = self.denominator.of(counts)
        return self.numerator.of(counts) / below if below > 0 else None


_DUE = Sum(("disposed", OVERDUE_PENDING))
_VALID = Sum(("received",), minus=("declined",))

INDICATORS: tuple[Indicator, ...] = (
    Indicator("disposal", Words("处置率", "Disposal rate"), Sum(("disposed",)), _DUE),
    Indicator("on_time_disposal", Words("按期处置率", "On-time disposal rate"), Sum(("on_time",)), _DUE),
    Indicator(
        "overdue_pending", Words("超期未处置率", "Overdue pending rate"), Sum((OVERDUE_PENDING,)), _DUE
    ),
    Indicator("closure", Words("结案率", "Closure rate"), Sum(("settled",)), _DUE),
    Indicator("rework", Words("返工率", "Rework rate"), Sum(("reworked",)), _DUE),
    Indicator(
        "extension", Words("延期率", "Extension rate"), Sum(("extended_disposed", EXTENDED_PENDING)), _DUE
    ),
    Indicator("filing", Words("立案率", "Filing rate"), Sum(("for_filing",)), _VALID),
    Indicator("valid_report", Words("有效上报率", "Valid report rate"), _VALID, Sum(("received",))),
    Indicator(
        "on_time_verification",
        Words("按期核实率", "On-time verification rate"),
        Sum(("verified_on_time",)),
        Sum(("verified",)),
    ),
    Indicator("self_disposal", Words("自处置率", "Self-disposal rate"), Sum(("self_disposed",)), _VALID),
    Indicator("returned", Words("退件率", "Return rate"), Sum(("returns",)), Sum(("offers",))),
    Indicator("buck_passing", Words("推诿率", "Buck-passing rate"), Sum(("unjustified",)), Sum(("offers",))),
    Indicator(
        "callback_response",
        Words("回访响应率", "Callback response rate"),
        Sum(("contacted_on_time",)),
        Sum(("closed",)),
        "the complaint hotlines' three rates (接诉即办)",
    ),
    Indicator(
        "callback_resolution",
        Words("回访解决率", "Callback resolution rate"),
        Sum(("resolved",)),
        Sum(("contacted",)),
        "the complaint hotlines' three rates (接诉即办)",
    ),
    Indicator(
        "callback_satisfaction",
        Words("回访满意率", "Callback satisfaction rate"),
        Sum(("content",)),
        Sum(("contacted",)),
        "the complaint hotlines' three rates (接诉即办)",
    ),
    Indicator(
        "satisfaction",
        Words("满意率", "Satisfaction rate"),
        Sum(("satisfied",)),
        Sum(("rated",)),
        "the complaint hotlines' three rates (接诉即办)",
    ),
)


def rates(counts: Mapping[str, int]) -> dict[str, float | None]:
    """Every indicator's value."""
    return {indicator.id: indicator.value(counts) for indicator in INDICATORS}
