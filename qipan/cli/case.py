"""`qipan case why ID`: one timeline of a case over services, messages, clocks and people."""

from typing import Annotated

import typer

from qipan.cli.console import stdout, table
from qipan.hosting.dead_letters import dead_letters
from qipan.hosting.operator import Operator
from qipan.hosting.timeline import timeline
from qipan.settings import Settings

commands = typer.Typer(help="Cases.", no_args_is_help=True)


@commands.command()
def why(
    id: Annotated[str, typer.Argument(help="A case's or a report's id.")],
    tenant: Annotated[str, typer.Option(help="Look in this tenant only.")] = "",
) -> None:
    """Tell what happened to a case and why: every step, message and person, oldest first."""
    settings = Settings()
    with Operator(settings) as operator, dead_letters(settings) as store:
        told = timeline(operator, store, id, tenant or None)
    shown = table("domain time", "real time", "service", "what", "who", "v", "detail", "message · trace")
    for each in told.happenings:
        detail = ", ".join(f"{key}={value}" for key, value in each.detail.items())
        trace = each.traceparent.split("-")[1][:8] if each.traceparent else ""
        shown.add_row(
            f"{each.at:%F %T}",
            f"{each.real_at:%T.%f}"[:-3],
            each.service,
            each.what,
            f"{each.who} ({each.authority})" if each.authority not in (None, each.who) else each.who,
            "" if each.version is None else str(each.version),
            detail,
            " · ".join(part for part in ((each.message_id or "")[-12:], trace) if part),
        )
    stdout.print(shown)
    for silent in told.silent:
        stdout.print(f"{silent} could not be asked: the timeline may lack what it knows.", style="yellow")
