"""Who hears what: the table from which every queue is declared before anything is published."""

from qipan.contracts.base import Event
from qipan.contracts.events import CASE_EVENTS, ReportRated, ReportReceived, ReportReopened, ReportTriaged

CORE_SERVICES = ("intake", "dispatch", "notify", "analytics")

SUBSCRIPTIONS: dict[str, tuple[type[Event], ...]] = {
    "intake": (ReportReceived, *CASE_EVENTS),
    "dispatch": (ReportTriaged, ReportRated, ReportReopened),
    "notify": CASE_EVENTS,
    "analytics": (ReportTriaged, *CASE_EVENTS),
}
"""Service → the event types it consumes. A tenant's own services add theirs by their pack."""
