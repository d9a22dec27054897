"""The pages' commands would be understood, without running them: by make, by qipan, by the programs that exist."""

import importlib.util
import io
import re
from collections.abc import Sequence

import pytest
import typer
import yaml
from rich.console import Console
from typer.core import TyperGroup

from exercise import demo, replay, visit
from qipan.cli import commands
from qipan.cli.console import PIPED_WIDTH, table, width_for
from tests.docs_pages import ROOT, Page, pages, programs

TOOLS = {
    "cat",
    "cd",
    "cp",
    "curl",
    "cut",
    "echo",
    "export",
    "git",
    "grep",
    "kill",
    "kubectl",
    "mkdir",
    "prometheus",
    "psql",
    "pytest",
    "rabbitmqctl",
    "sed",
    "sudo",
    "tail",
}
"""What a reader's machine has besides what is ours."""

TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
COMPOSED = set(
    yaml.safe_load((ROOT / "deploy" / "compose" / "compose.yaml").read_text(encoding="utf-8"))["services"]
)
PARSERS = {
    "exercise.demo": demo._options,
    "exercise.replay": replay._options,
    "exercise.visit": visit._options,
}
"""Modules of ours whose options the pages may give."""


class NotUnderstood(Exception):
    """The command line would be refused."""


def understand(words: Sequence[str]) -> None:
    """NotUnderstood unless the program exists and, when it is one of ours, takes these arguments."""
    program, *arguments = words
    program = program.removeprefix(".venv/bin/")
    if program == "qipan":
        _qipan(arguments)
    elif program == "make":
        targets = [word for word in arguments if "=" not in word]
        if not targets or not set(targets) <= TARGETS:
            raise NotUnderstood(f"make {targets}")
    elif program == "docker":
        _docker(arguments)
    elif program == "xargs":
        understand([*arguments, "word"])
    elif program in {"python", "python3"}:
        _python(arguments)
    elif "/" in program or program == ".":
        if not (ROOT / (arguments[0] if program == "." else program)).exists() and ".venv" not in " ".join(
            words
        ):
            raise NotUnderstood(f"there is no {program}")
    elif program not in TOOLS:
        raise NotUnderstood(f"{program} is no program that a page may take for granted")


def _docker(arguments: Sequence[str]) -> None:
    """What compose is to run of ours: its services are there, and `operator` is `qipan`."""
    if arguments[:2] == ["compose", "run"]:
        service, *words = [word for word in arguments[2:] if word != "--rm"]
        if service not in COMPOSED:
            raise NotUnderstood(f"compose has no {service}")
        if service == "operator":
            _qipan(words)
        else:
            _parse("exercise.visit", ["--gateway", "x", *words])


def _python(arguments: Sequence[str]) -> None:
    if arguments[0] == "-m":
        if importlib.util.find_spec(arguments[1]) is None:
            raise NotUnderstood(f"there is no module {arguments[1]}")
        _parse(arguments[1], arguments[2:])
    elif arguments[0] != "-c" and not (ROOT / arguments[0]).is_file():
        raise NotUnderstood(f"there is no {arguments[0]}")


def _parse(module: str, arguments: Sequence[str]) -> None:
    try:
        PARSERS.get(module, lambda _: None)(arguments)
    except SystemExit as refused:
        raise NotUnderstood(f"{module} {arguments}") from refused


def _qipan(arguments: Sequence[str]) -> None:
    """Have the real command line parse the words; nothing is called."""
    command, context, left = typer.main.get_command(commands), None, list(arguments)
    try:
        while True:
            context = command.make_context(command.name, left, parent=context)
            if not isinstance(command, TyperGroup):
                break
            _, command, left = command.resolve_command(context, [*context._protected_args, *context.args])
    except Exception as error:
        raise NotUnderstood(f"qipan {' '.join(arguments)}: {error}") from error
    if command.name == "replay":
        _parse("exercise.replay", [str(context.params["file"]), "--mapping", "m", *context.args])


def misunderstood(one: Page) -> list[str]:
    """The page's commands that would be refused."""
    found = []
    for command in one.commands:
        try:
            for words in programs(command):
                understand(words)
        except NotUnderstood as error:
            found.append(f"{command}: {error}")
    return found


def unknown_in_prose(one: Page) -> list[str]:
    """`make X` and `qipan X` in the prose that name no target and no command; `a|b` are alternatives."""
    found = []
    for span in one.spans:
        program, _, rest = span.partition(" ")
        if program == "make" and rest:
            targets = re.split(r"[ |]", re.sub(r"[A-Z]+=\S+", "", rest).strip())
            found += [span for target in targets if target not in TARGETS]
        elif program == "qipan":
            found += [span] * (not _is_command(rest.split()))
    return found


def _is_command(words: Sequence[str]) -> bool:
    command = typer.main.get_command(commands)
    for word in words:
        if not isinstance(command, TyperGroup):
            options = {option for parameter in command.params for option in parameter.opts}
            return not word.startswith("--") or word in options
        known = [command.commands.get(name) for name in word.split("|")]
        if None in known:
            return False
        command = known[0]
    return True


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


class TestEveryPage:
    def test_its_commands_are_understood(self) -> None:
        assert {str(one): found for one in pages() if (found := misunderstood(one))} == {}

    def test_its_prose_names_commands_that_there_are(self) -> None:
        assert {str(one): found for one in pages() if (found := unknown_in_prose(one))} == {}


@pytest.mark.parametrize(
    "command",
    [
        "make nothing",
        "qipan fly",
        "qipan dead list --towns sandun",
        "qipan scale dispatch@sandun many",
        "qipan case why",
        "qipan replay nothing.csv --mapping exercise/mappings/baltimore.toml",
        "qipan replay tests/data/baltimore_311_sample.csv --mapping exercise/mappings/baltimore.toml --haste 9",
        "python -m qipan.nothing",
        "python -m exercise.demo --haste 9",
        "QIPAN_LOG=json qipan fly",
        "kill $(qipan fly)",
        "cat var/demo.json | frobnicate",
        "docker compose run --rm operator fly",
        "docker compose run --rm nobody who",
        "docker compose run --rm demo --haste 9",
    ],
)
def test_a_command_that_would_be_refused_is_noticed(command: str) -> None:
    assert misunderstood(Page(ROOT / "x.md", f"```console\n$ {command}\n```\n")) != []


def test_a_command_that_there_is_not_is_noticed_in_prose() -> None:
    text = "`make fly` `qipan fly` `qipan dead list|fly` `qipan dead list|show` `make demo` `qipan up`"
    assert unknown_in_prose(Page(ROOT / "x.md", text)) == ["make fly", "qipan fly", "qipan dead list|fly"]


def test_an_address_that_a_page_pipes_into_grep_is_not_folded() -> None:
    shown = table("process", "state", "pid", "operations at", "since (UTC)", "restarts")
    shown.add_row(
        "squad@traffic-police.1", "not ready", "4194304", "http://127.0.0.1:65535", "23:59:59", "10"
    )
    piped = io.StringIO()
    Console(file=piped, width=width_for(piped)).print(shown)
    assert any(
        {"squad@traffic-police.1", "http://127.0.0.1:65535"} <= set(line.split())
        for line in piped.getvalue().splitlines()
    )
    assert max(map(len, piped.getvalue().splitlines())) <= PIPED_WIDTH
