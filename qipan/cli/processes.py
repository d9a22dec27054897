"""`qipan ps|scale|retire|logs|who`: the running host and who serves whom."""

from collections.abc import Sequence
from typing import Annotated

import typer

from qipan.cli import serves
from qipan.cli.console import stdout, table
from qipan.contracts.queries import Who
from qipan.hosting.control import Ask, ask
from qipan.hosting.operator import Operator
from qipan.hosting.port import Status
from qipan.settings import Settings

Serves = Annotated[str, serves.SERVES]


def register(commands: typer.Typer) -> None:
    """Add the commands."""
    for function in (ps, scale, retire, logs, who):
        commands.command(function.__name__)(function)


def ps() -> None:
    """List the processes of the Qipan that runs here."""
    _show(ask(Settings().var, Ask(do="ps")).processes)


def scale(which: Serves, replicas: Annotated[int, typer.Argument(min=0)]) -> None:
    """Run a service that many times; those that are too many finish what they hold."""
    service, tenant = serves.parse(which)
    _show(ask(Settings().var, Ask(do="scale", service=service, tenant=tenant, replicas=replicas)).processes)


def retire(which: Serves) -> None:
    """Stop a tenant's own instances of a service; the core serves the tenant again."""
    service, tenant = serves.parse(which)
    _show(ask(Settings().var, Ask(do="retire", service=service, tenant=tenant)).processes)


def logs(
    process: Annotated[str, typer.Argument(help="As `qipan ps` lists it, e.g. dispatch@sandun.1.")],
    lines: Annotated[int, typer.Option("--lines", "-n", min=1)] = 100,
) -> None:
    """Show the last lines that a process wrote."""
    stdout.print(
        ask(Settings().var, Ask(do="logs", id=process, lines=lines)).text, markup=False, highlight=False
    )


def who() -> None:
    """Show who serves which tenant, as the steward knows it."""
    with Operator(Settings()) as operator:
        answer = operator.call(Who())
    shown = table("service", "tenant", "instance", "since (UTC)", "lease until")
    for each in answer.serving:
        until = "" if each.until is None else f"{each.until:%H:%M:%S}"
        shown.add_row(each.service, each.tenant or "(core)", each.instance, f"{each.since:%F %T}", until)
    stdout.print(shown)


def _show(processes: Sequence[Status]) -> None:
    shown = table("process", "state", "pid", "operations at", "since (UTC)", "restarts")
    for each in processes:
        pid = "" if each.pid is None else str(each.pid)
        shown.add_row(each.id, each.state, pid, each.url, f"{each.since:%T}", str(each.restarts))
    stdout.print(shown)
