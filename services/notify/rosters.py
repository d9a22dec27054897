"""Who is on call: people by turns, and how long each has to answer before the next is asked."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from qipan.tenancy.model import Model
from services.notify.rules import Channel


class RosterModel(Model):
    """`[rosters.<name>]`: `people` take turns of a day or a week each, from `since` on, at `handover` o'clock.

    `answer_minutes`: how long who is asked has before the next is; `channels`: how they are called.
    """

    people: Annotated[list[str], Field(min_length=1, max_length=50)]
    since: date
    turn: Literal["day", "week"] = "week"
    handover: Annotated[int, Field(ge=0, le=23)] = 8
    answer_minutes: Annotated[int, Field(ge=1, le=1440)] = 10
    channels: Annotated[list[str], Field(min_length=1)] = Field(default=[Channel.IN_APP.value])

    @field_validator("people")
    @classmethod
    def _once_each(cls, people: list[str]) -> list[str]:
        if len(set(people)) < len(people):
            raise ValueError("somebody is on it twice")
        return people


@dataclass(frozen=True, slots=True)
class Roster:
    """A roster. Domain time throughout; days begin at `handover` o'clock in the tenant's zone."""

    people: tuple[str, ...]
    since: date
    turn_days: int
    handover: int
    answer_within: timedelta
    channels: tuple[str, ...]

    @classmethod
    def of(cls, written: RosterModel) -> "Roster":
        """As a pack writes it."""
        return cls(
            tuple(written.people),
            written.since,
            7 if written.turn == "week" else 1,
            written.handover,
            timedelta(minutes=written.answer_minutes),
            tuple(written.channels),
        )

    def order(self, at: datetime, zone: ZoneInfo) -> tuple[str, ...]:
        """In which order people are asked: who is on call at that moment, then those whose turns come next."""
        local = at.astimezone(zone) - timedelta(hours=self.handover)
        number = (local.date() - self.since).days // self.turn_days % len(self.people)
        return self.people[number:] + self.people[:number]
