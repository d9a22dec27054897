"""From events to notes: what each recipient gets, in their own words, by which channel."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from qipan.contracts.addressed import NOBODY, Addressed
from qipan.contracts.case import CaseState
from qipan.tenancy import District, base_of
from services.notify.directory import Directory
from services.notify.notices import Notice
from services.notify.outlets import Outlets
from services.notify.rules import RULES, Channel, Recipient, who_hears
from services.notify.templates import Templates
from services.notify.words import VARIABLES, words_about


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One event, with the case or the notice that it is about; `at` is the tenant's domain time when it is told."""

    message_id: str
    event: str
    about: CaseState | Notice
    at: datetime
    traceparent: str | None = None
    to: Addressed = NOBODY

    @property
    def case_id(self) -> str | None:
        """The case that it is about, if any."""
        return self.about.case_id if isinstance(self.about, CaseState) else None

    @property
    def report_id(self) -> str | None:
        """The report that it is about while that has no case."""
        return self.about.report_id if isinstance(self.about, Notice) else None

    @property
    def version(self) -> int:
        """Which step it was: the case's version, or the number of the mode's switch; else 0."""
        if isinstance(self.about, CaseState):
            return self.about.version
        return self.about.mode.number if self.about.mode else 0


@dataclass(frozen=True, slots=True)
class Note:
    """What one person gets of one event by one channel; `destination`: by which way, in-app by none."""

    tenant: str
    recipient: str
    channel: str
    title: str
    body: str
    about: Occurrence
    destination: str = ""
    html: str | None = None


class Desk:
    """Turns events into notes; `outlets` are the destinations there are besides the in-app inbox.

    Raises PackError when a template of the core or of a tenant cannot be used.
    """

    def __init__(self, district: District, outlets: Outlets) -> None:
        self.district = district
        self.directory = Directory.of(district)
        self.outlets = outlets
        own = {
            tenant: [folder / "templates" for folder in district.folders(tenant)]
            for tenant in district.tenants
        }
        self._templates = Templates.load({rule.template for rule in RULES}, VARIABLES, own)

    def compose(self, occurrences: Iterable[Occurrence]) -> list[Note]:
        """Every note that these events call for, on the channels there are."""
        notes: list[Note] = []
        for occurrence in occurrences:
            about = occurrence.about
            written: dict[tuple[str, str], tuple[str, str]] = {}
            for recipient in who_hears(occurrence.event, about, self.directory, occurrence.to):
                words = (recipient.template, recipient.language)
                if words not in written:
                    written[words] = self._write(about, *words, occurrence.to)
                for channel in recipient.channels:
                    notes.extend(self._note(recipient, channel, written[words], occurrence))
        return notes

    def address_of(self, person: str, channel: str) -> str | None:
        """Where a channel reaches a person, by the operator's file and the pack as they stand now."""
        known = self.directory.person(person)
        if known is None:
            return None
        written = self.outlets.addresses.get(known.id, {}).get(channel)
        return written or (known.email if channel == Channel.MAIL else None)

    def _note(
        self, recipient: Recipient, channel: str, words: tuple[str, str], occurrence: Occurrence
    ) -> Iterator[Note]:
        """The note on this channel, if there is a way."""
        if channel == Channel.IN_APP:
            yield Note(recipient.tenant, recipient.person, channel, *words, occurrence)
            return
        outlet = self.outlets.reaching(channel, base_of(recipient.tenant))
        if outlet is not None:
            yield Note(recipient.tenant, recipient.person, channel, *words, occurrence, outlet.name)

    def _write(
        self, about: CaseState | Notice, template: str, language: str, to: Addressed = NOBODY
    ) -> tuple[str, str]:
        words = words_about(about, language, self.district, self.directory, to)
        return self._templates.render(base_of(about.tenant), template, language, words)
