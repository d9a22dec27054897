"""What of a run across hosts does not hold. Pure."""

from collections.abc import Collection, Mapping
from typing import Any

INVARIANTS = ("lost", "duplicate_effects", "unsent", "not_recovered", "calls_wrong")
"""What must be zero."""

FLOORS = (
    "repeated_deliveries",
    "calls_answered",
    "longest_gap_without_a_confirm",
    "longest_gap_without_a_delivery",
)
"""What must not be zero: where nothing was delivered twice, the inbox had nothing to do."""

CONTROL = ("lost", "duplicate_effects")
"""What the control must find."""


def broken(
    figures: Mapping[str, Any], at_least: int, faults: Collection[str], *, controlled: bool = True
) -> list[str]:
    """What does not hold, by name. `at_least` is how many events must have been confirmed, `faults` what must have
    struck; without `controlled` nothing shows that a loss would be seen."""
    found = [name for name in INVARIANTS if figures[name]]
    found += [f"no {name}" for name in FLOORS if not figures[name]]
    found += ["confirmed"] if figures["confirmed"] < at_least else []
    found += [f"never struck: {name}" for name in faults if not figures["faults"].get(name)]
    if not controlled:
        return [*found, "no control was run"]
    return found + [f"control: no {name}" for name in CONTROL if not figures["control"][name]]
