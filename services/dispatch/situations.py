"""The situation of a case that is there already: as a report that were filed now, under what is known by now."""

from collections.abc import Mapping
from datetime import datetime

from qipan.contracts.case import CaseState, Stage
from qipan.contracts.events import Outcome, ReportTriaged
from qipan.tenancy import Limits, Matter, Severity, Words
from services.dispatch.availability import Availability
from services.dispatch.choosing import Situation
from services.dispatch.clocks import USUAL
from services.dispatch.filing import Ground
from services.dispatch.worklist import HELD

UNKNOWN = Words("未知事项", "unknown matter")


def of_case(
    case: CaseState, ground: Ground, loads: Mapping[str, int], field: Availability, now: datetime
) -> Situation:
    """What a choice for the case depends on. A matter that is none of the town's is nobody's business.

    Units that gave it back are not asked again, and whoever has it counts without it.
    """
    matter = ground.matters.get(case.matter) or _nobodys(case.matter)
    if case.worker is not None and case.stage in HELD:
        loads = {**loads, case.worker: max(loads.get(case.worker, 0) - 1, 0)}
    report = ReportTriaged(
        report_id=case.report_id,
        outcome=Outcome.FILE,
        matter=case.matter,
        place=case.place,
        summary=case.summary,
        channel=case.channel,
        received_at=case.received_at,
        triaged_at=case.filed_at,
    )
    returned = (case.unit,) if case.stage is Stage.RETURNED and case.unit else ()
    return Situation(
        case.tenant,
        report,
        matter,
        ground.squads,
        loads,
        now,
        ground.policy,
        field,
        frozenset((*case.declined, *case.let_off, *returned)),
    )


def _nobodys(code: str) -> Matter:
    limits = Limits(USUAL.accept, USUAL.dispose, USUAL.inspect)
    return Matter(code, UNKNOWN, "", limits, Severity.NORMAL, False, (), (), "")
