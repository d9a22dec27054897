"""Who hears what: the table from which every queue is declared before anything is published."""

from qipan.contracts.addressed import FieldEvent
from qipan.contracts.base import Event
from qipan.contracts.citizens import UpdatesWanted
from qipan.contracts.comments import CaseCommented
from qipan.contracts.events import (
    CASE_EVENTS,
    ReportCommented,
    ReportRated,
    ReportReceived,
    ReportReopened,
    ReportTriaged,
)
from qipan.contracts.fieldlog import LOG_EVENTS
from qipan.contracts.modes import ModeSwitched
from qipan.contracts.offline import ConflictKept
from qipan.contracts.verifications import VerificationAsked
from qipan.contracts.waiting import ReportWaiting
from qipan.contracts.whistle import WHISTLE_EVENTS

CORE_SERVICES = ("intake", "dispatch", "notify", "analytics")

FIELD_EVENTS: tuple[type[FieldEvent], ...] = (
    *WHISTLE_EVENTS,
    *LOG_EVENTS,
    ConflictKept,
    CaseCommented,
)
"""What happens about a case in the field, beside its process: for people, and for whom it names."""

NOTICE_EVENTS: tuple[type[Event], ...] = (VerificationAsked, ReportWaiting, ModeSwitched)
"""What people are told of that has no case: before there is one, or about a whole town."""

SUBSCRIPTIONS: dict[str, tuple[type[Event], ...]] = {
    "intake": (ReportReceived, *CASE_EVENTS),
    "notify": (*CASE_EVENTS, *FIELD_EVENTS, *NOTICE_EVENTS, UpdatesWanted),
    "dispatch": (ReportTriaged, ReportRated, ReportReopened, ReportCommented),
    "analytics": (ReportTriaged, *CASE_EVENTS),
}
"""Service → the event types it consumes. A tenant's own services add theirs by their pack."""
