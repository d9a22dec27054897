"""`qipan device register|list|revoke`: which sensors and cameras may raise alarms."""

from typing import Annotated

import typer

from qipan.access import api_key_digest, new_api_key
from qipan.cli.console import stdout, table
from qipan.contracts.devices import DeviceKind, ListDevices, RegisterDevice, RevokeDevice
from qipan.hosting.operator import Operator
from qipan.settings import Settings

commands = typer.Typer(help="Sensors and cameras that raise alarms.", no_args_is_help=True)

Tenant = Annotated[str, typer.Option(help="The device's town; without it the district.")]
Id = Annotated[str, typer.Argument(help="The device's id: letters, digits, dots, hyphens, underscores.")]


@commands.command()
def register(
    id: Id,
    kind: Annotated[DeviceKind, typer.Option(help="What it is; a hub speaks for the devices behind it.")],
    tenant: Tenant = "",
    hub: Annotated[
        str, typer.Option(help="The hub whose key it sends with; without it, one of its own.")
    ] = "",
    matter: Annotated[str, typer.Option(help="What its alarms are about, where they do not say.")] = "",
    at: Annotated[
        tuple[float, float] | None, typer.Option(help="Its longitude and latitude, WGS-84.")
    ] = None,
) -> None:
    """Register a device and show its key, this once: only its digest is kept."""
    lon, lat = at if at is not None else (None, None)
    with Operator(Settings()) as operator:
        key = None if hub else new_api_key(tenant or operator.district.id)
        command = RegisterDevice(
            device_id=id,
            kind=kind,
            digest=api_key_digest(key) if key else None,
            hub=hub or None,
            matter=matter or None,
            lon=lon,
            lat=lat,
        )
        device = operator.call(command, tenant or None)
    if key is None:
        stdout.print(f"{device.device_id} sends with the key of {hub}.", markup=False)
        return
    stdout.print(f"id   {device.device_id}\nkey  {key}", markup=False, highlight=False, soft_wrap=True)
    stdout.print("Nobody can show this key again. Put it into the device by a safe way.")


@commands.command("list")
def list_devices(
    tenant: Tenant = "",
    limit: Annotated[int, typer.Option(min=1, max=500)] = 100,
    after: Annotated[str, typer.Option(help="Go on after this id.")] = "",
) -> None:
    """List a tenant's devices by id; never their keys."""
    with Operator(Settings()) as operator:
        page = operator.call(ListDevices(limit=limit, after=after or None), tenant or None)
    shown = table("id", "tenant", "kind", "hub", "matter", "place", "registered", "revoked")
    for one in page.devices:
        shown.add_row(
            one.device_id,
            one.tenant,
            one.kind,
            one.hub or "",
            one.matter or "",
            "" if one.lon is None else f"{one.lon}, {one.lat}",
            f"{one.registered_at:%F %T}",
            "" if one.revoked_at is None else f"{one.revoked_at:%F %T}",
        )
    stdout.print(shown if page.devices else "No devices.")
    if page.next:
        stdout.print(f"There are more: --after {page.next}")


@commands.command()
def revoke(id: Id, tenant: Tenant = "") -> None:
    """Refuse a device's alarms from now on; what it reported stays."""
    with Operator(Settings()) as operator:
        closed = operator.call(RevokeDevice(device_id=id), tenant or None)
    stdout.print(f"Alarms of {closed.device_id} are refused from now on.", markup=False)
