"""What dispatch is asked to show: work lists, a case, its history, the process."""

from collections.abc import Sequence

from qipan.contracts.commands import CaseAnswer
from qipan.contracts.light import light_of
from qipan.contracts.queries import (
    CaseList,
    GetCase,
    GetWorkflow,
    Happenings,
    ListWork,
    TellCase,
    WorkflowAnswer,
)
from qipan.contracts.search import SearchCases
from qipan.messaging.service import Received, Work, answer
from qipan.tenancy import TenantKind
from services.dispatch import listing, reading
from services.dispatch.acting import Acting
from services.dispatch.finding import sought
from services.dispatch.showing import shown
from services.dispatch.worklist import Asker, Cursor, Order, View, handed, sights, stuck, supported, views


class Lists(Acting):
    """Queries."""

    @answer(ListWork)
    def list_work(self, work: Work, call: Received[ListWork]) -> CaseList:
        """What waits for the asker, oldest deadline first."""
        asked = call.data
        kind, asker = self._kind(call), _asker(call)
        is_department = kind is TenantKind.DEPARTMENT
        lists = views(asker, call.tenant, is_department=is_department, wanted=asked.stages)
        lists += supported(asker, call.tenant, asked.stages)
        if not is_department:
            lists += stuck(asker, call.tenant, asked.stages)
            lists += handed(asker, call.tenant, asked.stages)
        if kind is TenantKind.DISTRICT:
            # Beside its own: what towns ask of departments for which the district answers.
            lists += views(asker, call.tenant, is_department=True, wanted=asked.stages)
        return self._page(work, call, lists, Order.DUE)

    @answer(SearchCases)
    def search_cases(self, work: Work, call: Received[SearchCases]) -> CaseList:
        """Every case that the asker may see and that matches, the closed ones, too."""
        kind = self._kind(call)
        lists = sights(
            _asker(call),
            call.tenant,
            is_department=kind is TenantKind.DEPARTMENT,
            towns=self._towns(call.tenant) if kind is TenantKind.DISTRICT else (),
        )
        return self._page(work, call, lists, Order(call.data.order))

    def _page(
        self,
        work: Work,
        call: Received[ListWork] | Received[SearchCases],
        lists: Sequence[View],
        order: Order,
    ) -> CaseList:
        asked = call.data
        after = Cursor.parse(asked.after) if asked.after else None
        narrowed = sought(asked, lambda: work.now(call.tenant))
        towns = self._towns(call.tenant)
        cases, following = listing.page(work.conn, lists, narrowed, order, after, asked.limit, towns)
        lights = tuple(light_of(case, work.now(case.tenant)) for case in cases)
        return CaseList(cases=cases, next=following, lights=lights)

    def _kind(self, call: Received) -> TenantKind:
        return self.process.district.tenant(call.tenant).kind

    def _towns(self, tenant: str) -> tuple[str, ...]:
        """The district's towns, of the same exercise as the tenant."""
        _, tilde, shadow = tenant.partition("~")
        tenants = self.process.district.tenants
        return tuple(f"{id}{tilde}{shadow}" for id, one in tenants.items() if one.kind is TenantKind.TOWN)

    @answer(GetCase)
    def get_case(self, work: Work, call: Received[GetCase]) -> CaseAnswer:
        """One case, to whom it concerns."""
        stored = self._shown(call, self._seek(work, call, call.data.case_id), call.data.case_id)
        return self._answer(work, stored)

    @answer(TellCase)
    def tell_case(self, work: Work, call: Received[TellCase]) -> Happenings:
        """What happened to a case, by its own id or its report's."""
        subject = call.data.subject
        stored = self._seek(work, call, subject)
        stored = self._shown(call, stored or reading.find_by_report(work.conn, call.tenant, subject), subject)
        case = stored.case
        told = tuple(reading.tell(work.conn, case.tenant, case.case_id))
        return Happenings(happenings=told, case_id=case.case_id, report_id=case.report_id)

    @answer(GetWorkflow)
    def get_workflow(self, work: Work, call: Received[GetWorkflow]) -> WorkflowAnswer:
        """The tenant's process as a table."""
        return shown(self.grounds.of(call.tenant).process.workflow)


def _asker(call: Received) -> Asker:
    reach, principal = call.grant.reach(), call.grant.principal
    return Asker(
        id=call.grant.sub,
        roles=frozenset(principal.roles) if principal else frozenset(),
        everything=reach.everything,
        units=reach.units,
        cells=reach.cells,
        department=principal.tenant if principal and reach.department else None,
    )
