"""Supervision (督办), expediting (催办) and remarks."""

from typing import ClassVar

from qipan.contracts.events.case_event import CaseEvent


class CaseSupervised(CaseEvent):
    """督办: a supervisor or lead wants an answer in time; `case.supervision` says who, why and by when."""

    type: ClassVar[str] = "case.supervised.v1"


class CaseSupervisionAnswered(CaseEvent):
    """The supervision was answered, and so lifted."""

    type: ClassVar[str] = "supervision.answered.v1"


class CaseSupervisionOverdue(CaseEvent):
    """No answer to the supervision came in time."""

    type: ClassVar[str] = "supervision.overdue.v1"


class CaseExpedited(CaseEvent):
    """催办: the case was asked after."""

    type: ClassVar[str] = "case.expedited.v1"


class CaseRemarked(CaseEvent):
    """督察意见: an auditor remarked upon the case; the words are in its history."""

    type: ClassVar[str] = "case.remarked.v1"


SUPERVISION_EVENTS: tuple[type[CaseEvent], ...] = (
    CaseSupervised,
    CaseSupervisionAnswered,
    CaseSupervisionOverdue,
    CaseExpedited,
    CaseRemarked,
)
