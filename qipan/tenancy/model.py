"""A pack's files as they are written: strict, no unknown keys. docs/reference/packs.md describes them."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from qipan.tenancy.dispatch_model import DispatchModel
from qipan.tenancy.indicators.model import IndicatorModel
from qipan.tenancy.written import AttributeCode, Clock, LimitText, MatterCode, PhoneText, PointList, UrlText
from qipan.tenancy.written import Id as Id
from qipan.tenancy.written import Setting as Setting
from qipan.tenancy.written import UnitId as UnitId


class Model(BaseModel):
    """Strict, and without keys that nobody reads."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class WordsModel(Model):
    """A text in Chinese and English."""

    zh: str = Field(min_length=1, max_length=300)
    en: str = Field(min_length=1, max_length=300)


class CalendarModel(Model):
    """When a tenant works: hours of the day, and which days (`china` knows holidays and make-up days)."""

    hours: list[Clock] = Field(min_length=1)
    days: Literal["china", "weekdays", "every-day"] = "china"


class UnitModel(Model):
    """A squad of a department in a town (专业处置队伍). Without `matters`: all of its department's.

    All of it have `skills`; of `specialists`, by skill, only the handlers with these numbers.
    """

    name: WordsModel
    department: Id
    handlers: int = Field(ge=1, le=200)
    matters: list[MatterCode] = []
    communities: list[str] = []
    language: Literal["zh", "en"] = "zh"
    base: PointList | None = None
    skills: list[UnitId] = []
    specialists: dict[UnitId, list[int]] = {}


class RosterModel(Model):
    """A planned shift of units (排班): hours of the local day, on which days; without `handlers` for all of a unit.

    `days` are the town's working days, its free ones, or every day; of these only the named `weekdays`, if any.
    """

    name: WordsModel
    units: list[UnitId] = Field(min_length=1)
    hours: list[Clock] = Field(min_length=1, max_length=4)
    days: Literal["working", "free", "every-day"] = "working"
    weekdays: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = []
    handlers: list[int] = []


class StaffModel(Model):
    """How many people sit in a town's centre; grid workers follow from the communities."""

    acceptors: int = Field(default=2, ge=0, le=100)
    shift_leaders: int = Field(default=1, ge=0, le=100)
    dispatchers: int = Field(default=2, ge=0, le=100)
    supervisors: int = Field(default=1, ge=0, le=100)
    leads: int = Field(default=1, ge=0, le=10)


class ServiceModel(Model):
    """A service that a tenant runs itself.

    `class` is `file.py:Class` in the tenant's own folder; without it the core's own class is run for this
    tenant. `replaces` names the core service taken over. `subscribes` lists event types (with their major
    version).
    """

    name: UnitId
    replaces: str | None = None
    cls: str | None = Field(default=None, alias="class", pattern=r"^[a-z_][a-z0-9_/]*\.py:[A-Z][A-Za-z0-9]*$")
    replicas: int = Field(default=1, ge=1, le=64)
    subscribes: list[str] = []


class LimitsModel(Model):
    """Time limits by stage."""

    accept: LimitText
    dispose: LimitText
    inspect: LimitText


class KeywordsModel(Model):
    """What a report says when it is about this matter, by language."""

    zh: list[str] = []
    en: list[str] = []


class AttributeModel(Model):
    """What a reporter of a matter is asked besides (Open311's service definition). See `docs/howto/open311.md`."""

    description: WordsModel
    datatype: Literal["string", "number", "datetime", "text", "singlevaluelist", "multivaluelist"]
    order: int = Field(ge=1, le=1000)
    required: bool = False
    variable: bool = True
    hint: WordsModel | None = None
    values: dict[AttributeCode, WordsModel] = {}


class MatterModel(Model):
    """One thing that can be wrong (事项). `source` says where its limits come from."""

    name: WordsModel
    department: Id
    limits: LimitsModel
    severity: Literal["low", "normal", "high", "urgent"] = "normal"
    self_disposable: bool = False
    verify: bool = False
    keywords: KeywordsModel = KeywordsModel()
    source: str = ""
    attributes: dict[AttributeCode, AttributeModel] = {}
    skills: list[UnitId] = []
    coercive: bool = False


