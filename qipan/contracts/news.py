"""News: what came into people's inboxes since they looked last. For the gateway alone, which pushes it."""

from typing import Annotated, ClassVar

from pydantic import Field

from qipan.contracts.base import Part, Query
from qipan.contracts.commands import Id
from qipan.contracts.queries import InAppMessage

MOST_LISTENERS = 500

Mark = Annotated[str, Field(pattern=r"^[0-9]{16}\.[!-~]{0,128}$", examples=["1772352000000000.0195f0a0-c1"])]
"""How far somebody has read: when that message was written, in microseconds of real time, and its id.

Marks are ordered as text is; messages are told in this order, and none is ever written before a mark already given.
"""


class Listener(Part):
    """Somebody who listens, and the mark of what they had last; without one they only learn where to begin."""

    person: Id
    after: Mark | None = None


class NewMessage(Part):
    """A message for one of the listeners, and its mark."""

    person: str
    mark: Mark
    message: InAppMessage


class News(Part):
    """What is new, each person's in order. `now`: the mark to begin with; `more`: there is more than was told."""

    messages: tuple[NewMessage, ...]
    now: Mark
    more: bool = False


class AskNews(Query[News]):
    """What is new for these people of the tenant addressed. For the gateway alone."""

    type: ClassVar[str] = "message.news.v1"
    service: ClassVar[str] = "notify"
    listeners: Annotated[tuple[Listener, ...], Field(min_length=1, max_length=MOST_LISTENERS)]
