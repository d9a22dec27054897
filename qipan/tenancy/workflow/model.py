"""The district's workflow as it is written in standard.toml."""

from pydantic import Field

from qipan.tenancy.model import Model, WordsModel


class StageModel(Model):
    """A stage of the district's. `phase`: the stage that it is part of, where it is not one of its own."""

    name: WordsModel
    phase: str | None = None
    clock: str | None = None


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
