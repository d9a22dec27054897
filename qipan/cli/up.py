"""`qipan up`: a whole district on this machine, until Ctrl-C."""

import logging
import signal

import typer

from qipan.cli.console import stdout, table
from qipan.cli.on_docker import On, Project, containers
from qipan.hosting.running import READY_SECONDS, RunningDistrict, run_district
from qipan.observability import logs
from qipan.settings import Settings


def register(commands: typer.Typer) -> None:
    """Add the command."""
    commands.command("up")(up)


def up(on: On = "", project: Project = "qipan") -> None:
    """Run the district of QIPAN_DISTRICT on real time, on private servers unless QIPAN_AMQP_URL and
    QIPAN_DATABASE_URL name others. Ctrl-C stops everything in order.

    With --on docker: start again, in order, all of a district's containers that are stopped."""
    if on:
        containers(on, project).up(READY_SECONDS, told=_Progress())
        return
    settings = Settings()
    logs.configure("host", settings.log, settings.log_level)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with run_district(settings, say=lambda text: stdout.print(f"· {text}"), told=_Progress()) as running:
            _show(running)
            try:
                while True:
                    signal.pause()
            except KeyboardInterrupt:
                stdout.print("stopping …")
    except KeyboardInterrupt:  # asked a second time, or before it was up: the guards end what is left
        stdout.print("stopped at once")
    else:
        stdout.print("stopped")


class _Progress:
    """Says how many processes are ready, once for each number."""

    def __init__(self) -> None:
        self._said = -1

    def __call__(self, ready: int, all: int) -> None:
        if ready != self._said:
            stdout.print(f"· {ready} of {all} ready")
            self._said = ready


def _show(running: RunningDistrict) -> None:
    stdout.print(f"\n[bold]{running.district.name.zh} {running.district.name.en}[/bold] is running.")
    stdout.print(
        f"gateway  {running.gateway_url}  ({running.gateway_url}/openapi.json describes it)", soft_wrap=True
    )
    stdout.print(f"door     {running.door_url}\n")
    stdout.print("One account per role, with its first password:")
    accounts = table("role", "account", "password")
    for role, person in running.one_of_each_role().items():
        accounts.add_row(role, person.id, running.password(person))
    stdout.print(accounts)
    stdout.print(
        "Elsewhere: qipan ps, who, scale dispatch@sandun 3, retire dispatch@sandun. Ctrl-C stops it.\n"
    )
