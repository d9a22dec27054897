"""From events to notes: what each recipient gets, in their own words, by which channel."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from qipan.contracts.addressed import NOBODY, Addressed
from qipan.contracts.case import CaseState
from qipan.tenancy import District, base_of
from services.notify.channel import Sends
from services.notify.directory import Directory
from services.notify.notices import Notice
from services.notify.rules import RULES, Channel, who_hears
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
    """What one person gets of one event by one channel."""

    tenant: str
    recipient: str
    channel: Channel
    title: str
    body: str
    about: Occurrence


class Desk:
    """Turns events into notes; `outside` are the channels there are besides the in-app inbox.

    Raises PackError when a template of the core or of a tenant cannot be used.
    """

    def __init__(self, district: District, outside: Mapping[Channel, Sends]) -> None:
        self.district = district
        self.directory = Directory.of(district)
        self.outside = outside
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
                notes.extend(
                    Note(recipient.tenant, recipient.person, channel, *written[words], occurrence)
                    for channel in recipient.channels
                    if channel is Channel.IN_APP or channel in self.outside
                )
        return notes

    def address_of(self, person: str, channel: str) -> str | None:
        """Where a channel reaches a person, by the pack as it stands now."""
        known = self.directory.person(person)
        return known.email if known is not None and channel == Channel.MAIL else None

    def _write(
        self, about: CaseState | Notice, template: str, language: str, to: Addressed = NOBODY
    ) -> tuple[str, str]:
        words = words_about(about, language, self.district, self.directory, to)
        return self._templates.render(base_of(about.tenant), template, language, words)
