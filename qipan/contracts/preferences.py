"""How a person wants to be told: in which language, by what, when; and what they want to hear of besides."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from qipan.contracts.base import Command, Part, Query

EventType = Annotated[str, Field(pattern=r"^[a-z][a-z0-9.-]{1,80}\.v[0-9]+$", examples=["case.closed.v1"])]
ChannelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,30}$", examples=["mail"])]
Hours = Annotated[
    str,
    Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["22:00-07:00"]),
]


class Off(Part):
    """What a person does not want by a channel: one event, or with `event` None everything. Never in the app."""

    channel: ChannelName
    event: EventType | None = None


class Wishes(Part):
    """A person's wishes. What is urgent waits for no morning and no digest, and still goes by no channel that is off.

    `language`: None, as the pack says. `quiet`: hours of the local day (`22:00-07:00`) in which nothing comes from
    outside the app; None, as the tenant has it. `digest`: whether that is gathered, and how long.
    `follows`: events of the tenant's cases that the person hears of in the app besides; for who may watch its cases.
    """

    language: Literal["zh", "en"] | None = None
    off: Annotated[tuple[Off, ...], Field(max_length=100)] = ()
    quiet: Hours | None = None
    digest: Literal["none", "hourly", "daily"] = "none"
    follows: Annotated[tuple[EventType, ...], Field(max_length=50)] = ()


class GetWishes(Query[Wishes]):
    """The asking person's wishes."""

    type: ClassVar[str] = "wishes.get.v1"
    service: ClassVar[str] = "notify"


class SetWishes(Command[Wishes]):
    """The asking person's wishes from now on, all of them."""

    type: ClassVar[str] = "wishes.set.v1"
    service: ClassVar[str] = "notify"
    wishes: Wishes
