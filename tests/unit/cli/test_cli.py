"""The command line: what it offers, and what it says when something is wrong."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from qipan import cli
from qipan.cli import serves
from qipan.cli.console import stdout, table


@pytest.fixture(autouse=True)
def nothing_runs_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QIPAN_VAR", str(tmp_path / "var"))
    for name in ("QIPAN_AMQP_URL", "QIPAN_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [("dispatch", ("dispatch", None)), ("dispatch@sandun~ex7", ("dispatch", "sandun~ex7"))],
)
def test_a_service_may_be_named_with_its_tenant(text: str, meaning: tuple[str, str | None]) -> None:
    assert serves.parse(text) == meaning


@pytest.mark.parametrize("text", ["", "@sandun", "dispatch@"])
def test_half_a_name_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="dispatch@sandun"):
        serves.parse(text)


def test_help_names_every_command() -> None:
    said = CliRunner().invoke(cli.commands, ["--help"]).output
    for name in (
        "up",
        "run",
        "ps",
        "scale",
        "retire",
        "logs",
        "who",
        "replay",
        "db",
        "broker",
        "dead",
        "case",
        "contacts",
        "photos",
        "apikey",
        "device",
    ):
        assert f" {name} " in said


@pytest.mark.parametrize(
    "words",
    [
        ["ps"],
        ["scale", "dispatch@sandun", "2"],
        ["retire", "dispatch@sandun"],
        ["logs", "dispatch.1"],
        ["who"],
        ["db", "migrate"],
        ["db", "provision"],
        ["broker", "provision"],
        ["dead", "list"],
        ["dead", "redrive", "x"],
        ["case", "why", "x"],
    ],
    ids=" ".join,
)
def test_where_nothing_runs_each_command_says_what_to_do(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["qipan", *words])
    with pytest.raises(SystemExit) as ended:
        cli.app()
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert "qipan up" in " ".join(said.split())
    assert "Traceback" not in said


def test_a_broken_pack_is_told_fault_by_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QIPAN_DISTRICT", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["qipan", "up"])
    with pytest.raises(SystemExit) as ended:
        cli.app()
    assert ended.value.code == 1
    said = capsys.readouterr().err
    for file in ("district.toml", "matters.toml", "departments.toml"):
        assert file in said


def test_a_table_folds_what_does_not_fit_and_cuts_nothing() -> None:
    shown = table("password")
    shown.add_row("x" * 300)
    with stdout.capture() as captured:
        stdout.print(shown)
    assert captured.get().count("x") == 300


def test_accounts_lists_one_of_each_role_or_everybody_of_a_tenant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QIPAN_DISTRICT", str(Path("districts/xihu").absolute()))
    one_each = CliRunner().invoke(cli.commands, ["accounts"]).output
    assert "district-lead" in one_each
    sandun = CliRunner().invoke(cli.commands, ["accounts", "--tenant", "sandun"]).output
    assert "sandun.shift-leader.1" in sandun
    assert "beishan" not in sandun


def test_containers_are_refused_on_what_there_is_not() -> None:
    said = CliRunner().invoke(cli.commands, ["ps", "--on", "podman"])
    assert said.exit_code == 2


def test_a_new_town_needs_its_facts_or_an_archive(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli.commands, ["town", "add", "qiaoxi", "--code", "330106014"])
    assert done.exit_code == 2
    for option in ("--name-zh", "--name-en", "--population", "--outline"):
        assert option in done.output
    assert "--code," not in done.output
    words = [
        "--name-zh",
        "桥西",
        "--name-en",
        "Q",
        "--code",
        "1",
        "--population",
        "1",
        "--outline",
        "x",
        "--cells",
        "duty",
    ]
    done = CliRunner().invoke(cli.commands, ["town", "add", "qiaoxi", *words])
    assert done.exit_code == 2
    assert "LAYER=FILE" in done.output


def test_a_town_is_not_removed_where_nobody_can_say_what_it_has_left() -> None:
    done = CliRunner().invoke(cli.commands, ["town", "remove", "wenxin", "--to", "sandun"])
    assert done.exit_code == 1
    assert "broker and database can be asked" in str(done.exception)
