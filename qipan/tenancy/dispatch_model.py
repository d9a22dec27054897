"""`[dispatch]` of a town's pack as it is written: rules of whom to ask, and run cards."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from qipan.tenancy.written import Clock, Id, LimitText, UnitId

CodePattern = Annotated[str, Field(pattern=r"^[A-Za-z0-9:_.-]{1,60}\*?$")]
"""A code, or the beginning of one and `*`."""

SeverityText = Literal["low", "normal", "high", "urgent"]


class Model(BaseModel):
    """Strict, and without keys that nobody reads."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class ConditionModel(Model):
    """When it holds; what is not written does not matter."""

    matters: list[CodePattern] = []
    cells: dict[UnitId, list[CodePattern]] = {}
    severities: list[SeverityText] = []
    channels: list[UnitId] = []
    hours: list[Clock] = []
    mode: Literal["peacetime", "emergency"] | None = None


class DispatchRuleModel(ConditionModel):
    """A rule: where its condition holds, this unit or department is asked. The highest `priority` goes first."""

    priority: int = Field(default=0, ge=-1000, le=1000)
    unit: UnitId | None = None
    department: Id | None = None
    skills: list[UnitId] = []
    most_each: int = Field(default=0, ge=0, le=1000)

    @model_validator(mode="after")
    def asks_one(self) -> "DispatchRuleModel":
        """A rule asks somebody, and one only."""
        if (self.unit is None) == (self.department is None):
            raise ValueError("a rule asks either a unit or a department")
        return self


class CrewModel(Model):
    """A line of a run card: so many workers of a unit or department, with these skills."""

    unit: UnitId | None = None
    department: Id | None = None
    role: Literal["lead", "support"] = "support"
    number: int = Field(default=1, ge=1, le=50)
    skills: list[UnitId] = []

    @model_validator(mode="after")
    def comes_from_one(self) -> "CrewModel":
        """A line names where its workers come from."""
        if (self.unit is None) == (self.department is None):
            raise ValueError("a line of a run card names either a unit or a department")
        return self


class RunCardModel(ConditionModel):
    """A run card: which kinds of units, and how many of each, a matter takes under its condition."""

    priority: int = Field(default=0, ge=-1000, le=1000)
    crew: list[CrewModel] = Field(min_length=1, max_length=20)

    @model_validator(mode="after")
    def has_one_lead(self) -> "RunCardModel":
        """Of a joint handling one unit is the lead (主办)."""
        if [line.role for line in self.crew].count("lead") != 1:
            raise ValueError("one line of a run card is the lead")
        return self


class LimitRuleModel(ConditionModel):
    """How long the named stages may take where the condition holds; the others keep what they have."""

    priority: int = Field(default=0, ge=-1000, le=1000)
    dispatch: LimitText | None = None
    accept: LimitText | None = None
    dispose: LimitText | None = None
    inspect: LimitText | None = None
    close: LimitText | None = None

    @model_validator(mode="after")
    def limits_something(self) -> "LimitRuleModel":
        """A rule of limits says how long something may take."""
        if not any((self.dispatch, self.accept, self.dispose, self.inspect, self.close)):
            raise ValueError("a rule of limits names one of dispatch, accept, dispose, inspect, close")
        return self


class DispatchModel(Model):
    """`[dispatch]`: rules, run cards and limits under conditions by their names."""

    rules: dict[UnitId, DispatchRuleModel] = {}
    cards: dict[UnitId, RunCardModel] = {}
    limits: dict[UnitId, LimitRuleModel] = {}
