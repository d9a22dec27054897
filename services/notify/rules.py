"""Who hears what: one table of event × audience → template and channels."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from qipan.access import Role
from qipan.contracts import events, fieldlog, whistle
from qipan.contracts.addressed import NOBODY, Addressed
from qipan.contracts.case import CaseState, Stage
from qipan.tenancy import Person, base_of, shadow_of
from qipan.territory.cell import DUTY_LAYER
from services.notify.directory import Directory


class Channel(StrEnum):
    """A way to reach a person."""

    IN_APP = "in-app"
    MAIL = "mail"


class Audience(StrEnum):
    """Whom a rule means, seen from the case."""

    HANDLER = (
        "handler"  # the worker who has the case; before anybody has it, or once they have left, the unit
    )
    DISPATCHERS = "dispatchers"
    INSPECTORS = "inspectors"  # the grid workers of the case's duty cell, never who disposed of it
    SHIFT_LEADERS = "shift-leaders"
    SUPERVISORS = "supervisors"
    DISTRICT = "district"  # the district's leads and dispatchers
    RECEIVERS = "receivers"  # who is asked to take a case over: a tenant's dispatchers, a unit's handlers
    DECIDERS = "deciders"  # who decides when they refuse: the arbiters, between units the dispatchers
    SUPPORT = "support"  # the worker of the newest child task, the whole unit, or the department asked
    ARBITERS = "arbiters"  # whoever of the district decides disputed returns
    LEADS = "leads"  # the town's
    UNIT = "unit"  # everybody who handles cases for the unit that has it
    ADDRESSED = "addressed"  # whom the event itself names: workers, units, departments
    SUPERVISING = "supervising"  # who supervises the case
    RECTIFYING = "rectifying"  # whoever disposed of what is to be put right (整改)
    DEPARTMENT = "department"  # the dispatchers of the case's department; without any, the district's


@dataclass(frozen=True, slots=True)
class Rule:
    """When `event` leaves a case in one of `stages` (empty: any), `audience` hears `template`'s words.

    `level`: only when the case's time-out was told this far up; `asked_of`: only when this level is to decide.
    """

    event: str
    audience: Audience
    template: str
    stages: frozenset[Stage] = frozenset()
    mail: bool = False
    worst_rating: int | None = None
    level: int | None = None
    asked_of: str | None = None
    own_stage: str | None = None
    asked: bool | None = None  # whether it waits for a department that was asked; None: either

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
        if self.own_stage != (case.own_stage if case.own_stage in _APART else None):
            return False
        if self.asked is not None and self.asked != (case.department is not None and case.unit is None):
            return False
        return self.worst_rating is None or (case.rating is not None and case.rating <= self.worst_rating)


@dataclass(frozen=True, slots=True)
class Recipient:
    """One person who hears, in the tenant in which they read their messages."""

    person: str
    tenant: str
    language: str
    template: str
    channels: tuple[Channel, ...]


ARBITRATION = "arbitration"
_APART = frozenset({ARBITRATION})
"""Narrower stages in which a case waits for others than its stage says."""

_WAITING = frozenset({Stage.FILED, Stage.RETURNED})
_IN_HAND = frozenset({Stage.OFFERED, Stage.ACCEPTED, Stage.REWORK})

RULES: tuple[Rule, ...] = (
    Rule(events.CaseFiled.type, Audience.DISPATCHERS, "case.unassigned", _WAITING, asked=False),
    Rule(events.CaseFiled.type, Audience.DEPARTMENT, "case.referred", _WAITING, asked=True),
    Rule(events.CaseReferred.type, Audience.DEPARTMENT, "case.referred"),
    Rule(events.CaseRecalled.type, Audience.DEPARTMENT, "case.referred"),
    Rule(events.CaseContinued.type, Audience.DEPARTMENT, "case.continued"),
    Rule(events.CaseFiled.type, Audience.HANDLER, "task.offered", _IN_HAND, mail=True),
    Rule(events.CaseDispatched.type, Audience.HANDLER, "task.offered", _IN_HAND, mail=True),
    Rule(events.CaseReturned.type, Audience.DISPATCHERS, "task.returned"),
    Rule(events.CaseReturnRefused.type, Audience.HANDLER, "return.refused", mail=True),
    Rule(events.CaseDisputed.type, Audience.ARBITERS, "return.disputed", own_stage=ARBITRATION),
    Rule(events.CaseReturnAllowed.type, Audience.DISPATCHERS, "return.allowed"),
    Rule(events.CaseReturnDenied.type, Audience.HANDLER, "return.denied", mail=True),
    Rule(events.CaseHandoverAsked.type, Audience.RECEIVERS, "handover.asked"),
    Rule(events.CaseHandoverAccepted.type, Audience.DISPATCHERS, "handover.taken"),
    Rule(events.CaseHandoverRefused.type, Audience.DECIDERS, "handover.refused"),
    Rule(events.CaseHandoverDecided.type, Audience.DISPATCHERS, "handover.decided"),
    Rule(events.CaseSupportAsked.type, Audience.SUPPORT, "support.asked", mail=True),
    Rule(events.CaseSupportReturned.type, Audience.DISPATCHERS, "support.returned"),
    Rule(events.CaseDisposed.type, Audience.INSPECTORS, "case.disposed"),
    Rule(events.CaseReworked.type, Audience.HANDLER, "task.rework", mail=True),
    Rule(events.CaseVoided.type, Audience.HANDLER, "case.voided"),
    # A clock that ran out is told to whoever it ran for.
    Rule(events.CaseOverdue.type, Audience.DISPATCHERS, "case.overdue", _WAITING),
    Rule(events.CaseOverdue.type, Audience.ARBITERS, "case.overdue", own_stage=ARBITRATION),
    Rule(events.CaseOverdue.type, Audience.DEPARTMENT, "case.overdue", _WAITING, asked=True),
    Rule(events.CaseOverdue.type, Audience.HANDLER, "case.overdue", _IN_HAND, mail=True),
    Rule(events.CaseOverdue.type, Audience.DISPATCHERS, "case.overdue", _IN_HAND),
    Rule(events.CaseOverdue.type, Audience.INSPECTORS, "case.overdue", frozenset({Stage.DISPOSED})),
    Rule(events.CaseOverdue.type, Audience.SHIFT_LEADERS, "case.overdue", frozenset({Stage.INSPECTED})),
    # It is told higher as long as it stays so.
    Rule(events.CaseEscalated.type, Audience.LEADS, "case.escalated", level=2),
    Rule(events.CaseEscalated.type, Audience.DISTRICT, "case.escalated", level=3),
    # Time is asked of those who decide, and what they decided told to who asked.
    Rule(events.CaseTimeAsked.type, Audience.DISPATCHERS, "case.time-asked", asked_of="town"),
    Rule(events.CaseTimeAsked.type, Audience.DISTRICT, "case.time-asked", asked_of="district"),
    Rule(events.CaseTimeRefused.type, Audience.HANDLER, "case.time-refused"),
    Rule(events.CaseExtended.type, Audience.HANDLER, "case.extended"),
    Rule(events.CaseDeferred.type, Audience.HANDLER, "case.deferred"),
    Rule(events.CaseSuspended.type, Audience.HANDLER, "case.suspended"),
    Rule(events.CaseResumed.type, Audience.HANDLER, "case.resumed", mail=True),
    # 督办 and 催办 go to whoever is to move, what becomes of a 督办 to whoever asked.
    Rule(events.CaseSupervised.type, Audience.HANDLER, "case.supervised", mail=True),
    Rule(events.CaseSupervised.type, Audience.DISPATCHERS, "case.supervised"),
    Rule(events.CaseSupervised.type, Audience.SHIFT_LEADERS, "case.supervised"),
    Rule(events.CaseSupervisionAnswered.type, Audience.SUPERVISING, "case.supervision-answered"),
    Rule(events.CaseSupervisionOverdue.type, Audience.SUPERVISING, "case.supervision-overdue"),
    Rule(events.CaseSupervisionOverdue.type, Audience.LEADS, "case.supervision-overdue"),
    Rule(events.CaseSupervisionOverdue.type, Audience.HANDLER, "case.supervision-overdue", mail=True),
    Rule(events.CaseExpedited.type, Audience.HANDLER, "case.expedited", _IN_HAND, mail=True),
    Rule(events.CaseExpedited.type, Audience.UNIT, "case.expedited", _IN_HAND),
    Rule(events.CaseExpedited.type, Audience.DISPATCHERS, "case.expedited", _WAITING),
    Rule(events.CaseExpedited.type, Audience.INSPECTORS, "case.expedited", frozenset({Stage.DISPOSED})),
    Rule(events.CaseExpedited.type, Audience.SHIFT_LEADERS, "case.expedited", frozenset({Stage.INSPECTED})),
    Rule(events.CaseRemarked.type, Audience.SHIFT_LEADERS, "case.remarked"),
    # What is said in the field goes to whom it is for; a remark wakes nobody.
    Rule(fieldlog.InstructionGiven.type, Audience.ADDRESSED, "instruction.given"),
    Rule(fieldlog.BackupCalled.type, Audience.DISPATCHERS, "backup.called"),
    Rule(fieldlog.BackupAnswered.type, Audience.ADDRESSED, "backup.answered"),
    # 吹哨: who is summoned comes, the town sees who has.
    Rule(whistle.WhistleBlown.type, Audience.ADDRESSED, "whistle.blown", mail=True),
    Rule(whistle.WhistleAnswered.type, Audience.DISPATCHERS, "whistle.answered"),
    Rule(whistle.WhistleOverdue.type, Audience.DISPATCHERS, "whistle.overdue"),
    Rule(whistle.WhistleOverdue.type, Audience.ADDRESSED, "whistle.overdue", mail=True),
    Rule(whistle.WhistleEnded.type, Audience.ADDRESSED, "whistle.ended"),
    Rule(events.CaseWithdrawn.type, Audience.DISPATCHERS, "case.withdrawn"),
    Rule(events.CaseReopened.type, Audience.DISPATCHERS, "case.reopened"),
    Rule(events.CaseReopened.type, Audience.SUPERVISORS, "case.reopened"),
    # 整改 is the unit's to answer, and the shift leader's to accept.
    Rule(events.RectificationOpened.type, Audience.RECTIFYING, "rectification.opened", mail=True),
    Rule(events.RectificationOpened.type, Audience.SHIFT_LEADERS, "rectification.opened"),
    Rule(events.RectificationAnswered.type, Audience.SHIFT_LEADERS, "rectification.answered"),
    Rule(events.RectificationRefused.type, Audience.RECTIFYING, "rectification.refused", mail=True),
    Rule(events.RectificationOverdue.type, Audience.RECTIFYING, "rectification.overdue", mail=True),
    Rule(events.RectificationOverdue.type, Audience.SHIFT_LEADERS, "rectification.overdue"),
    Rule(events.RectificationClosed.type, Audience.SUPERVISORS, "rectification.closed"),
    # The two lowest of the five levels trigger rectification.
    Rule(events.CaseRated.type, Audience.SUPERVISORS, "case.rated-low", worst_rating=2),
)
"""Most steps are told to one person or to nobody: what everybody hears, nobody reads."""


def who_hears(event: str, case: CaseState, directory: Directory, to: Addressed = NOBODY) -> list[Recipient]:
    """Whom an event about a case is told to, each person once; the first rule that names them decides.

    `to`: whom the event itself names. In an exercise (a shadow tenant) the same people hear by their exercise
    accounts, which have no mailbox.
    """
    base, shadow = base_of(case.tenant), shadow_of(case.tenant)
    found: dict[str, Recipient] = {}
    for rule in _BY_EVENT.get(event, ()):
        if not rule.applies(case):
            continue
        if rule.audience is Audience.ADDRESSED:
            people = _addressed(to, base, directory)
        else:
            people = _AUDIENCES[rule.audience](case, base, directory)
        for person in people:
            if person.id not in found:
                found[person.id] = _recipient(person.in_exercise(shadow) if shadow else person, rule)
    return list(found.values())


def _recipient(person: Person, rule: Rule) -> Recipient:
    by_mail = rule.mail and person.email is not None
    channels = (Channel.IN_APP, Channel.MAIL) if by_mail else (Channel.IN_APP,)
    return Recipient(person.id, person.tenant, person.language, rule.template, channels)


def _handler(case: CaseState, base: str, directory: Directory) -> Sequence[Person]:
    person = directory.person(case.worker) if case.worker is not None else None
    if person is not None:
        return (person,)
    return directory.handlers(case.unit) if case.unit is not None else ()


def _dispatchers(case: CaseState, base: str, directory: Directory) -> Sequence[Person]:
    """Of whoever commands the case: where it arose, or who took it over."""
    holder = case.handover.holder if case.handover else None
    return directory.with_role(base_of(holder) if holder else base, Role.DISPATCHER)


def _receivers(case: CaseState, base: str, directory: Directory) -> Sequence[Person]:
    if case.handover is None:
        return ()
    to = case.handover.to
    return directory.handlers(to) if "/" in to else directory.with_role(base_of(to), Role.DISPATCHER)


def _deciders(case: CaseState, base: str, directory: Directory) -> Sequence[Person]:
    if case.handover is None or "/" in case.handover.to:
        return _dispatchers(case, base, directory)
    return directory.arbiters(base)


def _support(case: CaseState, base: str, directory: Directory) -> Sequence[Person]:
    if not case.supports:
        return ()
    newest = case.supports[-1]
    if newest.through_department and newest.worker is None:
        return directory.desk_of(newest.department) if newest.department is not None else ()
    person = directory.person(newest.worker) if newest.worker is not None else None
    return (person,) if person is not None else directory.handlers(newest.unit)


def _department(case: CaseState, base: str, directory: Directory) -> Sequence[Person]:
    return directory.desk_of(case.department) if case.department is not None else ()


def _inspectors(case: CaseState, base: str, directory: Directory) -> Sequence[Person]:
    workers = directory.grid_workers(base, case.place.cells.get(DUTY_LAYER, ""))
    parts = (case.worker, *case.disposed_by, *(support.worker for support in case.supports))
    did_it = {base_of(one) for one in parts if one is not None}
    return [person for person in workers if person.id not in did_it]


def _addressed(to: Addressed, base: str, directory: Directory) -> Sequence[Person]:
    """A department's are the people of its units in the town, and its own dispatchers where it has any."""
    named = [person for id in to.workers if (person := directory.person(id)) is not None]
    units = [person for unit in to.units for person in directory.handlers(unit)]
    for department in to.departments:
        units += directory.of_department(base, department)
        units += directory.with_role(department, Role.DISPATCHER)
    return [*named, *units]


