"""How the columns of a list of service requests are read (docs/reference/replay-mapping.md)."""

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError

from qipan.tenancy.faults import PackError, PackFault, of_validation
from qipan.tenancy.model import CalendarModel, Id, LimitsModel, Model, StaffModel, WordsModel

Column = Annotated[str, Field(min_length=1)]
Channel = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,29}$")]


def _is_box(bounds: list[float]) -> list[float]:
    if len(bounds) != 4 or not (-180 <= bounds[0] < bounds[2] <= 180 and -90 <= bounds[1] < bounds[3] <= 90):
        raise ValueError("bounds are west, south, east, north in degrees")
    return bounds


class MappedDistrict(Model):
    """The district that the rows are of. Points outside `bounds` (west, south, east, north) are nobody's."""

    id: Id
    code: str = Field(min_length=1, max_length=6)
    name: WordsModel
    zone: str
    population: int = Field(ge=1)
    bounds: Annotated[list[float], AfterValidator(_is_box)]


class MappedColumns(Model):
    """Which column holds what. `id` must be unique; `time` is local to the district's zone."""

    id: Column
    time: Column
    lon: Column
    lat: Column
    town: Column
    matter: Column
    department: Column
    channel: Column | None = None
    address: Column | None = None


class MappedCells(Model):
    """How many cells to derive from the rows' points, and how far around them the district reaches."""

    duty: int = Field(ge=1, le=20_000)
    communities: int = Field(ge=1, le=20_000)
    margin_metres: float = Field(ge=0, le=10_000)


class ReplayMapping(Model):
    """A mapping file. `text` is made of columns in braces; `same_department` folds names into one."""

    district: MappedDistrict
    columns: MappedColumns
    time_format: str
    encoding: Literal["utf-8", "utf-8-sig", "gb18030", "latin-1"] = "utf-8-sig"
    text: str = Field(min_length=1, max_length=1000)
    default_channel: Channel = "import"
    channels: dict[str, Channel] = Field(default_factory=dict)
    same_department: dict[str, str] = Field(default_factory=dict)
    cells: MappedCells
    limits: LimitsModel
    handlers: int = Field(default=2, ge=1, le=200)
    staff: StaffModel = StaffModel()
    calendar: CalendarModel


def load_mapping(path: Path) -> ReplayMapping:
    """Read a mapping file; PackError lists everything that is wrong with it."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        return ReplayMapping.model_validate(raw)
    except OSError as error:
        raise PackError([PackFault(str(path), "", f"cannot be read: {error.strerror}")]) from error
    except ValidationError as error:
        raise PackError(of_validation(error, lambda key: (str(path), ".".join(key)))) from error
    except ValueError as error:
        raise PackError([PackFault(str(path), "", f"is not TOML: {error}")]) from error
