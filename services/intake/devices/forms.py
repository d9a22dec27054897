"""What devices send and are told: the shapes of the door's JSON."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, Field, JsonValue

from qipan.contracts.devices import DeviceId
from qipan.contracts.level import Level
from qipan.territory.coordinates import System
from services.intake.devices.debounce import Fate
from services.intake.forms import Form, Key, Latitude, Longitude, Text

MOST_ALARMS = 1_000


class AlarmForm(Form):
    """One alarm. `alarm_id` is the device's own and makes a repeat harmless.

    `device` is needed from a hub only. `matter` and the place are the device's where they are left out.
    `cleared`: what was raised (by this id or another) is over.
    """

    alarm_id: Key
    device: DeviceId | None = None
    matter: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    level: Level = Level.NORMAL
    text: Text | None = None
    lon: Longitude | None = None
    lat: Latitude | None = None
    coordinate_system: System = System.WGS84
    observed_at: AwareDatetime | None = None
    cleared: bool = False


class AlarmVerdict(BaseModel):
    """What became of one alarm; `times` is how many the report stands for now. A refused one has a `problem`."""

    line: int
    alarm_id: str | None = None
    status: int
    result: Fate | None = None
    report_id: str | None = None
    times: int | None = None
    problem: dict[str, JsonValue] | None = None


class AlarmVerdicts(BaseModel):
    """One verdict for each alarm, in order."""

    reported: int
    joined: int
    refused: int
    results: tuple[AlarmVerdict, ...]
