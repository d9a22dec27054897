"""Devices: sensors and cameras that raise alarms, and what is asked and told about them."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from qipan.contracts.base import Command, Event, Part, Query
from qipan.contracts.commands import Id
from qipan.contracts.queries import Limit

DeviceId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class DeviceKind(StrEnum):
    """What a device is."""

    SENSOR = "sensor"
    CAMERA = "camera"
    HUB = "hub"  # speaks for the devices behind it


class Device(Part):
    """What is known of a device; its key is known to the device alone. Registered and revoked in real time.

    `hub` is the one that it sends through. `matter` and the place (WGS-84 degrees) hold for its alarms that
    name none.
    """

    device_id: str
    tenant: str
    kind: DeviceKind
    hub: str | None = None
    matter: str | None = None
    lon: float | None = None
    lat: float | None = None
    registered_at: datetime
    registered_by: str
    revoked_at: datetime | None = None
    revoked_by: str | None = None


class RegisterDevice(Command[Device]):
    """Let a device of the tenant addressed (a town, or the district) raise alarms.

    It has a key of its own, of which whoever asks gives only the SHA-256 in hex, or sends through a `hub`,
    whose key it then is. A revoked device may be registered again, with another key.
    """

    type: ClassVar[str] = "device.register.v1"
    service: ClassVar[str] = "intake"
    device_id: DeviceId
    kind: DeviceKind
    digest: Id | None = None
    hub: DeviceId | None = None
    matter: str | None = Field(default=None, max_length=40)
    lon: float | None = Field(default=None, ge=-180, le=180)
    lat: float | None = Field(default=None, ge=-90, le=90)


class RevokeDevice(Command[Device]):
    """From now on the device's alarms are refused, a hub's also those of the devices behind it."""

    type: ClassVar[str] = "device.revoke.v1"
    service: ClassVar[str] = "intake"
    device_id: Id


class Devices(Part):
    """A page of a tenant's devices, by id; `next` is what to give as `after` for the rest."""

    devices: tuple[Device, ...]
    next: str | None = None


class ListDevices(Query[Devices]):
    """The devices of the tenant addressed, revoked ones too."""

    type: ClassVar[str] = "device.list.v1"
    service: ClassVar[str] = "intake"
    limit: Limit = 100
    after: str | None = None


class AlarmCleared(Event):
    """A device says that what it raised an alarm about is over; `report_id` is the report that it became."""

    type: ClassVar[str] = "alarm.cleared.v1"
    report_id: str
    device: str
    matter: str | None = None
    cleared_at: datetime
