"""Who hears what: event × who × scope → template, channels and language. The rules themselves are data (`rulebook`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from qipan.access import Role
from qipan.contracts.addressed import NOBODY, Addressed
from qipan.contracts.case import CaseState, Stage
from qipan.tenancy import Person, base_of, shadow_of
from qipan.tenancy.condition import matches
from qipan.territory.cell import DUTY_LAYER
from services.notify.audiences import Audience, people
from services.notify.directory import Directory
from services.notify.notices import Notice


class Channel(StrEnum):
    """Ways to reach a person; packs may add others (`shapes`)."""

    IN_APP = "in-app"
    MAIL = "mail"
    SMS = "sms"


class Scope(StrEnum):
    """How far a rule's role reaches, seen from what happened."""

    TOWN = "town"  # the tenant in which it happened
    DEPARTMENT = "department"  # the case's department
    DISTRICT = "district"
    UNIT = "unit"  # the unit that has the case
    CELL = "cell"  # the duty cell


@dataclass(frozen=True, slots=True)
class Rule:
    """When `event` leaves a case in one of `stages` (empty: any), somebody hears `template`'s words by `channels`.

    Who: an `audience`; or everybody with a `role` in a `scope`; or whoever a `roster` has on call; or a `destination`
    outside, which no person is. `language`: in which, where it is not the hearer's. `urgent`: it waits for no
    morning and no digest. `matters`: only of these, by code, or by its beginning and `*`.
    `level`: only when the case's time-out was told this far up; `asked_of`: only when this level is to decide.
    """

    event: str
    audience: Audience | None
    template: str
    stages: frozenset[Stage] = frozenset()
    channels: tuple[str, ...] = (Channel.IN_APP,)
    worst_rating: int | None = None
    level: int | None = None
    asked_of: str | None = None
    own_stage: str | None = None
    asked: bool | None = None  # whether it waits for a department that was asked; None: either
    endorsing: bool | None = None  # whether what was asked for waits for a department's word; None: either
    overdue: bool | None = None  # whether a notice's time is over; None: either
    unanswered: bool = False  # only once a hand-over was not answered in time
    waiting: bool = False  # only when no grid worker may inspect it
    name: str = ""
    role: Role | None = None
    scope: Scope = Scope.TOWN
    roster: str | None = None
    destination: str | None = None
    language: str | None = None
    urgent: bool = False
    matters: tuple[str, ...] = ()

    def concerns(self, about: CaseState | Notice) -> bool:
        """Whether the rule holds for a case as the event left it, or for what has none."""
        if self.matters and not matches(self.matters, about.matter or ""):
            return False
        return self.applies(about) if isinstance(about, CaseState) else self.applies_to(about)

    def applies_to(self, notice: Notice) -> bool:
        """Whether the rule holds for what has no case."""
        return self.overdue is None or self.overdue == notice.overdue

    def applies(self, case: CaseState) -> bool:
        """Whether the rule holds for the case as the event left it."""
        if self.stages and case.stage not in self.stages:
            return False
        clock = case.clock
        if self.level is not None and (clock is None or clock.escalated != self.level):
            return False
        if self.asked_of is not None and (
            clock is None or clock.asked is None or clock.asked.level != self.asked_of
        ):
            return False
        if self.endorsing is not None and self.endorsing != bool(
            clock and clock.asked and clock.asked.awaits
        ):
            return False
        if self.waiting and case.waiting is None:
            return False
        if self.unanswered and not (case.handover and case.handover.unanswered_at):
            return False
        if self.own_stage != (case.own_stage if case.own_stage in _APART else None):
            return False
        if self.asked is not None and self.asked != (case.department is not None and case.unit is None):
            return False
        return self.worst_rating is None or (case.rating is not None and case.rating <= self.worst_rating)


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody who hears, in the tenant in which they read; or a `destination` outside, in whose tenant it happened."""

    person: str
    tenant: str
    language: str
    template: str
    channels: tuple[str, ...]
    destination: str | None = None
    urgent: bool = False


ARBITRATION = "arbitration"
_APART = frozenset({ARBITRATION})
"""Narrower stages in which a case waits for others than its stage says."""

REPORTER = "reporter:"
"""What a reporter is called who asked to be told, with the report's id: no name, no address."""

Rules = Mapping[str, Sequence[Rule]]
"""Rules by the event that they are about, in their order."""


def who_hears(
    event: str,
    about: CaseState | Notice,
    directory: Directory,
    to: Addressed = NOBODY,
    *,
    rules: Rules,
    reporter: str | None = None,
) -> list[Recipient]:
    """Whom an event about a case, or a notice, is told to, each person once; the first rule that names them decides.

    `to`: whom the event itself names; `reporter`: the language of a reporter who asked to be told. In an exercise (a
    shadow tenant) the same people hear by their exercise accounts, which have no address outside; destinations
    outside and reporters do not hear of it, and nobody is called out.
    """
    base, shadow = base_of(about.tenant), shadow_of(about.tenant)
    found: dict[str, Recipient] = {}
    for rule in rules.get(event, ()):
        if not rule.concerns(about) or rule.roster is not None:
            continue
        if rule.audience is Audience.REPORTER:
            if reporter is not None and shadow is None and isinstance(about, CaseState):
                one = Recipient(
                    f"{REPORTER}{about.report_id}", base, reporter, rule.template, (Channel.MAIL,)
                )
                found.setdefault(one.person, one)
            continue
        if rule.destination is not None:
            if shadow is None:
                found.setdefault(rule.destination, _system(rule.destination, base, rule))
            continue
        for person in _meant(rule, about, base, directory, to):
            if person.id not in found:
                found[person.id] = _recipient(person.in_exercise(shadow) if shadow else person, rule)
    return list(found.values())


def called_out(event: str, about: CaseState | Notice, *, rules: Rules) -> list[Rule]:
    """The rules by which an event calls somebody out who is on a roster; in an exercise none."""
    if shadow_of(about.tenant) is not None:
        return []
    return [rule for rule in rules.get(event, ()) if rule.roster is not None and rule.concerns(about)]


def _meant(
    rule: Rule, about: CaseState | Notice, base: str, directory: Directory, to: Addressed
) -> Sequence[Person]:
    if rule.audience is not None:
        return people(rule.audience, about, base, directory, to)
    if rule.role is None:
        return ()
    role, case = rule.role, about if isinstance(about, CaseState) else None
    if rule.scope is Scope.DISTRICT:
        return directory.with_role(directory.district, role)
    if rule.scope is Scope.TOWN:
        return directory.with_role(base, role)
    if rule.scope is Scope.CELL:
        cell = about.place.cells.get(DUTY_LAYER, "") if about.place else ""
        return [one for one in directory.grid_workers(base, cell) if role in one.roles]
    if case is None:
        return ()
    if rule.scope is Scope.DEPARTMENT:
        return directory.with_role(case.department, role) if case.department else ()
    return [one for one in directory.handlers(case.unit or "") if role in one.roles]


def _recipient(person: Person, rule: Rule) -> Recipient:
    outside = shadow_of(person.tenant) is None
    channels = tuple(one for one in rule.channels if outside or one == Channel.IN_APP)
    language = rule.language or person.language
    return Recipient(person.id, person.tenant, language, rule.template, channels, urgent=rule.urgent)


def _system(destination: str, tenant: str, rule: Rule) -> Recipient:
    return Recipient(
        destination,
        tenant,
        rule.language or "zh",
        rule.template,
        (),
        destination=destination,
        urgent=rule.urgent,
    )
