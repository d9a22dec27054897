"""`qipan doctor`: what is wrong, and what to do about it."""

import json
from typing import Annotated

import typer

from qipan.cli.console import stdout, table
from qipan.doctor import Level, worst
from qipan.doctor.examine import examine

_MARKS = {Level.OK: "✓", Level.WARNING: "!", Level.FAULT: "✗"}
_WORDS = {
    "zh": {Level.OK: "正常", Level.WARNING: "注意", Level.FAULT: "故障"},
    "en": {Level.OK: "ok", Level.WARNING: "warning", Level.FAULT: "fault"},
}


def register(commands: typer.Typer) -> None:
    """Add the command."""
    commands.command("doctor")(doctor)


def doctor(
    as_json: Annotated[
        bool, typer.Option("--json", help="For a machine: every finding, both languages.")
    ] = False,
    language: Annotated[str, typer.Option("--language", help="zh or en.")] = "en",
) -> None:
    """Look at settings, pack, disks, database, migrations, broker, queues and clocks, changing nothing.

    Exit code 0: all is well; 1: something is a fault; 2: nothing worse than a warning.
    """
    findings = examine()
    level = worst(findings)
    if as_json:
        typer.echo(
            json.dumps(
                {"level": level.value, "findings": [each.as_json() for each in findings]}, ensure_ascii=False
            )
        )
    else:
        words = _WORDS["zh" if language.lower().startswith("zh") else "en"]
        shown = table("", "area", "what", "what to do")
        for each in findings:
            mark = f"{_MARKS[each.level]} {words[each.level]}"
            shown.add_row(mark, each.area, each.what.in_language(language), each.do.in_language(language))
        stdout.print(shown)
    raise typer.Exit({Level.OK: 0, Level.FAULT: 1, Level.WARNING: 2}[level])
