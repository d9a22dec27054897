"""Trying a way to somebody outside: a template's words, marked as a test, to oneself or to a destination."""

from datetime import datetime

from qipan.contracts.errors import Invalid, NotFound
from qipan.contracts.wording import SendTest, TestSent
from qipan.ids import new_id
from qipan.tenancy import base_of, shadow_of
from services.notify.deliveries import key_of
from services.notify.desk import Desk
from services.notify.notes import Heading, Note
from services.notify.rules import Channel

EVENT = "test"
MARK = {"zh": "【测试】", "en": "[Test] "}


def note(desk: Desk, tenant: str, sender: str, ask: SendTest, now: datetime) -> Note:
    """The test's delivery. Invalid or NotFound when there is no such way; in an exercise nothing leaves."""
    if shadow_of(tenant) is not None:
        raise Invalid("In an exercise nothing leaves the platform.")
    if (ask.channel is None) == (ask.destination is None):
        raise Invalid("Say one of channel (to yourself) and destination.")
    said = desk.preview(tenant, ask.template, ask.language)
    words = (MARK[ask.language] + said.title, said.body)
    heading = Heading(new_id(), EVENT, tenant, None, None, 0, now)
    if ask.destination is not None:
        outlet = desk.outlets.by_name.get(ask.destination)
        if outlet is None or outlet.personal or not outlet.takes(base_of(tenant)):
            raise NotFound(f"{tenant} has no destination {ask.destination!r} that is no person's.")
        return Note(tenant, outlet.name, outlet.channel, *words, heading, outlet.name)
    channel = ask.channel or Channel.MAIL
    found = list(desk.outside(sender, tenant, (channel,), ask.language, words, heading))
    if not found:
        raise NotFound(f"There is no way to you by {channel!r}: no such destination, or no address of yours.")
    return found[0]


def sent(queued: Note) -> TestSent:
    """What whoever asked is told."""
    key = key_of(queued.tenant, queued.about.message_id, queued.recipient, queued.channel)
    return TestSent(key=key, destination=queued.destination, recipient=queued.recipient)
