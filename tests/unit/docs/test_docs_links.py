"""What the pages name is there: links, files, symbols; and nothing that belongs to one machine only."""

import ast
import re
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest

from tests.docs_pages import ROOT, Page, page, pages

HOSTS = {
    "127.0.0.1",
    "localhost",
    "host",
    "broker",
    "database",
    "mail",
    "its.example",
    "gateway.example",
    "qipan-broker.qipan",
    "qipan-database-rw.qipan",
}
"""The hosts that a page may name: this machine, and stand-ins for the reader's own."""

OUR_ROOTS = {
    "qipan", "services", "districts", "exercise", "bench", "tests", "docs", "scripts", "deploy", ".ci",
}  # fmt: skip
MADE_LATER = {"var", ".venv"}
ABSOLUTE = re.compile(r"/(v1|open311|metrics|healthz|readyz|openapi\.json|api|root|tmp|run/qipan|var/tmp)\b")
"""What a page may name from the root on: addresses, and places that every Debian and every container of ours has."""


def missing_links(one: Page) -> list[str]:
    """Links that lead nowhere."""
    missing = []
    for link in one.links:
        parts = urlsplit(link)
        target = (one.path.parent / parts.path).resolve() if parts.path else one.path
        leads = parts.netloc in HOSTS if parts.scheme else target.exists()
        if leads and parts.fragment and target.suffix == ".md":
            leads = parts.fragment in page(target).anchors
        if not leads:
            missing.append(link)
    return missing


def missing_files(one: Page) -> list[str]:
    """Files and `file.py:Symbol` in backticks that are not there; `<…>` stands for a choice of the reader's."""
    missing = []
    for span in one.spans:
        path, _, symbol = span.partition(":")
        first = path.partition("/")[0]
        if first not in OUR_ROOTS or "/" not in path or any(mark in path for mark in "<> …"):
            continue
        for option in _options(path):
            found = sorted(ROOT.glob(option)) if "*" in option else [ROOT / option]
            there = bool(found) and all(each.exists() for each in found)
            if not there or (symbol and not has_symbol(found[0], symbol)):
                missing.append(span)
    return missing


def has_symbol(file: Path, dotted: str) -> bool:
    """Whether a Python file defines `Class.method`, a function or a name."""
    inside: ast.AST = ast.parse(file.read_text(encoding="utf-8"))
    for name in dotted.split("."):
        found = next((each for each in getattr(inside, "body", []) if name in _names(each)), None)
        if found is None:
            return False
        inside = found
    return True


def _names(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return {node.name}
    if isinstance(node, ast.Assign):
        return {target.id for target in node.targets if isinstance(target, ast.Name)}
    return (
        {node.target.id} if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) else set()
    )


def _options(path: str) -> list[str]:
    """`a/{b,c}` as `a/b` and `a/c`."""
    choice = re.search(r"\{([^}]*)\}", path)
    if choice is None:
        return [path]
    return [
        option
        for word in choice[1].split(",")
        for option in _options(path[: choice.start()] + word + path[choice.end() :])
    ]


def foreign(one: Page) -> list[str]:
    """Hosts and absolute paths that mean something on one machine only."""
    named = re.findall(r"\b\w+://(?:[\w:.-]+@)?([A-Za-z0-9.-]+)", one.text)
    hosts = [host for host in named if host not in HOSTS]
    paths = [span for span in one.spans if span.startswith("/") and not ABSOLUTE.match(span)]
    return hosts + paths


class TestEveryPage:
    def test_its_links_lead_somewhere(self) -> None:
        assert {str(one): found for one in pages() if (found := missing_links(one))} == {}

    def test_the_files_and_symbols_that_it_names_are_there(self) -> None:
        assert {str(one): found for one in pages() if (found := missing_files(one))} == {}

    def test_it_names_nothing_of_one_machine_or_network(self) -> None:
        assert {str(one): found for one in pages() if (found := foreign(one))} == {}


def test_what_is_missing_is_noticed() -> None:
    """The control: one broken thing of each kind, beside its sound neighbour."""
    bad = Page(
        ROOT / "docs" / "made-up.md",
        "[x](nowhere.md) [y](../README.md) [z](../README.md#nothing-of-that-name)\n"
        "`qipan/sdk.py` `qipan/nothing.py` `docs/*.none` `qipan/{sdk,none}.py`\n"
        "`qipan/messaging/relay.py:Relay.start` `qipan/messaging/relay.py:Relay.fly`\n"
        "`/home/me/notes` `/readyz` http://elsewhere.example/x http://127.0.0.1:1/x\n",
    )
    assert missing_links(bad) == ["nowhere.md", "../README.md#nothing-of-that-name"]
    assert missing_files(bad) == [
        "qipan/nothing.py", "docs/*.none", "qipan/{sdk,none}.py", "qipan/messaging/relay.py:Relay.fly",
    ]  # fmt: skip
    assert foreign(bad) == ["elsewhere.example", "/home/me/notes"]


@pytest.mark.parametrize("picture", sorted(ROOT.glob("docs/**/*.svg")), ids=lambda path: path.name)
def test_a_picture_is_well_formed_and_fetches_nothing(picture: Path) -> None:
    text = picture.read_text(encoding="utf-8")
    ElementTree.fromstring(text)
    assert re.findall(r"href=|url\((?!#)|@import|@font-face|<script|<image", text) == []
