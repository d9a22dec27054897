"""What is told: one event as it concerns people, and what one of them gets of it by one channel."""

from dataclasses import dataclass
from datetime import datetime

from qipan.contracts.addressed import NOBODY, Addressed
from qipan.contracts.case import CaseState
from services.notify.notices import Notice


@dataclass(frozen=True, slots=True)
class Heading:
    """What a message is about, as it is stored with it. `at`: the tenant's domain time when it is told."""

    message_id: str
    event: str
    tenant: str
    case_id: str | None
    report_id: str | None
    version: int
    at: datetime
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One event, with the case or the notice that it is about; `at` is the tenant's domain time when it is told."""

    message_id: str
    event: str
    about: CaseState | Notice
    at: datetime
    traceparent: str | None = None
    to: Addressed = NOBODY

    @property
    def case_id(self) -> str | None:
        """The case that it is about, if any."""
        return self.about.case_id if isinstance(self.about, CaseState) else None

    @property
    def report_id(self) -> str | None:
        """The report that it is about while that has no case."""
        return self.about.report_id if isinstance(self.about, Notice) else None

    @property
    def version(self) -> int:
        """Which step it was: the case's version, or the number of the mode's switch; else 0."""
        if isinstance(self.about, CaseState):
            return self.about.version
        return self.about.mode.number if self.about.mode else 0

    @property
    def heading(self) -> Heading:
        """What its messages are stored with."""
        return Heading(
            self.message_id,
            self.event,
            self.about.tenant,
            self.case_id,
            self.report_id,
            self.version,
            self.at,
            self.traceparent,
        )


@dataclass(frozen=True, slots=True)
class Note:
    """What one person gets of one event by one channel; `destination`: by which way, in-app by none.

    `at`: not before then (the tenant's domain time; None: at once); `gathered`: then together with others.
    `callout_id`: the call-out that it asks for an answer to.
    """

    tenant: str
    recipient: str
    channel: str
    title: str
    body: str
    about: Heading
    destination: str = ""
    html: str | None = None
    at: datetime | None = None
    gathered: bool = False
    callout_id: str | None = None
