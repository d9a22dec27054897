"""`qipan broker provision`: exchanges, queues, users and rights."""

from pathlib import Path
from typing import Annotated

import typer

from qipan.cli.console import stdout
from qipan.hosting.credentials import Credentials
from qipan.hosting.prepare import broker_definitions, provision_broker
from qipan.hosting.servers import known_broker
from qipan.messaging.provision import write
from qipan.settings import Settings
from qipan.tenancy import load_district

commands = typer.Typer(help="The message broker.", no_args_is_help=True)


@commands.command()
def provision(
    file: Annotated[
        Path | None,
        typer.Option(help="Only write the definitions, for `rabbitmqctl import_definitions FILE`."),
    ] = None,
) -> None:
    """Make or repair all that the district needs on the broker, through QIPAN_AMQP_MANAGEMENT_URL."""
    settings = Settings()
    secret = Credentials.kept_in(settings.var).secret
    district = load_district(settings.district)
    amqp_url, management_url = known_broker(settings)
    if file is not None:
        write(file, broker_definitions(district, amqp_url, secret, settings.core_user))
        stdout.print(f"Written to {file}; only you can read it.")
        return
    provision_broker(district, amqp_url, management_url, secret, settings.core_user)
    stdout.print("Exchanges, queues, users and rights are in place.")
