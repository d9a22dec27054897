"""Looking at the words of messages before anybody gets them, and trying a way to somebody outside."""

from typing import ClassVar, Literal

from qipan.contracts.base import Command, Part, Query
from qipan.contracts.commands import Id


class Wording(Part):
    """A message's words as the tenant's people would get them, with made-up values."""

    template: str
    language: str
    title: str
    body: str
    html: str


class PreviewWords(Query[Wording]):
    """What a template says in the tenant addressed."""

    type: ClassVar[str] = "wording.preview.v1"
    service: ClassVar[str] = "notify"
    template: Id
    language: Literal["zh", "en"] = "zh"


class TestSent(Part):
    """A test that is queued: its key as a delivery, by which destination, and to whom."""

    __test__: ClassVar[bool] = False

    key: str
    destination: str
    recipient: str


class SendTest(Command[TestSent]):
    """Send a template's words, marked as a test, to oneself by a channel, or to one of the tenant's destinations."""

    type: ClassVar[str] = "wording.test.v1"
    service: ClassVar[str] = "notify"
    template: Id
    language: Literal["zh", "en"] = "zh"
    channel: Id | None = None
    destination: Id | None = None
