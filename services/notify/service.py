"""Notify's entrypoints: case events come in, people ask for their messages, what is due goes out."""

from collections.abc import Sequence

from nameko.extensions import DependencyProvider

from qipan.contracts.addressed import NOBODY, FieldEvent
from qipan.contracts.base import Event
from qipan.contracts.commands import Done, MarkRead
from qipan.contracts.deliveries import ListUndelivered, NoteReceipt, ResendDeliveries, Resent, Undelivered
from qipan.contracts.errors import Invalid, NotFound
from qipan.contracts.events import CASE_EVENTS, CaseEvent
from qipan.contracts.queries import Happenings, ListMessages, Messages, TellMessages
from qipan.contracts.subscriptions import FIELD_EVENTS, NOTICE_EVENTS
from qipan.messaging.service import (
    PROCESS,
    DatabaseProvider,
    Received,
    Work,
    answer,
    background,
    beside,
    consume,
)
from services.notify import store, undelivered
from services.notify.crew import Crew
from services.notify.desk import Desk, Occurrence
from services.notify.notices import notice_of
from services.notify.operator_file import outlets
from services.notify.sender import Sender
from services.notify.shapes import core_shapes
from services.notify.shown import happening, in_app


class DeskProvider(DependencyProvider):
    """Injects the `Desk`; a template or a destination that cannot be used stops the process from starting."""

    def setup(self) -> None:
        process = self.container.config[PROCESS]
        settings = process.settings
        self.desk = Desk(process.district, outlets(settings.destinations, settings.smtp_url, core_shapes()))

    def get_dependency(self, worker_ctx: object) -> Desk:
        return self.desk


class CrewProvider(DependencyProvider):
    """Injects the process's `Crew`: a greenlet for each destination that has something to send."""

    def setup(self) -> None:
        self.crew = Crew(beside)

    def get_dependency(self, worker_ctx: object) -> Crew:
        return self.crew


class Notify:
    """Tells people what happened to their cases."""

    name = "notify"
    tenant: str | None = None
    db = DatabaseProvider()
    desk = DeskProvider()
    crew = CrewProvider()

    @consume(*CASE_EVENTS, *FIELD_EVENTS, *NOTICE_EVENTS)
    def tell(self, work: Work, batch: Sequence[Received[Event]]) -> None:
        """Put messages into inboxes and queue deliveries for what happened to these cases, reports and towns."""
        mine = (message for message in batch if not _is_copy(message))
        store.add(work.conn, self.desk.compose(_occurrence(message, work) for message in mine))

    @background(every=0.5)
    def send_due(self) -> None:
        """Begin to send the deliveries that are due."""
        if self.desk.outlets:
            self.crew.send(Sender(self.db, self.desk.outlets, self.desk.address_of))

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

    @answer(ListUndelivered)
    def list_undelivered(self, work: Work, call: Received[ListUndelivered]) -> Undelivered:
        """What could not be delivered to the tenant's people and systems, newest first."""
        return undelivered.page(work.conn, call.tenant, call.data)

    @answer(ResendDeliveries)
    def resend(self, work: Work, call: Received[ResendDeliveries]) -> Resent:
        """Have deliveries that were given up tried again."""
        return undelivered.resend(work.conn, call.tenant, call.data.keys)

    @answer(NoteReceipt)
    def note_receipt(self, work: Work, call: Received[NoteReceipt]) -> Done:
        """Note what a provider says became of a message that it took."""
        if not undelivered.note_receipt(work.conn, call.tenant, call.data):
            raise NotFound("No provider has taken a message with this key.")
        return Done()


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
