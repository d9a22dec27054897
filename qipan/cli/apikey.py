"""`qipan apikey issue|list|revoke`: which other systems may report through Open311."""

from typing import Annotated

import typer

from qipan.access import api_key_digest, new_api_key
from qipan.cli.console import stdout, table
from qipan.contracts.commands import IssueApiKey, RevokeApiKey
from qipan.contracts.queries import ListApiKeys
from qipan.hosting.operator import Operator
from qipan.settings import Settings

commands = typer.Typer(help="API keys of other systems, for Open311.", no_args_is_help=True)

Tenant = Annotated[str, typer.Option(help="The key's town; without it the district, for all of its towns.")]


@commands.command()
def issue(
    client: Annotated[str, typer.Argument(help="A name for the client: small letters, digits, hyphens.")],
    tenant: Tenant = "",
) -> None:
    """Issue a key and show it, this once: only its digest is kept."""
    with Operator(Settings()) as operator:
        key = new_api_key(tenant or operator.district.id)
        issued = operator.call(IssueApiKey(client=client, digest=api_key_digest(key)), tenant or None)
    stdout.print(f"id   {issued.key_id}\nkey  {key}", markup=False, highlight=False, soft_wrap=True)
    stdout.print("Nobody can show this key again. Give it to the client by a safe way.")


@commands.command("list")
def list_keys(
    tenant: Tenant = "",
    limit: Annotated[int, typer.Option(min=1, max=500)] = 100,
    after: Annotated[str, typer.Option(help="Go on after this id.")] = "",
) -> None:
    """List a tenant's keys, oldest first; never the keys themselves."""
    with Operator(Settings()) as operator:
        page = operator.call(ListApiKeys(limit=limit, after=after or None), tenant or None)
    shown = table("id", "tenant", "client", "issued", "by", "revoked", "by")
    for key in page.keys:
        revoked = "" if key.revoked_at is None else f"{key.revoked_at:%F %T}"
        shown.add_row(
            key.key_id,
            key.tenant,
            key.client,
            f"{key.issued_at:%F %T}",
            key.issued_by,
            revoked,
            key.revoked_by or "",
        )
    stdout.print(shown if page.keys else "No keys.")
    if page.next:
        stdout.print(f"There are more: --after {page.next}")


@commands.command()
def revoke(
    id: Annotated[str, typer.Argument(help="The key's id, as `list` shows it.")], tenant: Tenant = ""
) -> None:
    """Close a key at once and for good; what came in with it stays."""
    with Operator(Settings()) as operator:
        closed = operator.call(RevokeApiKey(key_id=id), tenant or None)
    stdout.print(f"The key of {closed.client} for {closed.tenant} opens nothing any more.")
