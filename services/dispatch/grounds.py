"""What dispatch knows of each tenant from the district's pack, worked out once."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, lru_cache, partial

from qipan.contracts.events import CaseInspected, CaseReworked
from qipan.tenancy import District, Unit
from qipan.tenancy.rosters import Roster
from qipan.worktime import Limit
from services.dispatch.choosing import squads_of
from services.dispatch.clocks import USUAL, YELLOW_SHARE
from services.dispatch.commanding import desks_of
from services.dispatch.filing import Ground
from services.dispatch.policy import policy_of
from services.dispatch.process import process_of
from services.dispatch.timing import MostTime
from services.dispatch.uninspected import inspectors_of

MOST_TENANTS = 2_000
"""Tenants, shadows included, that are remembered at once; exercises come and go."""


class Grounds:
    """The tenants' grounds. NotFound for a tenant that the district does not have."""

    def __init__(self, district: District) -> None:
        self._district = district
        self.of = lru_cache(maxsize=MOST_TENANTS)(self._of)
        self.mandated: dict[str, tuple[int, Ground]] = {}
        self.workers = lru_cache(maxsize=MOST_TENANTS)(self._workers)
        self.inspectors = lru_cache(maxsize=MOST_TENANTS)(partial(inspectors_of, district))

    def closes_on_inspection(self, tenant: str) -> bool:
        """Whether a case that passed inspection needs no shift leader to close it."""
        return self._district.setting(tenant, "dispatch.close-on-inspection", False)

    def unit(self, tenant: str, id: str) -> Unit | None:
        """The unit with this id that works in a tenant."""
        return next((squad.unit for squad in self.of(tenant).squads if squad.unit.id == id), None)

    def owner(self, tenant: str, unit: str) -> str:
        """Whose a unit is that works in a tenant: the tenant's own, or a department that is a tenant itself."""
        found = self.unit(tenant, unit)
        return found.tenant if found else tenant

    def most_reworks(self, tenant: str) -> int:
        """After how many reworks the task is taken away; 0: never."""
        return self._district.setting(tenant, "dispatch.most-reworks", 3)

    def callback_limit(self, tenant: str) -> Limit:
        """Within what time after closure a reporter is called back."""
        return Limit.parse(self._district.setting(tenant, "dispatch.callback-limit", "1 work-day"))

    def _inspection(self, tenant: str) -> tuple[tuple[str, str], ...]:
        """What the tenant's settings ask of an inspection, as guards of its two steps, the town's own ones too."""
        setting = self._district.setting
        asked = []
        if setting(tenant, "dispatch.inspect-evidence", "optional") == "required":
            asked.append("evidence-given")
        if setting(tenant, "dispatch.inspect-other-unit", False):
            asked.append("not-of-the-unit")
        steps = (CaseInspected.type, CaseReworked.type)
        return tuple((step, guard) for step in steps for guard in asked)

    def worst_rating(self, tenant: str) -> int:
        """The best rating that still opens a rectification; 0: none does."""
        return self._district.setting(tenant, "dispatch.rectify-rating", 2)

    def rectify_limit(self, tenant: str) -> Limit:
        """How long the answer to a rectification may take."""
        return Limit.parse(self._district.setting(tenant, "dispatch.rectify-limit", "3 work-days"))

    def recalls(self, tenant: str) -> bool:
        """Whether what was accepted under a mandate goes to the department when the mandate ends."""
        return self._district.setting(tenant, "dispatch.mandate-ended", "finish") == "recall"

    def department_first(self, tenant: str) -> bool:
        """Whether a request for time goes to the handler's department before the dispatcher."""
        return self._district.setting(tenant, "dispatch.time-endorsement", "department") == "department"

    def arbiter(self, tenant: str) -> str:
        """The role in which somebody of the district decides the tenant's disputed returns."""
        return self._district.setting(tenant, "dispatch.arbiter", "dispatcher")

    @cached_property
    def responsible(self) -> frozenset[str]:
        """Everybody whose a matter can be: units, departments and tenants, by their ids."""
        district = self._district
        units = (unit.id for unit in district.units_of(district.id))
        return frozenset((*units, *(d.id for d in district.departments), *district.tenants))

    def handover_limit(self, tenant: str) -> Limit:
        """How long a town that is asked to take a case over may take to answer."""
        return Limit.parse(self._district.setting(tenant, "dispatch.handover-limit", "1 work-day"))

    def arbitration_limit(self, tenant: str) -> Limit:
        """How long the district's arbiter may take."""
        return Limit.parse(self._district.setting(tenant, "dispatch.arbitration-limit", "2 work-days"))

    def supervise_limit(self, tenant: str) -> Limit:
        """How long an answer to a supervision may take, where the supervisor does not say."""
        return Limit.parse(self._district.setting(tenant, "dispatch.supervise-limit", "1 work-day"))

    def requires_shifts(self, tenant: str) -> bool:
        """Whether only those who have signed on are asked to do anything."""
        return self._district.setting(tenant, "dispatch.shifts", "optional") == "required"

    def rosters(self, tenant: str) -> Mapping[str, tuple[Roster, ...]]:
        """The planned shifts of the tenant's workers; who has none is not in it."""
        return self._district.rosters(tenant)

    def _workers(self, tenant: str) -> tuple[str, ...]:
        """Everybody who can be asked to do something in a tenant."""
        return tuple(id for squad in self.of(tenant).squads for id, _ in squad.workers)

    def _of(self, tenant: str) -> Ground:
        setting = self._district.setting
        return Ground(
            matters=self._district.matters_of(tenant),
            squads=squads_of(self._district, tenant),
            calendar=self._district.calendar(tenant),
            usual=replace(
                USUAL,
                dispatch=Limit.parse(setting(tenant, "dispatch.route-limit", "10 minutes")),
                close=Limit.parse(setting(tenant, "dispatch.close-limit", "1 work-day")),
            ),
            process=process_of(self._district.workflow(tenant), self._inspection(tenant)),
            policy=policy_of(self._district, tenant),
            yellow=setting(tenant, "dispatch.yellow-share", YELLOW_SHARE),
            most_time=MostTime(
                extension=Limit.parse(setting(tenant, "dispatch.extension-most", "2 work-days")),
                deferral=Limit.parse(setting(tenant, "dispatch.deferral-most", "30 natural-days")),
                suspension=Limit.parse(setting(tenant, "dispatch.suspension-most", "90 natural-days")),
            ),
            escalate_after=tuple(
                Limit.parse(text)
                for text in setting(tenant, "dispatch.escalate-after", ["4 work-hours", "1 work-day"])
            ),
            book=self._district.book(tenant),
            desks=desks_of(self._district, tenant),
        )
