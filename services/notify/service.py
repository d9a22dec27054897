"""Notify's entrypoints: case events come in, people ask for their messages, what is due goes out."""

from collections.abc import Sequence

from nameko.extensions import DependencyProvider

from qipan.contracts.addressed import NOBODY, FieldEvent
from qipan.contracts.base import Event
from qipan.contracts.commands import Done, MarkRead
from qipan.contracts.errors import Invalid, NotFound
from qipan.contracts.events import CASE_EVENTS, CaseEvent
from qipan.contracts.queries import Happenings, ListMessages, Messages, TellMessages
from qipan.contracts.subscriptions import FIELD_EVENTS, NOTICE_EVENTS
from qipan.messaging.service import PROCESS, DatabaseProvider, Received, Work, answer, background, consume
from services.notify import store
from services.notify.channel import Sends
from services.notify.desk import Desk, Occurrence
from services.notify.mail import Mail
from services.notify.notices import notice_of
from services.notify.rules import Channel
from services.notify.sender import Sender
from services.notify.shown import happening, in_app


class DeskProvider(DependencyProvider):
    """Injects the `Desk`; a template or a mail server that cannot be used stops the process from starting."""

    def setup(self) -> None:
        process = self.container.config[PROCESS]
        mail = process.settings.smtp_url
        outside: dict[Channel, Sends] = {Channel.MAIL: Mail(mail)} if mail else {}
        self.desk = Desk(process.district, outside)

    def get_dependency(self, worker_ctx: object) -> Desk:
        return self.desk


class Notify:
    """Tells people what happened to their cases."""

    name = "notify"
    tenant: str | None = None
    db = DatabaseProvider()
    desk = DeskProvider()

    @consume(*CASE_EVENTS, *FIELD_EVENTS, *NOTICE_EVENTS)
    def tell(self, work: Work, batch: Sequence[Received[Event]]) -> None:
        """Put messages into inboxes and queue deliveries for what happened to these cases, reports and towns."""
        mine = (message for message in batch if not _is_copy(message))
        store.add(work.conn, self.desk.compose(_occurrence(message, work) for message in mine))

    @background(every=0.5)
    def send_due(self) -> None:
        """Send the deliveries that are due."""
        if self.desk.outside:
            Sender(self.db, self.desk.outside, self.desk.address_of).turn()

    @answer(ListMessages)
    def list_messages(self, work: Work, call: Received[ListMessages]) -> Messages:
        """The asking person's own messages, newest first."""
        call.grant.require(owner=call.grant.sub)
        ask = call.data
        page = store.page(work.conn, call.tenant, call.grant.sub, ask.limit, ask.after, ask.unread_only)
        return Messages(messages=tuple(in_app(row) for row in page.rows), next=page.next)

    @answer(MarkRead)
    def mark_read(self, work: Work, call: Received[MarkRead]) -> Done:
        """Note that the asking person has read a message of theirs."""
        call.grant.require(owner=call.grant.sub)
        now = work.now(call.tenant)
        if not store.mark_read(work.conn, call.tenant, call.grant.sub, call.data.message_id, now):
            raise NotFound("You have no such message.")
        return Done()

    @answer(TellMessages)
    def tell_messages(self, work: Work, call: Received[TellMessages]) -> Happenings:
        """What was sent about a case, to whom, and what became of it."""
        rows = store.told_about(work.conn, call.tenant, call.data.subject)
        return Happenings(happenings=tuple(happening(row) for row in rows))


def _is_copy(message: Received[Event]) -> bool:
    """Whether it is a department's copy: people hear of it once, by the town's."""
    return isinstance(message.data, FieldEvent) and message.data.case.tenant != message.tenant


def _occurrence(message: Received[Event], work: Work) -> Occurrence:
    event = message.data
    about = event.case if isinstance(event, CaseEvent) else notice_of(event, message.tenant)
    if about.tenant != message.tenant:
        raise Invalid(f"A message of {message.tenant!r} cannot speak of a case of {about.tenant!r}.")
    to = event.to if isinstance(event, FieldEvent) else NOBODY
    return Occurrence(message.id, event.type, about, work.now(message.tenant), message.traceparent, to)
