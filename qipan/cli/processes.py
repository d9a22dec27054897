"""`qipan ps|scale|retire|logs|reload|who`: the running host and who serves whom.

With `--on docker` the same words act on the containers that compose made, on this machine or where DOCKER_HOST points.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from qipan.cli import serves
from qipan.cli.console import stdout, table
from qipan.cli.on_docker import On, Project, containers
from qipan.contracts.queries import Who
from qipan.hosting.control import Ask, ask
from qipan.hosting.operator import Operator
from qipan.hosting.port import Refused, Status
from qipan.settings import Settings

if TYPE_CHECKING:
    from qipan.hosting.containers import ContainerHost

Serves = Annotated[str, serves.SERVES]


def register(commands: typer.Typer) -> None:
    """Add the commands."""
    for function in (ps, scale, retire, logs, reload, who):
        commands.command(function.__name__)(function)


def ps(on: On = "", project: Project = "qipan") -> None:
    """List the processes of the Qipan that runs here."""
    if on:
        _show_containers(containers(on, project))
        return
    _show(ask(Settings().var, Ask(do="ps")).processes)


def scale(
    which: Serves,
    replicas: Annotated[int, typer.Argument(min=0)],
    on: On = "",
    project: Project = "qipan",
) -> None:
    """Run a service that many times; those that are too many finish what they hold."""
    service, tenant = serves.parse(which)
    if on:
        host = containers(on, project)
        host.scale(service, tenant, replicas)
        _show_containers(host)
        return
    _show(ask(Settings().var, Ask(do="scale", service=service, tenant=tenant, replicas=replicas)).processes)


def retire(which: Serves, on: On = "", project: Project = "qipan") -> None:
    """Stop a tenant's own instances of a service; the core serves the tenant again."""
    service, tenant = serves.parse(which)
    if on:
        if tenant is None:
            raise Refused("Only a tenant's own service can be retired, e.g. dispatch@sandun.")
        host = containers(on, project)
        host.retire(service, tenant)
        _show_containers(host)
        return
    _show(ask(Settings().var, Ask(do="retire", service=service, tenant=tenant)).processes)


def logs(
    process: Annotated[str, typer.Argument(help="As `qipan ps` lists it, e.g. dispatch@sandun.1.")],
    lines: Annotated[int, typer.Option("--lines", "-n", min=1)] = 100,
    on: On = "",
    project: Project = "qipan",
) -> None:
    """Show the last lines that a process wrote."""
    if on:
        said = containers(on, project).logs(process, lines)
    else:
        said = ask(Settings().var, Ask(do="logs", id=process, lines=lines)).text
    stdout.print(said, markup=False, highlight=False)


def reload() -> None:
    """Have the processes of the Qipan that runs here read the pack anew: each is started again, at its old address."""
    answer = ask(Settings().var, Ask(do="reload"))
    _show(answer.processes)
    stdout.print(answer.text)


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


def _show_containers(host: "ContainerHost") -> None:
    """As `_show`, with what the engine knows besides: versions, memory, CPU."""
    usage: Mapping[str, tuple[float, float]] = host.usage()
    versions = host.versions()
    shown = table("process", "state", "version", "operations at", "since (UTC)", "restarts", "MB", "CPU s")
    for each in host.list():
        memory, cpu = usage.get(each.id, (0.0, 0.0))
        shown.add_row(
            each.id,
            each.state,
            versions.get(each.id, ""),
            each.url,
            f"{each.since:%T}",
            str(each.restarts),
            f"{memory / 1e6:.0f}",
            f"{cpu:.1f}",
        )
    stdout.print(shown)
