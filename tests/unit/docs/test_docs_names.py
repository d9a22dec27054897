"""The names that the pages use are the code's: settings, figures, messages, tables, addresses."""

import json
import re
from collections.abc import Iterable

from qipan.access.policy import core_rules
from qipan.contracts import commands, queries, subscriptions
from qipan.contracts.base import events, requests
from qipan.contracts.subscriptions import CORE_SERVICES
from qipan.observability import metrics
from qipan.settings import Settings
from qipan.storage.provision import SCHEMAS, role_of
from qipan.storage.tenant_roles import TenantRole
from services.gateway.routes import DOOR_ROUTES, ROUTES
from tests.docs_pages import ROOT, Page, pages

SETTINGS = {f"QIPAN_{name.upper()}{end}" for name in Settings.model_fields for end in ("", "_FILE")}
METRICS = {
    name
    for family in metrics.REGISTRY.collect()
    for name in (
        family.name,
        *(f"{family.name}_{end}" for end in ("total", "count", "sum", "bucket", "info")),
    )
} | {"qipan_db_pool_connections", "qipan_relay_cpu_seconds_total"}
"""The last two appear when a process has a pool or a relay to watch."""

REGISTERED_BY = (commands, queries, subscriptions)
TYPES = {*events(), *requests(), *core_rules()}
ROLES = {role_of(service) for service in SCHEMAS} | {
    TenantRole(service, "sandun").name for service in CORE_SERVICES
}
ADDRESSES = {route.path for route in ROUTES} | {
    path
    for file in ("openapi-gateway.json", "openapi-intake.json")
    for path in json.loads((ROOT / "docs" / "reference" / file).read_text(encoding="utf-8"))["paths"]
}


def unknown_names(one: Page) -> list[str]:
    """Names of settings, figures and messages (also as keys, tenant first) that the code does not have."""
    named = re.findall(r"\bQIPAN_[A-Z_]+\b(?!…)", one.text)
    figures = re.findall(r"\bqipan_[a-z_]+\b", one.text)
    types = re.findall(r"(?<![\w.-])[a-z-]+\.[a-z.-]+\.v\d+\b", one.text)
    return [
        *(name for name in named if name not in SETTINGS),
        *(name for name in figures if name not in METRICS | ROLES),
        *(name for name in types if name not in TYPES and name.partition(".")[2] not in TYPES),
    ]


def unknown_tables(one: Page) -> list[str]:
    """`schema.table` in the page's SQL that no migration makes."""
    named = {
        (schema, table)
        for block in (*one.blocks("sql"), *one.commands)
        for schema, table in re.findall(r"\b([a-z]+)\.([a-z_]+)\b", block)
        if schema in SCHEMAS and "SELECT" in block.upper()
    }
    return sorted(f"{schema}.{table}" for schema, table in named if table not in _tables(schema))


def _tables(schema: str) -> set[str]:
    made = "".join(
        file.read_text(encoding="utf-8") for file in ROOT.glob(f"services/{schema}/migrations/versions/*.py")
    )
    found = set(re.findall(rf"CREATE TABLE (?:{schema}|\{{SCHEMA\}})\.(\w+)", made))
    return (
        found
        | set(re.findall(r"create_table\(\s*\"(\w+)\"", made))
        | {"outbox", "inbox", "timers", "answers"}
    )


def unknown_addresses(one: Page) -> list[str]:
    """Addresses of the API that neither the gateway nor the door has."""
    text = re.sub(r"/\$[A-Z]+", "/{any}", one.text)
    return [path for path in re.findall(r"/v1/[\w/{}-]+", text) if not _served(path, ADDRESSES)]


def _served(path: str, addresses: Iterable[str]) -> bool:
    words = path.rstrip("/").split("/")
    return any(
        len(words) == len(known := address.split("/"))
        and all(mine == its or its.startswith("{") for mine, its in zip(words, known, strict=True))
        for address in addresses
    )


class TestEveryPage:
    def test_its_names_are_the_codes(self) -> None:
        assert {str(one): found for one in pages() if (found := unknown_names(one))} == {}

    def test_its_tables_are_there(self) -> None:
        assert {str(one): found for one in pages() if (found := unknown_tables(one))} == {}

    def test_its_addresses_are_served(self) -> None:
        assert {str(one): found for one in pages() if (found := unknown_addresses(one))} == {}


def test_a_name_that_the_code_does_not_have_is_noticed() -> None:
    """The control: one wrong name of each kind, beside a right one."""
    text = (
        "QIPAN_VAR QIPAN_FOG qipan_outbox_messages qipan_fog_total qipan_dispatch case.filed.v1 case.lost.v1\n"
        "/v1/cases/{case_id}/accept /v1/fog\n```sql\nSELECT 1 FROM intake.outbox, intake.fog\n```\n"
    )
    page = Page(ROOT / "x.md", text)
    assert unknown_names(page) == ["QIPAN_FOG", "qipan_fog_total", "case.lost.v1"]
    assert unknown_addresses(page) == ["/v1/fog"]
    assert unknown_tables(page) == ["intake.fog"]


def test_the_doors_own_addresses_are_described() -> None:
    assert all(_served(path, ADDRESSES) for _, path in DOOR_ROUTES if "{" not in path)
