"""The district's workflow as it is written in standard.toml."""

from pydantic import Field

from qipan.tenancy.model import Model, WordsModel
from qipan.tenancy.written import LimitText


class StageModel(Model):
    """A stage of the district's. With a `phase` it is a part of that one, with a limit of its own."""

    name: WordsModel
    clock: str | None = None
    phase: str | None = None
    limit: LimitText | None = None
    setting: str | None = Field(default=None, alias="limit-setting")


class StandardStepModel(Model):
    """A step of the district's."""

    name: WordsModel
    sources: list[str] = Field(alias="from")
    target: str | None = Field(default=None, alias="to")
    roles: list[str]
    event: str
    guards: list[str] = Field(default_factory=list)
    effect: str | None = None
    counts: list[str] = Field(default_factory=list)


class StandardModel(Model):
    """standard.toml."""

    stages: dict[str, StageModel]
    steps: dict[str, StandardStepModel]
