"""Pages made from the code say what the code says; each refers to nothing that it does not have."""

from collections.abc import Callable
from typing import Any

import pytest

from qipan import generated, settings_reference
from qipan.access import reference as access_reference
from qipan.http import reference as problems_reference
from qipan.observability import reference as figures_reference
from qipan.observability.health import Health
from qipan.settings import Settings
from services.gateway import reference as gateway_reference
from services.gateway.description import document
from services.gateway.routes import DOOR_ROUTES, ROUTES
from services.gateway.web import create_app
from tests.contract.test_asyncapi import references


@pytest.mark.parametrize(
    ("page", "text"),
    [
        (access_reference.PAGE, access_reference.as_text),
        (figures_reference.PAGE, figures_reference.as_text),
        (gateway_reference.PAGE, gateway_reference.as_text),
        (problems_reference.PAGE, problems_reference.as_text),
        (settings_reference.PAGE, settings_reference.as_text),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_page_is_current(page: str, text: Callable[[], str]) -> None:
    assert generated.is_current(page, text())


def test_a_page_out_of_date_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(generated, "REFERENCE", tmp_path)
    assert generated.main("page.md", "new", ["--check"]) == 1
    assert generated.main("page.md", "new", []) == 0
    assert generated.main("page.md", "new", ["--check"]) == 0
    assert generated.main("page.md", "newer", ["--check"]) == 1


def test_every_setting_says_what_it_means() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_the_gateways_description_is_complete() -> None:
    app = create_app(lambda: None, Health())
    described = document(app)
    for reference in set(references(described)):
        found: Any = described
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
    addresses = {(method, route.path) for route in app.routes for method in getattr(route, "methods", ())}
    shown = {(method.upper(), path) for path, item in described["paths"].items() for method in item}
    assert addresses - shown - {("GET", "/openapi.json"), ("HEAD", "/openapi.json")} == set(DOOR_ROUTES)
    assert {(route.method, route.path) for route in ROUTES} <= shown
