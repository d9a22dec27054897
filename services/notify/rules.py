"""Who hears what: one table of event × audience → template and channels."""

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum

from qipan.contracts import events, fieldlog, whistle
from qipan.contracts.addressed import NOBODY, Addressed
from qipan.contracts.case import CaseState, Stage
from qipan.contracts.comments import CaseCommented
from qipan.contracts.modes import ModeSwitched
from qipan.contracts.offline import ConflictKept
from qipan.contracts.verifications import VerificationAsked
from qipan.contracts.waiting import ReportWaiting
from qipan.tenancy import Person, base_of, shadow_of
from services.notify.audiences import Audience, people
from services.notify.directory import Directory
from services.notify.notices import Notice


class Channel(StrEnum):
    """A way to reach a person."""

    IN_APP = "in-app"
    MAIL = "mail"


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
    endorsing: bool | None = None  # whether what was asked for waits for a department's word; None: either
    overdue: bool | None = None  # whether a notice's time is over; None: either
    unanswered: bool = False  # only once a hand-over was not answered in time
    waiting: bool = False  # only when no grid worker may inspect it

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
    # Nobody answered in time: all parties hear it, and the arbiter what is to be done.
    Rule(events.CaseHandoverUnanswered.type, Audience.ARBITERS, "handover.undecided"),
    Rule(events.CaseHandoverUnanswered.type, Audience.RECEIVERS, "handover.unanswered"),
    Rule(events.CaseHandoverUnanswered.type, Audience.DISPATCHERS, "handover.unanswered"),
    Rule(events.CaseHandoverUndecided.type, Audience.ARBITERS, "handover.undecided"),
    Rule(events.CaseHandoverUndecided.type, Audience.DISTRICT, "handover.undecided"),
    Rule(events.CaseHandoverWithdrawn.type, Audience.RECEIVERS, "handover.withdrawn"),
    Rule(events.CaseHandoverWithdrawn.type, Audience.ARBITERS, "handover.withdrawn", unanswered=True),
    Rule(events.CaseHandoverDecided.type, Audience.DISPATCHERS, "handover.decided"),
    Rule(events.CaseSupportAsked.type, Audience.SUPPORT, "support.asked", mail=True),
    Rule(events.CaseSupportReturned.type, Audience.DISPATCHERS, "support.returned"),
    Rule(events.CaseSupportOverdue.type, Audience.DISPATCHERS, "support.overdue"),
    Rule(events.CaseDisposed.type, Audience.INSPECTORS, "case.disposed"),
    Rule(events.CaseDisposed.type, Audience.INSTEAD, "case.uninspected", waiting=True),
    Rule(events.CaseReworked.type, Audience.HANDLER, "task.rework", mail=True),
    Rule(events.CaseVoided.type, Audience.HANDLER, "case.voided"),
    # A clock that ran out is told to whoever it ran for.
    Rule(events.CaseOverdue.type, Audience.DISPATCHERS, "case.overdue", _WAITING),
    Rule(events.CaseOverdue.type, Audience.ARBITERS, "case.overdue", own_stage=ARBITRATION),
    Rule(events.CaseOverdue.type, Audience.DEPARTMENT, "case.overdue", _WAITING, asked=True),
    Rule(events.CaseOverdue.type, Audience.HANDLER, "case.overdue", _IN_HAND, mail=True),
    Rule(events.CaseOverdue.type, Audience.DISPATCHERS, "case.overdue", _IN_HAND),
    Rule(events.CaseOverdue.type, Audience.INSPECTORS, "case.overdue", frozenset({Stage.DISPOSED})),
    Rule(events.CaseOverdue.type, Audience.INSTEAD, "case.overdue", waiting=True),
    Rule(events.CaseOverdue.type, Audience.SHIFT_LEADERS, "case.overdue", frozenset({Stage.INSPECTED})),
    # It is told higher as long as it stays so.
    Rule(events.CaseEscalated.type, Audience.LEADS, "case.escalated", level=2),
    Rule(events.CaseEscalated.type, Audience.DISTRICT, "case.escalated", level=3),
    # Time is asked of the department, then of those who decide, and what they decided told to who asked.
    Rule(events.CaseTimeAsked.type, Audience.DEPARTMENT, "case.time-to-endorse", endorsing=True),
    Rule(
        events.CaseTimeAsked.type, Audience.DISPATCHERS, "case.time-asked", asked_of="town", endorsing=False
    ),
    Rule(
        events.CaseTimeAsked.type, Audience.DISTRICT, "case.time-asked", asked_of="district", endorsing=False
    ),
    Rule(events.CaseTimeEndorsed.type, Audience.DISPATCHERS, "case.time-asked", asked_of="town"),
    Rule(events.CaseTimeEndorsed.type, Audience.DISTRICT, "case.time-asked", asked_of="district"),
    Rule(events.CaseTimeUnendorsed.type, Audience.HANDLER, "case.time-unendorsed"),
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
    Rule(events.CaseExpedited.type, Audience.INSTEAD, "case.expedited", waiting=True),
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
    # What was done without signal and fits no more waits on somebody's list.
    Rule(ConflictKept.type, Audience.DESKS, "conflict.kept"),
    # What a reporter adds goes to whoever has the case, in none of the reporter's words.
    Rule(CaseCommented.type, Audience.DISPATCHERS, "case.commented"),
    Rule(CaseCommented.type, Audience.DEPARTMENT, "case.commented", _WAITING, asked=True),
    Rule(CaseCommented.type, Audience.HANDLER, "case.commented", _IN_HAND),
    # Before there is a case, and about a whole town.
    Rule(VerificationAsked.type, Audience.WALKERS, "verification.asked"),
    Rule(ReportWaiting.type, Audience.ACCEPTORS, "report.urgent", overdue=False),
    Rule(ReportWaiting.type, Audience.DISPATCHERS, "report.urgent", overdue=False),
    Rule(ReportWaiting.type, Audience.OVERSEERS, "report.overdue", overdue=True),
    Rule(ModeSwitched.type, Audience.DISPATCHERS, "mode.switched"),
    Rule(ModeSwitched.type, Audience.LEADS, "mode.switched"),
    Rule(ModeSwitched.type, Audience.WORKERS, "mode.switched"),
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


def who_hears(
    event: str, about: CaseState | Notice, directory: Directory, to: Addressed = NOBODY
) -> list[Recipient]:
    """Whom an event about a case, or a notice, is told to, each person once; the first rule that names them decides.

    `to`: whom the event itself names. In an exercise (a shadow tenant) the same people hear by their exercise
    accounts, which have no mailbox.
    """
    base, shadow = base_of(about.tenant), shadow_of(about.tenant)
    found: dict[str, Recipient] = {}
    for rule in _BY_EVENT.get(event, ()):
        if not (rule.applies(about) if isinstance(about, CaseState) else rule.applies_to(about)):
            continue
        for person in people(rule.audience, about, base, directory, to):
            if person.id not in found:
                found[person.id] = _recipient(person.in_exercise(shadow) if shadow else person, rule)
    return list(found.values())


def _recipient(person: Person, rule: Rule) -> Recipient:
    by_mail = rule.mail and person.email is not None
    channels = (Channel.IN_APP, Channel.MAIL) if by_mail else (Channel.IN_APP,)
    return Recipient(person.id, person.tenant, person.language, rule.template, channels)


_BY_EVENT: dict[str, list[Rule]] = defaultdict(list)
for _rule in RULES:
    _BY_EVENT[_rule.event].append(_rule)
