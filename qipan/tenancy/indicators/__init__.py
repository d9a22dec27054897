"""Indicators as data: what is counted, the formulas over it, and a town's own; docs/reference/indicators.md."""

from qipan.tenancy.indicators.counters import CASE_COUNTERS, COUNTERS, PENDING, REPORT_COUNTERS
from qipan.tenancy.indicators.formula import Indicator, Sum, Unit
from qipan.tenancy.indicators.standard import INDICATORS

__all__ = [
    "CASE_COUNTERS",
    "COUNTERS",
    "INDICATORS",
    "PENDING",
    "REPORT_COUNTERS",
    "Indicator",
    "Sum",
    "Unit",
]
