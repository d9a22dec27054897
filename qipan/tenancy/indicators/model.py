"""`[indicators.<id>]` of a town's pack as it is written."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    """Strict, and without keys that nobody reads."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class NameModel(Model):
    """What it is called."""

    zh: str = Field(min_length=1, max_length=300)
    en: str = Field(min_length=1, max_length=300)


class IndicatorModel(Model):
    """One indicator. A counter with `-` before it is taken away."""

    name: NameModel
    numerator: list[str] = Field(min_length=1, max_length=10)
    denominator: list[str] = Field(min_length=1, max_length=10)
    unit: Literal["share", "ratio", "work-minutes"] = "share"
    better: Literal["more", "less"] = "more"
    source: str = Field(default="", max_length=300)
