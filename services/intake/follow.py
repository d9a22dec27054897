"""Reports follow their cases: the public status is that of the newest step known."""

from collections.abc import Sequence

from qipan.contracts.case import OPEN_STAGES, CaseState
from qipan.contracts.events import CaseEvent
from qipan.messaging.received import Received
from qipan.storage import Work
from services.intake import feed, follow_ups, parties, store
from services.intake.feed import NOBODY, Readers
from services.intake.open311.rows import Step, record
from services.intake.timeline import milliseconds


def follow(work: Work, batch: Sequence[Received[CaseEvent]], readers: Readers = NOBODY) -> None:
    """Write how far the cases have come; a step older than the one known changes nothing but the history.

    Of a batch's steps of one case `readers` hear the newest.
    """
    newest: dict[tuple[str, str], store.Progress] = {}
    steps = []
    for message in batch:
        case = message.data.case
        at = case.stage_times.get(case.stage, case.filed_at)
        steps.append(Step(message.tenant, case.report_id, case.stage, at))
        key = (message.tenant, case.report_id)
        if key not in newest or newest[key].version < case.version:
            newest[key] = store.Progress(
                tenant=message.tenant,
                report_id=case.report_id,
                case_id=case.case_id,
                version=case.version,
                stage=case.stage,
                changed_at=at,
                closed=case.stage not in OPEN_STAGES,
                unit=case.unit,
                department=case.department,
                stage_times=milliseconds(case),
            )
    states = {(m.tenant, m.data.case.report_id, m.data.case.version): m.data.case for m in batch}
    follow_ups.keep(work.conn, [states[(*key, step.version)] for key, step in newest.items()])
    changed = store.progress(work.conn, list(newest.values()))
    parties.keep(work.conn, [states[(*key, newest[key].version)] for key in changed])
    if readers.days:
        told = ((row, _told(states[(*key, newest[key].version)])) for key, row in changed.items())
        feed.write(work, readers, told)
    record(work.conn, steps)


def _told(case: CaseState) -> feed.Told:
    at = case.stage_times.get(case.stage, case.filed_at)
    return feed.Told(case.stage, at, case.case_id, case.matter, case.department, case.unit)