class MattersFile(Model):
    """matters.toml."""

    matters: dict[MatterCode, MatterModel]


class DepartmentModel(Model):
    """A department of the district; `tenant` ones have a folder of their own. `phone`, `url`: for the public."""

    name: WordsModel
    tenant: bool = False
    phone: PhoneText | None = None
    url: UrlText | None = None


class DepartmentsFile(Model):
    """departments.toml."""

    departments: dict[Id, DepartmentModel]


class MandateModel(Model):
    """A standing mandate (赋权): a department lets towns command its units. See `docs/howto/mandates.md`."""

    department: Id
    kind: Literal["entrusted", "delegated", "stationed"]
    legal_basis: str = Field(min_length=1, max_length=500)
    towns: list[Id] = []
    matters: list[MatterCode] = []
    communities: list[str] = []
    valid_from: date | None = None
    valid_until: date | None = None


class MandatesFile(Model):
    """mandates.toml."""

    mandates: dict[UnitId, MandateModel] = {}


class LayerModel(Model):
    """A grid layer and the file that holds its cells."""

    id: UnitId
    name: WordsModel
    file: str


class DistrictStaffModel(Model):
    """Who sits in the district's own centre."""

    leads: int = Field(default=1, ge=0, le=10)
    dispatchers: int = Field(default=1, ge=0, le=100)
    supervisors: int = Field(default=1, ge=0, le=100)


class DistrictFile(Model):
    """district.toml. `town` holds what every town starts from."""

    id: Id
    code: str = Field(min_length=1, max_length=12)
    name: WordsModel
    zone: str
    email_domain: str = Field(pattern=r"^[a-z0-9.-]+$")
    languages: list[Literal["zh", "en"]] = ["zh", "en"]
    calendar: CalendarModel
    layers: list[LayerModel]
    staff: DistrictStaffModel = DistrictStaffModel()
    settings: dict[str, Setting] = {}
    services: list[ServiceModel] = []
    town: dict[str, object] = {}


class OwnStageModel(Model):
    """A stage that a town adds to its workflow. `phase` is the district's stage that it is part of."""

    name: WordsModel
    phase: Literal["filed", "offered", "accepted", "returned", "disposed", "inspected", "rework"]
    limit: LimitText | None = None


class StepModel(Model):
    """A step that a town adds, or what it changes of one of the district's; what is not written stays."""

    name: WordsModel | None = None
    sources: list[UnitId] | None = Field(default=None, alias="from")
    target: UnitId | None = Field(default=None, alias="to")
    roles: list[str] | None = None
    guards: list[UnitId] | None = None


class WorkflowModel(Model):
    """`[workflow]` of a town's pack: what it changes of the district's process (`qipan.tenancy.workflow`)."""

    stages: dict[UnitId, OwnStageModel] = {}
    steps: dict[UnitId, StepModel] = {}


class BodyModel(Model):
    """A body outside the district that sees to what the town does not (Hangzhou Metro)."""

    name: WordsModel
    phone: PhoneText | None = None
    url: UrlText | None = None


class TownFile(Model):
    """A town's pack, after inheritance. `matters` are those that differ from the district's, complete."""

    id: Id
    code: str = Field(min_length=1, max_length=12)
    name: WordsModel
    inherits: Id | None = None
    centre: PointList
    population: int = Field(ge=1)
    idea: WordsModel | None = None
    calendar: CalendarModel | None = None
    staff: StaffModel = StaffModel()
    systems: list[Id] = []
    units: dict[UnitId, UnitModel] = {}
    rosters: dict[UnitId, RosterModel] = {}
    matters: dict[MatterCode, MatterModel] = {}
    bodies: dict[Id, BodyModel] = {}
    settings: dict[str, Setting] = {}
    services: list[ServiceModel] = []
    workflow: WorkflowModel = WorkflowModel()
    dispatch: DispatchModel = DispatchModel()
    indicators: dict[UnitId, IndicatorModel] = {}


class DepartmentFile(Model):
    """The pack of a department that is a tenant of its own."""

    id: Id
    dispatchers: int = Field(default=1, ge=0, le=100)
    systems: list[Id] = []
    calendar: CalendarModel | None = None
    settings: dict[str, Setting] = {}
    services: list[ServiceModel] = []
