"""What becomes of a held report: a person decides, or the town's waiting time has passed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from qipan.contracts.case import Place
from qipan.contracts.checked import Checked
from qipan.contracts.commands import DecideReport, SplitReport
from qipan.contracts.errors import Fault, IllegalTransition, Invalid, NotFound, UnknownMatter
from qipan.contracts.events import Outcome, ReportTriaged
from qipan.contracts.level import Level
from qipan.contracts.responsible import Responsible
from qipan.storage import Timer, Work
from services.intake import store
from services.intake.awaiting import ACCEPT_DUE, hold, waiting
from services.intake.desk import Desk
from services.intake.duplicates import bucket_of
from services.intake.feed import NOBODY
from services.intake.public_status import STATUS_OF, ReportStatus
from services.intake.triage_batch import HELD_DUE, summary_of, tell_readers
from services.intake.verification import cell_of
from services.intake.verification_rows import Asked, find
from services.intake.verifying import ask, checked
from services.intake.whereabouts import address_of

BY_WAITING = "waited"
_NO_CASE = frozenset(
    {ReportStatus.RECEIVED, ReportStatus.HELD, ReportStatus.DECLINED, ReportStatus.SELF_DISPOSED}
)


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision about a held report, by whom and why."""

    outcome: Outcome
    matter: str | None
    reason: str
    by: str
    responsible: Responsible | None = None
    verification: Checked | None = None
    merged_into: str | None = None


def ruling_of(
    command: DecideReport,
    guess: str | None,
    matters: Collection[str],
    who: str,
    answerable: Mapping[str, Responsible],
) -> Ruling:
    """What the acceptor decided; the matter is the one named, else the one that triage thought likely.

    `answerable` are those to whom a declined report's reporter can be sent, by id. Raises UnknownMatter, or
    Invalid when there is no matter to file as, no reason to decline for, or nobody of the id given.
    """
    responsible = _responsible(command, answerable)
    matter = command.matter or guess
    _known(command.matter, matters)
    if command.outcome is Outcome.DECLINE:
        if not (command.reason or "").strip():
            raise Invalid(
                faults=(Fault(where="reason", what="a report is declined for a reason", allowed="text"),)
            )
    elif matter is None:
        raise Invalid(faults=(Fault(where="matter", what="nobody knows yet what it is", allowed="a code"),))
    reason = (command.reason or "").strip() or "by-acceptor"
    return Ruling(command.outcome, matter, reason, who, responsible)


def _known(matter: str | None, matters: Collection[str]) -> None:
    if matter is not None and matter not in matters:
        raise UnknownMatter(faults=(Fault(where="matter", what=f"{matter!r} is not one of the town's"),))


def _asking(work: Work, desk: Desk, row: Row[Any], command: DecideReport, who: str) -> Asked:
    """The grid worker of the report's cell is asked; Invalid when nobody answers for it."""
    cell = cell_of(row.cells)
    if cell is None or not desk.is_walked(row.tenant, row.cells):
        what = f"no grid worker answers for the cell {cell!r}"
        raise Invalid(faults=(Fault(where="outcome", what=what, allowed="file, decline"),))
    now = work.now(row.tenant)
    due_at = desk.verify_until(row.tenant, now)
    reason = (command.reason or "").strip() or "by-acceptor"
    matter = command.matter or row.matter
    place = _found(row, matter) or _reported(row)
    return Asked(
        row.tenant,
        row.report_id,
        cell,
        now,
        due_at,
        who,
        reason,
        place,
        matter,
        Level(row.level) if row.level else None,
        row.traceparent,
    )


def _responsible(command: DecideReport, answerable: Mapping[str, Responsible]) -> Responsible | None:
    if command.responsible is None:
        return None
    if command.outcome is not Outcome.DECLINE:
        what, allowed = "says whose a declined report is", "leave it out"
    elif command.responsible not in answerable:
        what, allowed = f"{command.responsible!r} is nobody the town knows", ", ".join(sorted(answerable))
    else:
        return answerable[command.responsible]
    raise Invalid(faults=(Fault(where="responsible", what=what, allowed=allowed),))


