"""How long the stages of a case may take: matter × condition × stage, and why. Pure.

The town's usual limits, then the matter's own, then what the town's pack says for these circumstances: for each stage
the rule with the highest priority, of equals the one with the narrowest condition.
"""

from collections.abc import Iterable
from dataclasses import replace

from qipan.tenancy import Matter
from qipan.tenancy.condition import Circumstances
from qipan.tenancy.dispatch_rules import LIMITED, LimitRule
from services.dispatch.clocks import Limits


def limits_of(matter: Matter, usual: Limits) -> Limits:
    """The matter's own limits for accepting, disposing and inspecting; the town's usual ones for the rest."""
    own = matter.limits
    return Limits(usual.dispatch, own.accept, own.dispose, own.inspect, usual.close)


def under(rules: Iterable[LimitRule], now: Circumstances, limits: Limits) -> tuple[Limits, str]:
    """The limits in these circumstances, and by which rules (empty: by none).

    `rules` in the order in which they go first.
    """
    holding = [rule for rule in rules if rule.when.holds(now)]
    changes, reasons = {}, []
    for clock in LIMITED:
        rule = next((rule for rule in holding if clock in rule.limits), None)
        if rule is not None:
            limit = changes[clock] = rule.limits[clock]
            reasons.append(f"{clock} {limit} by {rule.id} ({rule.when})")
    return (replace(limits, **changes), "; ".join(reasons)) if changes else (limits, "")
