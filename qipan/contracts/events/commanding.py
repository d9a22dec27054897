"""Who may command a unit: departments asked, and mandates that end."""

from typing import ClassVar

from qipan.contracts.events.case_event import CaseEvent


class CaseReferred(CaseEvent):
    """商请: `case.department` is asked to assign a unit of its own, because its units may not be commanded here."""

    type: ClassVar[str] = "case.referred.v1"


class CaseRecalled(CaseEvent):
    """收回: the mandate under which the unit was sent has ended, and what it took on is its department's to assign."""

    type: ClassVar[str] = "case.recalled.v1"


class CaseContinued(CaseEvent):
    """The mandate under which the unit was sent has ended; what it took on goes on under its department."""

    type: ClassVar[str] = "case.continued.v1"


COMMAND_EVENTS: tuple[type[CaseEvent], ...] = (
    CaseReferred,
    CaseRecalled,
    CaseContinued,
)