def decide_held(
    work: Work,
    tenant: str,
    command: DecideReport,
    matters: Collection[str],
    who: str,
    answerable: Mapping[str, Responsible],
    desk: Desk,
) -> str:
    """Carry out an acceptor's decision; returns the new status. NotFound, IllegalTransition if not held."""
    # The timers before the report, as whoever fires them takes them; a refusal brings them back.
    for kind in (HELD_DUE, ACCEPT_DUE):
        work.cancel_timers(tenant, command.report_id, kind)
    row = store.report(work.conn, tenant, command.report_id, lock=True)
    if row is None:
        raise NotFound(f"There is no report {command.report_id!r}.")
    if row.held_at is None:
        raise IllegalTransition(f"The report is not held; it is {row.status!r}.")
    if command.outcome is Outcome.MERGE or command.into is not None:
        _responsible(command, answerable)
        ruling = merging(work, row, command, who)
    elif command.outcome is Outcome.VERIFY:
        _responsible(command, answerable)
        asked = _asking(work, desk, row, command, who)
        ruling = Ruling(Outcome.VERIFY, asked.matter, asked.reason, who, None, checked(asked))
        _known(command.matter, matters)
        ask(work, [asked])
    else:
        ruling = ruling_of(command, row.matter, matters, who, answerable)
        before = find(work.conn, tenant, command.report_id)
        if before is not None:
            ruling = replace(ruling, verification=checked(before))
    rule(work, [(row, ruling)], "held", desk)
    return STATUS_OF[ruling.outcome]


def merging(work: Work, row: Row[Any], command: DecideReport, who: str) -> Ruling:
    """The acceptor joins a held report to an earlier one; Invalid where that cannot be, saying which could."""
    fault = None
    into = None if command.into is None else store.report(work.conn, row.tenant, command.into, lock=True)
    if command.outcome is not Outcome.MERGE:
        fault = Fault(where="into", what="says what a merged report is joined to", allowed="leave it out")
    elif command.into is None:
        fault = Fault(where="into", what="is required to merge", allowed="the id of an earlier report")
    elif command.into == row.report_id:
        fault = Fault(where="into", what="is the report itself", allowed="the id of another report")
    elif into is None:
        fault = Fault(where="into", what=f"there is no report {command.into!r}", allowed="one of this town's")
    elif into.merged_into is not None:
        fault = Fault(where="into", what="was itself joined to another", allowed=into.merged_into)
    elif into.status in _NO_CASE:
        allowed = "a report that has a case, or is about to"
        fault = Fault(where="into", what=f"is {into.status!r}: nothing follows from it", allowed=allowed)
    elif store.joined_to(work.conn, row.tenant, row.report_id):
        fault = Fault(where="report_id", what="others were joined to it", allowed="split those first")
    if fault is not None or into is None:
        raise Invalid(faults=(fault,) if fault else ())
    reason = (command.reason or "").strip() or "by-acceptor"
    return Ruling(Outcome.MERGE, into.matter, reason, who, merged_into=into.report_id)


def split(work: Work, tenant: str, command: SplitReport, who: str, desk: Desk) -> str:
    """Take a report away from the one it was joined to; it is held. NotFound, IllegalTransition if it was to none."""
    row = store.report(work.conn, tenant, command.report_id, lock=True)
    if row is None:
        raise NotFound(f"There is no report {command.report_id!r}.")
    if row.merged_into is None:
        raise IllegalTransition(f"The report is joined to no other; it is {row.status!r}.")
    rule(work, [(row, Ruling(Outcome.HOLD, row.matter, command.reason.strip(), who))], "merged", desk)
    hold_for = desk.policy(tenant).hold_for
    if hold_for is not None and row.matter is not None:
        work.set_timer(tenant=tenant, kind=HELD_DUE, ref=row.report_id, due_at=work.now(tenant) + hold_for)
    return STATUS_OF[Outcome.HOLD]


