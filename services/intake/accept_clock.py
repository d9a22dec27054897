"""受理 by the rules: until when a held report is to be decided about, whether it is urgent, and by whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from qipan.access import Role
from qipan.contracts.level import Level
from qipan.tenancy import District, base_of, shadow_of
from qipan.worktime import Limit
from services.intake.classify import first_within


@dataclass(frozen=True, slots=True)
class AcceptClock:
    """What holds for one held report: `due_at` is in domain time; `waits_for` is an acceptor's id, if there is any."""

    urgent: bool
    due_at: datetime
    waits_for: str | None


@dataclass(frozen=True, slots=True)
class AcceptRules:
    """How long reports may wait for an acceptor; urgent is what has the level or one of the (casefolded) words."""

    limit: Limit
    urgent_limit: Limit
    urgent_words: Sequence[str]

    def is_urgent(self, level: Level | str | None, text: str) -> bool:
        """Whether somebody has to look at once."""
        return level == Level.URGENT or first_within(text, self.urgent_words) is not None

    def limit_of(self, urgent: bool) -> Limit:
        """How long it may wait."""
        return self.urgent_limit if urgent else self.limit


def acceptors_of(district: District, tenant: str) -> tuple[str, ...]:
    """The ids of those who decide about a tenant's held reports, in an exercise their exercise accounts.

    Its acceptors; where it has none its shift leaders, who may as well; else whoever of the district sees to it.
    """
    shadow, own = shadow_of(tenant), base_of(tenant)
    for whose, role in (
        (own, Role.ACCEPTOR),
        (own, Role.SHIFT_LEADER),
        (district.id, Role.ACCEPTOR),
        (district.id, Role.DISPATCHER),
    ):
        found = [person for person in district.people_of(whose) if role in person.roles]
        if found:
            return tuple((person.in_exercise(shadow) if shadow else person).id for person in found)
    return ()


def chosen(report_id: str, acceptors: Sequence[str]) -> str | None:
    """Which of them a report waits for: the same on every replica, and reports are shared evenly.

    When one leaves or comes only that one's reports change hands.
    """
    if not acceptors:
        return None
    return max(acceptors, key=lambda who: sha256(f"{report_id} {base_of(who)}".encode()).digest())


def shown(clock: AcceptClock) -> Mapping[str, object]:
    """The clock's part of a line of the acceptors' list."""
    return {"urgent": clock.urgent, "due_at": clock.due_at, "waits_for": clock.waits_for}
