"""The wall around tenants' own code, and that what lies before it is described."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from qipan import sdk

ROOT = Path(__file__).parents[2]
ALLOWED = ("qipan.sdk", "qipan.contracts")
OUTSIDE = ROOT / "docs/howto/department-system"
"""A client that runs elsewhere and knows Qipan by HTTP alone."""


def own_code() -> list[Path]:
    """Every Python file in a pack or a template that is not a test."""
    found = [*(ROOT / "districts").rglob("*.py"), *(ROOT / "docs/howto").rglob("*.py")]
    return [
        file
        for file in found
        if "tests" not in file.parts and not file.name.startswith("test_") and OUTSIDE not in file.parents
    ]


def imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def forbidden(source: str) -> list[str]:
    """What a tenant's code may not import: all but Python's own, the sdk, contracts and one service."""
    return [
        module
        for module in imported(source)
        if module.partition(".")[0] not in sys.stdlib_module_names
        and not any(module == free or module.startswith(f"{free}.") for free in ALLOWED)
        and not re.fullmatch(r"services\.[a-z]+\.service", module)
    ]


@pytest.mark.parametrize("file", own_code(), ids=lambda file: str(file.relative_to(ROOT)))
def test_a_tenants_code_imports_only_what_it_may(file: Path) -> None:
    assert forbidden(file.read_text(encoding="utf-8")) == []


def test_there_is_code_to_look_at() -> None:
    assert {"dispatch.py", "floodwatch.py", "squad.py"} <= {file.name for file in own_code()}


@pytest.mark.parametrize(
    "line",
    [
        "from qipan.storage import Database",
        "import sqlalchemy",
        "from services.dispatch import writing",
        "from services.dispatch.tables import cases",
        "def f():\n    import qipan.messaging.service",
        "from . import neighbour",
    ],
)
def test_the_wall_holds(line: str) -> None:
    assert forbidden(line)


@pytest.mark.parametrize("name", sdk.__all__)
def test_every_name_of_the_sdk_is_described_on_its_page(name: str) -> None:
    assert re.search(rf"^{name} +\S.{{15,}}", sdk.__doc__ or "", re.MULTILINE), f"{name} is not described"
    assert hasattr(sdk, name)


def test_the_page_describes_nothing_else() -> None:
    described = re.findall(r"^(\w+) +[`A-Z]", sdk.__doc__ or "", re.MULTILINE)
    assert sorted(described) == sorted(sdk.__all__)
