"""The reference of rights: `python -m qipan.access.reference [--check]`."""

import sys

from qipan import generated
from qipan.access.policy import Rule, Scope, core_rules
from qipan.access.principal import Role

PAGE = "access.md"

_HEAD = """# Who may do what

The one table of rights (`qipan/access/policy.py`), checked in the service that acts. What it does not name is
denied. A right reaches as far as its scope, and never from an exercise into real life or back:

| scope | reaches |
|---|---|
| own | what is the person's own |
| unit | what is assigned to one of the person's units, in whichever tenant it arose |
| cell | what lies in one of the person's cells |
| department | what is assigned to the department that the person's tenant is |
| tenant | everything of the person's tenant; for the district's people, of all its tenants |
| district | everything in the district, whichever tenant the person is of |

A department's people keep `unit`, `department` and `district` in another tenant; of `tenant` they keep
`department` where the action only reads. A town's people have outside their town no right but `district`.
Where “in need” stands, the district's own people may in a town that has nobody of its own for it.

<!-- made by `python -m qipan.access.reference`; do not edit -->

| action | who (scope) |
|---|---|
"""


def as_text() -> str:
    """The page."""
    return _HEAD + "".join(
        f"| `{action}` | {_who(rule)} |\n" for action, rule in sorted(core_rules().items())
    )


def _who(rule: Rule) -> str:
    if rule.everyone:
        return "everyone, signed in or not"
    by_scope: dict[Scope, list[Role]] = {}
    for role, scope in rule.scopes.items():
        by_scope.setdefault(scope, []).append(role)
    who = [f"{', '.join(sorted(roles))} ({scope})" for scope, roles in sorted(by_scope.items())]
    if rule.from_above:
        who.append(f"the district's {', '.join(sorted(rule.from_above))} (in need)")
    return "; ".join(who)


if __name__ == "__main__":
    sys.exit(generated.main(PAGE, as_text()))
