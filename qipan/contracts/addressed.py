"""Events about a case that are meant for certain people, beside the steps of its process."""

from datetime import datetime

from qipan.contracts.base import Part
from qipan.contracts.events import CaseEvent


class Addressed(Part):
    """Whom an event is meant for: workers and units by id, departments with all their units of the town.

    `desks`: tenants whose dispatchers and shift leaders are to decide something. `due_at`: until when something
    is expected of them.
    """

    workers: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()
    desks: tuple[str, ...] = ()
    due_at: datetime | None = None


NOBODY = Addressed()


class FieldEvent(CaseEvent):
    """Something that happened about a case in the field, and whom it is meant for; the case stays as it is."""

    to: Addressed = NOBODY
