"""`qipan notify undelivered|resend|preview|test-send|check`: messages to people and systems."""

from typing import Annotated

import typer

from qipan.cli import service_program

commands = typer.Typer(help="Messages to people and systems.", no_args_is_help=True)


@commands.command("undelivered")
def list_undelivered(
    tenant: Annotated[str, typer.Option(help="To people and systems of this tenant only.")] = "",
    destination: Annotated[str, typer.Option(help="By this destination only.")] = "",
    waiting: Annotated[bool, typer.Option("--waiting", help="Also what failed and is tried again.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many of a tenant.")] = 100,
) -> None:
    """List what was given up, with its key and the reason."""
    words = ["undelivered", "--limit", str(limit)]
    words += ["--tenant", tenant] if tenant else []
    words += ["--destination", destination] if destination else []
    service_program.become("notify", *words, *(["--waiting"] if waiting else []))


@commands.command()
def resend(
    tenant: Annotated[str, typer.Argument(help="Whose people and systems they are for.")],
    keys: Annotated[
        list[str] | None, typer.Argument(help="Their keys; none: all that were given up.")
    ] = None,
    destination: Annotated[str, typer.Option(help="Without keys: by this destination only.")] = "",
) -> None:
    """Try deliveries again, under the same keys and with all their attempts before them."""
    chosen = ["--destination", destination] if destination else []
    service_program.become("notify", "resend", *chosen, tenant, *(keys or []))


Language = Annotated[str, typer.Option(help="zh or en.")]


@commands.command()
def preview(
    tenant: Annotated[str, typer.Argument(help="Whose words.")],
    template: Annotated[str, typer.Argument(help="Such as task.offered.")],
    language: Language = "zh",
    html: Annotated[bool, typer.Option("--html", help="As mail shows it.")] = False,
) -> None:
    """Show what a template says, with made-up values."""
    words = ["preview", tenant, template, "--language", language, *(["--html"] if html else [])]
    service_program.become("notify", *words)


@commands.command("test-send")
def send_test(
    tenant: Annotated[str, typer.Argument(help="Whose words, and whose destination.")],
    template: Annotated[str, typer.Argument(help="Such as task.offered.")],
    destination: Annotated[str, typer.Option(help="To this destination.")] = "",
    person: Annotated[str, typer.Option(help="Or to this person.")] = "",
    channel: Annotated[str, typer.Option(help="By this channel.")] = "mail",
    language: Language = "zh",
) -> None:
    """Queue a template's words, marked as a test; a running notify sends them."""
    way = ["--destination", destination] if destination else ["--person", person, "--channel", channel]
    service_program.become("notify", "test-send", tenant, template, "--language", language, *way)


@commands.command()
def check() -> None:
    """Read rules, templates and the operator's file, and say what is wrong; or which destinations there are."""
    service_program.become("notify", "check", needs_database=False)
