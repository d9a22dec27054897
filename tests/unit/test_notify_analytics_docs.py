"""The reference pages name every rule's event, template, variable, state, indicator and counted cut there is."""

from pathlib import Path

import pytest

from qipan import generated
from services.analytics import reference
from services.analytics.totals import Cut
from services.notify.deliveries import State
from services.notify.mail import KEY_HEADER
from services.notify.rulebook import core_rules
from services.notify.words import VARIABLES

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"

RULES = [rule for rules in core_rules().values() for rule in rules]
NAMES = [
    *{("notifications.md", rule.event) for rule in RULES},
    *{("notifications.md", rule.template) for rule in RULES},
    *(("notifications.md", state.value) for state in State),
    ("notifications.md", KEY_HEADER),
    *(("indicators.md", cut.value) for cut in Cut),
]


@pytest.mark.parametrize(("page", "name"), sorted(NAMES))
def test_every_name_is_on_its_page(page: str, name: str) -> None:
    assert f"`{name}`" in (REFERENCE / page).read_text(encoding="utf-8")


def test_every_variable_is_described_as_the_code_does() -> None:
    text = (REFERENCE / "notifications.md").read_text(encoding="utf-8")
    assert [name for name, meaning in VARIABLES.items() if f"| `{name}` | {meaning} |" not in text] == []


def test_the_page_of_indicators_is_what_their_declarations_say() -> None:
    assert generated.is_current(reference.PAGE, reference.as_text())