def _unit(case: CaseState, base: str, directory: Directory) -> Sequence[Person]:
    return directory.handlers(case.unit) if case.unit is not None else ()


def _supervising(case: CaseState, base: str, directory: Directory) -> Sequence[Person]:
    by = case.supervision.by if case.supervision else None
    person = directory.person(by) if by else None
    return (person,) if person is not None else ()


def _rectifying(case: CaseState, base: str, directory: Directory) -> Sequence[Person]:
    newest = case.follow_up.rectification if case.follow_up else None
    if newest is None:
        return ()
    person = directory.person(newest.worker) if newest.worker else None
    if person is not None:
        return (person,)
    return directory.handlers(newest.unit) if newest.unit else ()


_AUDIENCES: Mapping[Audience, Callable[[CaseState, str, Directory], Sequence[Person]]] = {
    Audience.HANDLER: _handler,
    Audience.INSPECTORS: _inspectors,
    Audience.DISPATCHERS: _dispatchers,
    Audience.DEPARTMENT: _department,
    Audience.SHIFT_LEADERS: lambda case, base, directory: directory.with_role(base, Role.SHIFT_LEADER),
    Audience.DISTRICT: lambda case, base, directory: directory.of_district(),
    Audience.SUPPORT: _support,
    Audience.RECEIVERS: _receivers,
    Audience.DECIDERS: _deciders,
    Audience.ARBITERS: lambda case, base, directory: directory.arbiters(base),
    Audience.SUPERVISORS: lambda case, base, directory: directory.with_role(base, Role.SUPERVISOR),
    Audience.LEADS: lambda case, base, directory: directory.with_role(base, Role.TOWN_LEAD),
    Audience.UNIT: _unit,
    Audience.SUPERVISING: _supervising,
    Audience.RECTIFYING: _rectifying,
}

_BY_EVENT: dict[str, list[Rule]] = defaultdict(list)
for _rule in RULES:
    _BY_EVENT[_rule.event].append(_rule)
