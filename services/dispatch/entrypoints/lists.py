"""What dispatch is asked to show: work lists, a case, its history, the process."""

from qipan.contracts.commands import CaseAnswer
from qipan.contracts.queries import (
    CaseList,
    GetCase,
    GetWorkflow,
    Happenings,
    ListWork,
    TellCase,
    WorkflowAnswer,
)
from qipan.messaging.service import Received, Work, answer
from qipan.tenancy import TenantKind
from services.dispatch import reading
from services.dispatch.acting import Acting
from services.dispatch.showing import shown
from services.dispatch.worklist import Asker, Cursor, merge, views


class Lists(Acting):
    """Queries."""

    @answer(ListWork)
    def list_work(self, work: Work, call: Received[ListWork]) -> CaseList:
        """What waits for the asker, oldest deadline first."""
        reach, principal, asked = call.grant.reach(), call.grant.principal, call.data
        asker = Asker(
            id=call.grant.sub,
            roles=frozenset(principal.roles) if principal else frozenset(),
            everything=reach.everything,
            units=reach.units,
            cells=reach.cells,
            department=principal.tenant if principal and reach.department else None,
        )
        kind = self.process.district.tenant(call.tenant).kind
        after = Cursor.parse(asked.after) if asked.after else None
        lists = views(asker, call.tenant, is_department=kind is TenantKind.DEPARTMENT, wanted=asked.stages)
        if kind is TenantKind.DISTRICT:
            # Beside its own: what towns ask of departments for which the district answers.
            lists += views(asker, call.tenant, is_department=True, wanted=asked.stages)
        pages = [reading.page(work.conn, view, after, asked.limit) for view in lists]
        cases, following = merge(pages, asked.limit)
        return CaseList(cases=cases, next=following)

    @answer(GetCase)
    def get_case(self, work: Work, call: Received[GetCase]) -> CaseAnswer:
        """One case, to whom it concerns."""
        stored = self._found(call, reading.find(work.conn, call.tenant, call.data.case_id), call.data.case_id)
        return CaseAnswer(case=stored.case)

    @answer(TellCase)
    def tell_case(self, work: Work, call: Received[TellCase]) -> Happenings:
        """What happened to a case, by its own id or its report's."""
        subject = call.data.subject
        stored = reading.find(work.conn, call.tenant, subject)
        stored = self._found(call, stored or reading.find_by_report(work.conn, call.tenant, subject), subject)
        case = stored.case
        told = tuple(reading.tell(work.conn, case.tenant, case.case_id))
        return Happenings(happenings=told, case_id=case.case_id, report_id=case.report_id)

    @answer(GetWorkflow)
    def get_workflow(self, work: Work, call: Received[GetWorkflow]) -> WorkflowAnswer:
        """The tenant's process as a table."""
        return shown(self.grounds.of(call.tenant).process.workflow)
