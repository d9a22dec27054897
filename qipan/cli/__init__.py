"""The command line, `qipan`: one file per group of commands, each parsing, calling and printing."""

import sys

import typer

from qipan.backup.archive import BackupError
from qipan.cli import (
    accounts,
    analytics,
    apikey,
    audit,
    backup,
    broker,
    case,
    classify,
    contacts,
    db,
    dead,
    device,
    doctor,
    duty,
    grid,
    importing,
    notify,
    photos,
    processes,
    replay,
    run,
    secrets,
    town,
    up,
    workflow,
)
from qipan.cli.console import stderr
from qipan.contracts.errors import QipanError
from qipan.hosting.embedded.home import InUse
from qipan.hosting.guarded import StartError
from qipan.hosting.port import Refused
from qipan.hosting.servers import NotRunning
from qipan.messaging.provision import ProvisionError
from qipan.settings_files import UnreadableSettings
from qipan.tenancy import PackError
from qipan.tenancy.grid_desk import GridRefused
from qipan.tenancy.town_desk import TownRefused

_TOLD = (
    BackupError,
    GridRefused,
    InUse,
    NotRunning,
    PackError,
    ProvisionError,
    QipanError,
    Refused,
    StartError,
    TownRefused,
    UnreadableSettings,
)
"""Errors whose text is meant for the person at the terminal; anything else shows where it came from."""

commands = typer.Typer(
    name="qipan",
    help="棋盘 Qipan: run a district, look after it, and find out why.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
up.register(commands)
run.register(commands)
processes.register(commands)
accounts.register(commands)
doctor.register(commands)
replay.register(commands)
importing.register(commands)
commands.add_typer(db.commands, name="db")
commands.add_typer(broker.commands, name="broker")
commands.add_typer(secrets.commands, name="secrets")
commands.add_typer(backup.commands, name="backup")
commands.add_typer(dead.commands, name="dead")
commands.add_typer(case.commands, name="case")
commands.add_typer(notify.commands, name="notify")
commands.add_typer(contacts.commands, name="contacts")
commands.add_typer(photos.commands, name="photos")
commands.add_typer(apikey.commands, name="apikey")
commands.add_typer(device.commands, name="device")
commands.add_typer(audit.commands, name="audit")
commands.add_typer(analytics.commands, name="analytics")
commands.add_typer(grid.commands, name="grid")
commands.add_typer(classify.commands, name="classify")
commands.add_typer(workflow.commands, name="workflow")
commands.add_typer(duty.commands, name="duty")
commands.add_typer(town.commands, name="town")


def app() -> None:
    """Run the command line; an expected error is one message and exit code 1."""
    try:
        commands()
    except _TOLD as error:
        stderr.print(str(error), style="red", markup=False, highlight=False)
        sys.exit(1)