def file_waited(work: Work, due: Sequence[Timer], desk: Desk | None = None) -> None:
    """File the reports that nobody decided about in time, as what they most likely are."""
    rows = store.held_among(work.conn, {(timer.tenant, timer.ref) for timer in due})
    likely = [(row, Ruling(Outcome.FILE, row.matter, "waited", BY_WAITING)) for row in rows if row.matter]
    if likely:
        rule(work, likely, "held", desk)


def tell_overdue(work: Work, due: Sequence[Timer], desk: Desk) -> None:
    """Tell of the reports that still wait for a person though their accept clock ran out; others are left alone."""
    for row in store.held_among(work.conn, {(timer.tenant, timer.ref) for timer in due}):
        clock = desk.accept_clock(row.tenant, row.report_id, row.level, row.text, row.held_at)
        held = _told(row, Ruling(Outcome.HOLD, row.matter, row.reason, row.decided_by), row.held_at)
        event = waiting(held, clock, overdue=True)
        work.publish(event, tenant=row.tenant, subject=row.report_id, trace=row.traceparent)


def rule(
    work: Work,
    rulings: Sequence[tuple[Row[Any], Ruling]],
    waiting: store.Waiting,
    desk: Desk | None = None,
) -> None:
    """Write and tell what was decided about reports that wait so; `desk` starts the clock of what is held now."""
    now = {row.tenant: work.now(row.tenant) for row, _ in rulings}
    judged = [_judged(row, ruling, now[row.tenant]) for row, ruling in rulings]
    decided = store.judge(work.conn, judged, waiting)
    tell_readers(work, desk.readers if desk else NOBODY, judged, decided)
    for row, ruling in rulings:
        if (row.tenant, row.report_id) in decided:
            due_at = _due_at(row, ruling, desk) if waiting == "held" else None
            event = _told(row, ruling, now[row.tenant], due_at)
            work.publish(event, tenant=row.tenant, subject=row.report_id, trace=row.traceparent)
            if ruling.outcome is Outcome.HOLD and desk is not None:
                hold(work, desk, row.tenant, event, row.text, row.traceparent)


def _judged(row: Row[Any], ruling: Ruling, now: datetime) -> store.Judged:
    return store.Judged(
        tenant=row.tenant,
        report_id=row.report_id,
        status=STATUS_OF[ruling.outcome],
        matter=ruling.matter,
        cells=row.cells,
        reason=ruling.reason,
        merged_into=ruling.merged_into,
        bucket=bucket_of(row.lon, row.lat) if ruling.outcome in (Outcome.FILE, Outcome.VERIFY) else None,
        triaged_at=now,
        held_at=now if ruling.outcome is Outcome.HOLD else None,
        decided_by=ruling.by,
        place=_found(row, ruling.matter),
        responsible=ruling.responsible,
    )


def _found(row: Row[Any], matter: str | None) -> Place | None:
    """The place of the component that triage took a held report to mean, unless it is about another matter."""
    return Place.model_validate(row.place) if row.place and matter == row.matter else None


def _reported(row: Row[Any]) -> Place:
    return Place(
        lon=row.lon,
        lat=row.lat,
        cells=row.cells,
        address=address_of(row.address),
        located=row.located,
        component=row.component,
    )


def _due_at(row: Row[Any], ruling: Ruling, desk: Desk | None) -> datetime | None:
    """Until when the acceptor had time for what is decided now; None for what waited for nobody."""
    if desk is None or row.held_at is None or ruling.outcome is Outcome.HOLD:
        return None
    return desk.accept_clock(row.tenant, row.report_id, row.level, row.text, row.held_at).due_at


def _told(row: Row[Any], ruling: Ruling, now: datetime, due_at: datetime | None = None) -> ReportTriaged:
    return ReportTriaged(
        report_id=row.report_id,
        outcome=ruling.outcome,
        matter=ruling.matter,
        place=_found(row, ruling.matter) or _reported(row),
        summary=summary_of(row.text),
        channel=row.channel,
        received_at=row.received_at,
        triaged_at=now,
        reason=ruling.reason,
        merged_into=ruling.merged_into,
        responsible=ruling.responsible,
        level=row.level,
        verification=ruling.verification,
        due_at=due_at,
        waited=True,
    )
