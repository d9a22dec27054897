"""`qipan accounts`: who can sign in, with first passwords, for whoever holds the installation's secret."""

from typing import Annotated

import typer

from qipan.access import first_password
from qipan.cli.console import stdout, table
from qipan.hosting.credentials import Credentials
from qipan.hosting.port import Refused
from qipan.settings import Settings
from qipan.tenancy import Person, load_district


def register(commands: typer.Typer) -> None:
    """Add the command."""
    commands.command("accounts")(accounts)


def accounts(
    tenant: Annotated[str, typer.Option(help="Everybody of this tenant; empty: one of each role.")] = "",
) -> None:
    """List accounts with their first passwords. A password that its owner has changed is not this one any more."""
    settings = Settings()
    district = load_district(settings.district)
    if tenant and tenant not in district.tenants:
        raise Refused(f"There is no tenant {tenant!r} in {district.id}.")
    secret = Credentials.kept_in(settings.var).account_secret
    shown = table("roles", "account", "password")
    for person in chosen(district.people, tenant):
        shown.add_row(", ".join(sorted(person.roles)), person.id, first_password(secret, person.id))
    stdout.print(shown)


def chosen(people: tuple[Person, ...], tenant: str) -> list[Person]:
    """Everybody of a tenant; or, for none, the first of each role."""
    if tenant:
        return [person for person in people if person.tenant == tenant]
    found: dict[str, Person] = {}
    for person in people:
        for role in person.roles:
            found.setdefault(role, person)
    return list({person.id: person for person in found.values()}.values())
