"""From events to notes: what each recipient gets, in their own words, by which channel."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

from qipan.contracts.case import CaseState
from qipan.contracts.errors import NotFound
from qipan.contracts.preferences import Wishes
from qipan.contracts.wording import Wording
from qipan.tenancy import District, Severity, base_of
from services.notify import rulebook
from services.notify.directory import Directory
from services.notify.notes import Heading, Note, Occurrence
from services.notify.notices import Notice
from services.notify.outlets import Outlets
from services.notify.rulebook import Book, core_book
from services.notify.rules import REPORTER, Channel, Recipient, Rule, called_out, who_hears
from services.notify.templates import LANGUAGES, Templates
from services.notify.wishes import goes, may_follow
from services.notify.words import SAMPLES, UNKNOWN, VARIABLES, words_about

FOLLOWED, DIGEST, UNANSWERED = "case.followed", "digest", "callout.unanswered"
BESIDE = frozenset({FOLLOWED, DIGEST, UNANSWERED})
"""The templates that no rule names."""

Wanted = Callable[[Iterable[tuple[str, str]]], Mapping[tuple[str, str], Wishes]]
Followers = Mapping[tuple[str, str], Sequence[str]]
Reporters = Mapping[tuple[str, str], str]
_NO_WISHES = Wishes()


def _nobody_wishes(people: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Wishes]:
    return {}


class Desk:
    """Turns events into notes; `outlets` are the destinations there are besides the in-app inbox.

    Raises PackError when a rule or a template of the core or of a tenant cannot be used.
    """

    def __init__(self, district: District, outlets: Outlets, books: Mapping[str, Book] | None = None) -> None:
        self.district = district
        self.directory = Directory.of(district)
        self.outlets = outlets
        self.books = rulebook.books(district) if books is None else books
        own = {
            tenant: [folder / "templates" for folder in district.folders(tenant)]
            for tenant in district.tenants
        }
        names = {tenant: book.templates for tenant, book in self.books.items()}
        core = core_book().templates | BESIDE
        self.templates = Templates.load(core, VARIABLES, own, own_names=names)

    def compose(
        self,
        occurrences: Iterable[Occurrence],
        wanted: Wanted = _nobody_wishes,
        following: Followers | None = None,
        reporters: Reporters | None = None,
    ) -> list[Note]:
        """Every note that these events call for, on the channels there are.

        `wanted` gives people's wishes, all at once; `following` who follows which events: (tenant, event) → people;
        `reporters` the languages of those who asked to be told: (tenant, report) → language.
        """
        heard = [
            (occurrence, self._recipients(occurrence, following or {}, reporters or {}))
            for occurrence in occurrences
        ]
        wishes = wanted((one.tenant, one.person) for _, found in heard for one in found)
        notes: list[Note] = []
        for occurrence, found in heard:
            written: dict[tuple[str, str], tuple[str, str]] = {}
            for recipient in found:
                wish = wishes.get((recipient.tenant, recipient.person), _NO_WISHES)
                language = wish.language or recipient.language
                key = (recipient.template, language)
                if key not in written:
                    written[key] = self._write(occurrence.about, *key, occurrence)
                notes.extend(self._notes(recipient, wish, language, written[key], occurrence))
        return notes

    def callouts(self, occurrence: Occurrence) -> list[Rule]:
        """The rules by which this calls somebody out."""
        about = occurrence.about
        return called_out(occurrence.event, about, rules=self.books[base_of(about.tenant)].rules)

    def words_of(self, occurrence: Occurrence, template: str) -> dict[str, tuple[str, str]]:
        """A template's title and body about this, in every language."""
        return {
            language: self._write(occurrence.about, template, language, occurrence) for language in LANGUAGES
        }

    def say(self, tenant: str, template: str, language: str, words: Mapping[str, str]) -> tuple[str, str]:
        """What a template says that is about no case: the other variables are not known."""
        unknown = UNKNOWN.in_language(language)
        known = dict.fromkeys(VARIABLES, unknown) | dict(words)
        return self.templates.render(base_of(tenant), template, language, known)

    def preview(self, tenant: str, template: str, language: str) -> Wording:
        """What a template says in a tenant, with made-up values; NotFound, listing those there are."""
        names = self.templates.names | self.books[base_of(tenant)].templates
        if template not in names:
            raise NotFound(f"There is no template {template!r}; there are {', '.join(sorted(names))}.")
        words = {name: f"[{name}]" for name in VARIABLES} | dict(SAMPLES[language])
        title, body = self.templates.render(base_of(tenant), template, language, words)
        html = self.templates.html(base_of(tenant), language, title, body)
        return Wording(template=template, language=language, title=title, body=body, html=html)

    def zone(self, tenant: str) -> ZoneInfo:
        """The tenant's time zone."""
        return ZoneInfo(self.district.tenant(tenant).zone)

    def address_of(self, person: str, channel: str) -> str | None:
        """Where a channel reaches a person, by the operator's file and the pack as they stand now."""
        known = self.directory.person(person)
        if known is None:
            return None
        written = self.outlets.addresses.get(known.id, {}).get(channel)
        return written or (known.email if channel == Channel.MAIL else None)

    def outside(
        self,
        person: str,
        tenant: str,
        channels: Iterable[str],
        language: str,
        words: tuple[str, str],
        heading: Heading,
    ) -> Iterator[Note]:
        """The notes to one person by channels outside by which there is a way to them."""
        for channel in channels:
            outlet = self.outlets.reaching(channel, base_of(tenant))
            if outlet is None:
                continue
            if not person.startswith(REPORTER) and self.address_of(person, channel) is None:
                continue
            html = self.templates.html(base_of(heading.tenant), language, *words)
            shown = html if channel == Channel.MAIL else None
            yield Note(tenant, person, channel, *words, heading, outlet.name, shown)

    def _recipients(
        self, occurrence: Occurrence, following: Followers, reporters: Reporters
    ) -> list[Recipient]:
        about = occurrence.about
        reporter = None
        if isinstance(about, CaseState):
            reporter = reporters.get((about.tenant, about.report_id))
        rules = self.books[base_of(about.tenant)].rules
        found = who_hears(
            occurrence.event, about, self.directory, occurrence.to, rules=rules, reporter=reporter
        )
        already = {one.person for one in found}
        if isinstance(about, CaseState):
            for person in following.get((about.tenant, occurrence.event), ()):
                known = self.directory.person(person)
                # Who may no longer watch the cases follows them no longer either.
                if known is not None and person not in already and may_follow(known.roles):
                    found.append(Recipient(person, about.tenant, known.language, FOLLOWED, (Channel.IN_APP,)))
        return found

    def _notes(
        self,
        recipient: Recipient,
        wish: Wishes,
        language: str,
        words: tuple[str, str],
        occurrence: Occurrence,
    ) -> Iterator[Note]:
        heading = occurrence.heading
        if recipient.destination is not None:
            yield from self._to_system(recipient, words, heading)
            return
        urgent = recipient.urgent or self._is_urgent(occurrence.about)
        quiet = self.district.setting(recipient.tenant, "notify.quiet-hours", "")
        zone = self.zone(recipient.tenant)
        for channel in recipient.channels:
            going = goes(
                channel,
                occurrence.event,
                urgent=urgent,
                wishes=wish,
                quiet=quiet,
                now=occurrence.at,
                zone=zone,
            )
            if going is None:
                continue
            if channel == Channel.IN_APP:
                yield Note(recipient.tenant, recipient.person, channel, *words, heading)
                continue
            person, tenant = recipient.person, recipient.tenant
            for note in self.outside(person, tenant, (channel,), language, words, heading):
                yield replace(note, at=going.at, gathered=going.gathered)

    def _to_system(self, recipient: Recipient, words: tuple[str, str], heading: Heading) -> Iterator[Note]:
        """The note to a destination, if the operator has it and lets the tenant's happenings go there."""
        outlet = self.outlets.by_name.get(recipient.destination or "")
        if outlet is not None and not outlet.personal and outlet.takes(recipient.tenant):
            yield Note(recipient.tenant, outlet.name, outlet.channel, *words, heading, outlet.name)

    def _is_urgent(self, about: CaseState | Notice) -> bool:
        matter = self.district.matters_of(about.tenant).get(about.matter) if about.matter else None
        return matter is not None and matter.severity == Severity.URGENT

    def _write(
        self, about: CaseState | Notice, template: str, language: str, occurrence: Occurrence | None = None
    ) -> tuple[str, str]:
        to = (occurrence.to,) if occurrence is not None else ()
        words = words_about(about, language, self.district, self.directory, *to)
        return self.templates.render(base_of(about.tenant), template, language, words)
