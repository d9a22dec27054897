"""Devices: registered for a town or the district, listed, and closed again."""

import re

from qipan.contracts.devices import Device, DeviceKind, Devices, RegisterDevice
from qipan.contracts.errors import Conflict, Fault, Invalid, NotFound
from qipan.storage import Work
from qipan.tenancy import District
from qipan.tenancy.tenant import TenantKind
from services.intake.devices import rows

_DIGEST = re.compile(r"[0-9a-f]{64}")


def register(work: Work, district: District, tenant: str, command: RegisterDevice, by: str) -> Device:
    """Let a device in; Invalid with every fault, Conflict when one of this id is there and not revoked."""
    hub = None if command.hub is None else rows.find(work.conn, tenant, command.hub)
    is_hub = hub is not None and hub.kind == DeviceKind.HUB and hub.revoked_at is None
    faults = _faults(district, tenant, command, hub_is_one=is_hub)
    if faults:
        raise Invalid(faults=tuple(faults))
    fields = command.model_dump(mode="json")
    found = rows.register(work.conn, {**fields, "tenant": tenant, "by": by})
    if found is None:
        raise Conflict(f"{tenant!r} has a device {command.device_id!r}; revoke it to give it another key.")
    return Device.model_validate(found, from_attributes=True)


def revoke(work: Work, tenant: str, device_id: str, by: str) -> Device:
    """Close a device; NotFound when the tenant has none of this id."""
    found = rows.revoke(work.conn, tenant, device_id, by)
    if found is None:
        raise NotFound(f"{tenant!r} has no device {device_id!r}.")
    return Device.model_validate(found, from_attributes=True)


def page(work: Work, tenant: str, after: str | None, limit: int) -> Devices:
    """A page of a tenant's devices."""
    found = rows.page(work.conn, tenant, after or "", limit + 1)
    shown = tuple(Device.model_validate(row, from_attributes=True) for row in found[:limit])
    return Devices(devices=shown, next=shown[-1].device_id if len(found) > limit else None)


def _faults(district: District, tenant: str, asked: RegisterDevice, *, hub_is_one: bool) -> list[Fault]:
    found = []

    def fault(where: str, what: str, allowed: str) -> None:
        found.append(Fault(where=where, what=what, allowed=allowed))

    live = district.tenant(tenant)
    if live.kind is TenantKind.DEPARTMENT:
        fault("tenant", f"{tenant!r} is a department", "a town, or the district for all towns")
    if (asked.digest is None) == (asked.hub is None):
        fault("digest, hub", "a device has a key of its own or sends through a hub", "one of the two")
    if asked.digest is not None and not _DIGEST.fullmatch(asked.digest):
        fault("digest", "is no digest of a key", "a SHA-256 in hex")
    if asked.hub is not None and not hub_is_one:
        fault("hub", f"{asked.hub!r} is no hub of {tenant!r}", "the id of a registered hub")
    if asked.hub is not None and asked.kind is DeviceKind.HUB:
        fault("kind", "a hub sends through no other", "a key of its own")
    if asked.matter is not None and asked.matter not in district.matters_of(tenant):
        fault("matter", f"{tenant!r} knows no matter {asked.matter!r}", "a code of the town's")
    if (asked.lon is None) != (asked.lat is None):
        fault("lon, lat", "one is there without the other", "both, in WGS-84 degrees, or none")
    elif asked.lon is not None and asked.lat is not None:
        location = district.territory.locate(asked.lon, asked.lat)
        if location is None or (live.kind is TenantKind.TOWN and location.town != live.base):
            fault("lon, lat", f"lies outside {tenant!r}", "a place within")
    return found
