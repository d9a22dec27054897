"""A scenario: what kind of day it is, as data. Read whole; every fault is named."""

import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

FOLDER = Path(__file__).parent / "scenarios"

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]


class _Piece(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Words(_Piece):
    """The same thing said in Chinese and in English; a sender uses one of them."""

    zh: tuple[str, ...] = Field(min_length=1)
    en: tuple[str, ...] = Field(min_length=1)


class MatterMix(Words):
    """How often a matter happens, and how people tell of it."""

    code: str
    weight: Weight


class Shares(_Piece):
    """Parts of all submissions, 0 to 1."""

    repeated: Share
    neighbour: Share
    faulty: Share
    unclear: Share


class Gauge(_Piece):
    """A sensor's series of readings: one value each `every_minutes` from `from_hour` (local hours)."""

    town: str
    device: str
    quantity: str
    unit: str
    from_hour: float = Field(ge=0, lt=24)
    every_minutes: float = Field(gt=0)
    levels: tuple[float, ...]


class Hours(_Piece):
    """The weight of each hour of the local day."""

    weights: tuple[Weight, ...] = Field(min_length=24, max_length=24)


class Language(_Piece):
    """The share of senders who write English."""

    en: Share


class SelfDisposed(_Piece):
    """The share of grid workers' reports of small matters that were put right on the spot."""

    share: Share


class Scenario(_Piece):
    """One kind of day. Weights are relative; codes are the district's."""

    id: str
    date: date
    name: dict[str, str]
    shares: Shares
    hours: Hours
    channels: dict[str, Weight] = Field(min_length=1)
    coded: dict[str, Share]
    language: Language
    self_disposed: SelfDisposed
    matter: tuple[MatterMix, ...] = Field(min_length=1)
    unclear: Words
    gauge: Gauge


def read_scenario(path: Path) -> Scenario:
    """The scenario in a TOML file; raises pydantic's ValidationError naming every fault."""
    return Scenario.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
