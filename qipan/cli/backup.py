"""`qipan backup create|restore|rehearse`: what an installation keeps, in one folder."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from qipan.backup import archive
from qipan.backup.tap import tapped
from qipan.cli.console import stdout
from qipan.hosting.credentials import Credentials
from qipan.hosting.prepare import migrate_database, provision_database
from qipan.hosting.servers import known_broker, known_database
from qipan.messaging.provision import user_url
from qipan.settings import Settings
from qipan.storage.provision import service_url
from qipan.tenancy import load_district

commands = typer.Typer(help="Backups, and what becomes of them.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(help="The backup's folder.")]


@commands.command()
def create(
    into: Annotated[
        Path | None, typer.Argument(help="A folder to make; without it one under QIPAN_VAR.")
    ] = None,
) -> None:
    """Back up the database, the events on their way and the photos, beside live work.

    `secret` is not in it: keep that elsewhere.
    """
    settings = Settings()
    secret = Credentials.kept_in(settings.var).secret
    amqp_url, management_url = known_broker(settings)
    if not management_url:
        raise archive.BackupError(
            "set QIPAN_AMQP_MANAGEMENT_URL: what is on its way between services is asked there"
        )
    folder = into or settings.var / "backups" / f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}"
    with tapped(user_url(amqp_url, settings.core_user, secret), management_url) as tap:
        photos = archive.photos_folder(settings.photos_url, settings.var)
        manifest = archive.create(known_database(settings), tap, photos, folder, _say)
    stdout.print(
        f"{folder}: {sum(manifest.rows.values())} rows, {manifest.events} events on their way.",
        soft_wrap=True,
    )
    if manifest.undrained:
        stdout.print(
            f"Not empty in time, older messages there are not in it: {', '.join(manifest.undrained)}"
        )
        raise typer.Exit(1)


@commands.command()
def restore(folder: Folder) -> None:
    """Load a backup into the empty database of QIPAN_DATABASE_URL, with the secret that it was made with in QIPAN_VAR.

    The broker should be empty, too. Start processes afterwards: what was on its way leaves with them.
    """
    settings = Settings()
    admin_url = known_database(settings)
    credentials = Credentials.kept_in(settings.var)
    district = load_district(settings.district)
    provision_database(admin_url, credentials.secret, district)
    differing = archive.load(folder, admin_url)
    if differing:
        raise archive.BackupError("what was restored differs from the backup:\n" + "\n".join(differing))
    provision_database(admin_url, credentials.secret, district)
    migrate_database(admin_url, credentials, settings)
    sent = archive.send_again(folder, service_url(admin_url, "steward", credentials.secret))
    put = archive.put_photos(folder, archive.photos_folder(settings.photos_url, settings.var))
    stdout.print(f"Restored. {sent} events will be sent again, {put} photos were put back.")


@commands.command()
def rehearse(folder: Folder) -> None:
    """Restore a backup into a database made for it on the same server, compare every table, and drop it again."""
    with archive.scratch(known_database(Settings())) as url:
        differing = archive.load(folder, url)
    for line in differing:
        stdout.print(f"✗ {line}", markup=False)
    if differing:
        raise typer.Exit(1)
    manifest = archive.read(folder)
    stdout.print(
        f"✓ {len(manifest.rows)} tables, {sum(manifest.rows.values())} rows as they were at {manifest.at}.",
        soft_wrap=True,
    )


def _say(text: str) -> None:
    stdout.print(f"· {text}")
