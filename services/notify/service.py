"""Notify's entrypoints: case events come in, people ask for their messages, what is due goes out."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from nameko.extensions import DependencyProvider

from qipan.contracts.addressed import NOBODY, FieldEvent
from qipan.contracts.base import Event
from qipan.contracts.callouts import AnswerCallout, Callout, Callouts, ListCallouts
from qipan.contracts.citizens import UpdatesWanted
from qipan.contracts.commands import Done, MarkRead
from qipan.contracts.deliveries import ListUndelivered, NoteReceipt, ResendDeliveries, Resent, Undelivered
from qipan.contracts.errors import Forbidden, Invalid, NotFound
from qipan.contracts.events import CASE_EVENTS, CaseEvent
from qipan.contracts.news import AskNews, News
from qipan.contracts.preferences import GetWishes, SetWishes, Wishes
from qipan.contracts.queries import Happenings, ListMessages, Messages, TellMessages
from qipan.contracts.subscriptions import FIELD_EVENTS, NOTICE_EVENTS
from qipan.contracts.wording import PreviewWords, SendTest, TestSent, Wording
from qipan.messaging.service import (
    PROCESS,
    ClientProvider,
    ClocksProvider,
    DatabaseProvider,
    ProcessProvider,
    Received,
    Timer,
    Work,
    answer,
    background,
    beside,
    consume,
    on_timer,
)
from services.notify import calling, digests, news, reporters, store, testing, undelivered, wish_store
from services.notify.crew import Crew
from services.notify.desk import Desk
from services.notify.notes import Occurrence
from services.notify.notices import notice_of
from services.notify.operator_file import outlets
from services.notify.rulebook import all_shapes, books
from services.notify.sender import Sender
from services.notify.shown import happening, in_app
from services.notify.wishes import may_follow


class DeskProvider(DependencyProvider):
    """Injects the `Desk`; a template or a destination that cannot be used stops the process from starting."""

    def setup(self) -> None:
        process = self.container.config[PROCESS]
        settings = process.settings
        found = books(process.district)
        reached = outlets(settings.destinations, settings.smtp_url, all_shapes(found))
        self.desk = Desk(process.district, reached, found)

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
    unhurried = True
    db = DatabaseProvider()
    clocks = ClocksProvider()
    client = ClientProvider()
    process = ProcessProvider()
    desk = DeskProvider()
    crew = CrewProvider()

    @consume(*CASE_EVENTS, *FIELD_EVENTS, *NOTICE_EVENTS)
    def tell(self, work: Work, batch: Sequence[Received[Event]]) -> None:
        """Put messages into inboxes and queue deliveries for what happened to these cases, reports and towns."""
        heard = [_occurrence(message, work) for message in batch if not _is_copy(message)]
        following = wish_store.followers(work.conn, (one.about.tenant for one in heard))
        wanted = partial(wish_store.wishes_of, work.conn)
        asked = reporters.of(work.conn, heard)
        notes = self.desk.compose(heard, wanted, following, asked)
        for occurrence in heard:
            notes += calling.begin(work, self.desk, occurrence)
        store.add(work.conn, notes, self.clocks.real_delay)

    @consume(UpdatesWanted)
    def note_reporters(self, work: Work, batch: Sequence[Received[UpdatesWanted]]) -> None:
        """Remember which reporters want to be told; where they are reached stays with intake."""
        reporters.keep(work.conn, [(message.tenant, message.data) for message in batch])

    @on_timer(calling.TIMER)
    def call_the_next(self, work: Work, due: Sequence[Timer]) -> None:
        """Ask the next on the roster where nobody has answered."""
        store.add(work.conn, calling.go_on(work, self.desk, due))

    @background(every=0.5)
    def send_due(self) -> None:
        """Begin to send the deliveries that are due."""
        if self.desk.outlets:
            reach = partial(reporters.reached, self.client, self.process.settings.public_url)
            self.crew.send(Sender(self.db, self.desk.outlets, self.desk.address_of, reach=reach))

    @background(every=5.0)
    def gather_due(self) -> None:
        """Make the digests that are due."""
        while self.desk.outlets:
            with self.db.begin() as work:
                if digests.gather(work.conn, self.desk, datetime.now(UTC)) == 0:
                    return

    @answer(ListMessages)
    def list_messages(self, work: Work, call: Received[ListMessages]) -> Messages:
        """The asking person's own messages, newest first."""
        call.grant.require(owner=call.grant.sub)
        ask = call.data
        page = store.page(work.conn, call.tenant, call.grant.sub, ask.limit, ask.after, ask.unread_only)
        return Messages(messages=tuple(in_app(row) for row in page.rows), next=page.next)

    @answer(AskNews)
    def tell_news(self, work: Work, call: Received[AskNews]) -> News:
        """What is new for people who stream their messages: for the gateway alone, which knows who they are."""
        if call.grant.sub != "gateway":
            raise Forbidden("Only the gateway asks for what is new.")
        return news.since(work.conn, call.tenant, call.data)

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

    @answer(GetWishes)
    def get_wishes(self, work: Work, call: Received[GetWishes]) -> Wishes:
        """How the asking person wants to be told."""
        call.grant.require(owner=call.grant.sub)
        me = (call.tenant, call.grant.sub)
        return wish_store.wishes_of(work.conn, [me]).get(me, wish_store.NONE)

    @answer(SetWishes)
    def set_wishes(self, work: Work, call: Received[SetWishes]) -> Wishes:
        """How the asking person wants to be told from now on."""
        call.grant.require(owner=call.grant.sub)
        wishes = call.data.wishes
        if wishes.follows and not may_follow(call.grant.principal.roles if call.grant.principal else ()):
            raise Forbidden("Only those who may watch the tenant's cases follow what happens to them.")
        wish_store.keep(work.conn, call.tenant, call.grant.sub, wishes)
        return wishes

    @answer(ListCallouts)
    def list_callouts(self, work: Work, call: Received[ListCallouts]) -> Callouts:
        """The tenant's call-outs, or those that the asking person was asked in."""
        own = None if call.grant.reach().everything else call.grant.sub
        return calling.page(work.conn, call.tenant, call.data, own)

    @answer(AnswerCallout)
    def answer_callout(self, work: Work, call: Received[AnswerCallout]) -> Callout:
        """Whoever was called out takes it on."""
        call.grant.require(owner=call.grant.sub)
        return calling.answer(work, call.tenant, call.data.callout_id, call.grant.sub)

    @answer(PreviewWords)
    def preview(self, work: Work, call: Received[PreviewWords]) -> Wording:
        """What a template says, with made-up values."""
        return self.desk.preview(call.tenant, call.data.template, call.data.language)

    @answer(SendTest)
    def send_test(self, work: Work, call: Received[SendTest]) -> TestSent:
        """Queue a template's words, marked as a test, to oneself or to a destination."""
        note = testing.note(self.desk, call.tenant, call.grant.sub, call.data, work.now(call.tenant))
        store.add(work.conn, [note])
        return testing.sent(note)

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
