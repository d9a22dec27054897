"""What every event about a case is."""

from qipan.contracts.base import Event
from qipan.contracts.case import CaseState


class CaseEvent(Event):
    """A step in a case's life, with the whole public state after it."""

    case: CaseState
