"""After a case is closed: ratings, callbacks, reopening and rectification (整改)."""

from typing import ClassVar

from qipan.contracts.events.case_event import CaseEvent


class CaseRated(CaseEvent):
    """好差评: the reporter rated a closed case, 1 (worst) to 5."""

    type: ClassVar[str] = "case.rated.v1"


class CaseReopened(CaseEvent):
    """重开: the reporter had a closed case taken up again; a dispatcher decides whose it is."""

    type: ClassVar[str] = "case.reopened.v1"


class CaseCalledBack(CaseEvent):
    """回访: somebody asked the reporter of a closed case; `case.follow_up.callback` says what came of it."""

    type: ClassVar[str] = "case.calledback.v1"


class RectificationOpened(CaseEvent):
    """整改: a poor rating asks the unit to put right what it left; `case.follow_up` says until when."""

    type: ClassVar[str] = "rectification.opened.v1"


class RectificationAnswered(CaseEvent):
    """The unit says, with evidence, what it put right."""

    type: ClassVar[str] = "rectification.answered.v1"


class RectificationRefused(CaseEvent):
    """A shift leader did not accept the answer: another is due."""

    type: ClassVar[str] = "rectification.refused.v1"


class RectificationClosed(CaseEvent):
    """A shift leader accepted the answer."""

    type: ClassVar[str] = "rectification.closed.v1"


class RectificationOverdue(CaseEvent):
    """No answer to the rectification came in time."""

    type: ClassVar[str] = "rectification.overdue.v1"


AFTERWARDS_EVENTS: tuple[type[CaseEvent], ...] = (
    CaseRated,
    CaseReopened,
    CaseCalledBack,
    RectificationOpened,
    RectificationAnswered,
    RectificationRefused,
    RectificationClosed,
    RectificationOverdue,
)
