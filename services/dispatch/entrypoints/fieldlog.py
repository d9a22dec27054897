"""What is said about a case in the field: instructions, acknowledgement, remarks, calls for back-up."""

from qipan.contracts.addressed import Addressed
from qipan.contracts.case import CaseState
from qipan.contracts.fieldlog import (
    AcknowledgeInstruction,
    AddRemark,
    AnswerBackup,
    BackupAnswered,
    BackupCalled,
    CallBackup,
    CaseLog,
    EntryKind,
    GetLog,
    GiveInstruction,
    InstructionAcknowledged,
    InstructionGiven,
    ListBackup,
    LogEntry,
    LogEvent,
)
from qipan.ids import derived_id
from qipan.messaging.service import Received, Work, answer
from services.dispatch import fieldlog, fieldlog_store, handover, whistle_store
from services.dispatch.acting import Acting


class Log(Acting):
    """The log of a case."""

    @answer(GiveInstruction)
    def give_instruction(self, work: Work, call: Received[GiveInstruction]) -> LogEntry:
        """指令."""
        case = self._commanded(work, call, call.data.case_id)
        parts = {support.unit for support in case.supports}
        squads = [
            *self.grounds.of(handover.commander(case)).squads,
            *(squad for squad in self.grounds.of(case.tenant).squads if squad.unit.id in parts),
        ]
        units = {squad.unit.id: [id for id, _ in squad.workers] for squad in squads}
        unit, worker = fieldlog.addressee(case, call.data, units)
        entry = self._entry(work, call, case, EntryKind.INSTRUCTION, call.data.text, unit=unit, worker=worker)
        to = Addressed(workers=(worker,)) if worker else Addressed(units=(unit or "",))
        return self._kept(work, InstructionGiven(case=case, entry=entry, to=to))

    @answer(AcknowledgeInstruction)
    def acknowledge_instruction(self, work: Work, call: Received[AcknowledgeInstruction]) -> LogEntry:
        """回执; acknowledged twice is once."""
        case, asked = self._party(work, call, call.data.case_id), call.data
        given = fieldlog_store.find(work.conn, case.tenant, asked.entry_id)
        given = fieldlog.may_answer(given, EntryKind.ACKNOWLEDGED, case.case_id)
        principal = call.grant.principal
        fieldlog.is_meant(given, call.grant.sub, principal.units if principal else ())
        known = fieldlog_store.answer_to(work.conn, case.tenant, given.entry_id)
        if known is not None:
            return known
        about = given.entry_id
        entry = self._entry(work, call, case, EntryKind.ACKNOWLEDGED, asked.text, about=about)
        to = Addressed(workers=(given.by,))
        return self._kept(work, InstructionAcknowledged(case=case, entry=entry, to=to))

    @answer(AddRemark)
    def add_remark(self, work: Work, call: Received[AddRemark]) -> LogEntry:
        """Kept for all parties; nobody is woken for it."""
        case = self._party(work, call, call.data.case_id)
        fieldlog.going_on(case)
        entry = self._entry(work, call, case, EntryKind.REMARK, call.data.text)
        fieldlog_store.add(work.conn, entry)
        return entry

    @answer(CallBackup)
    def call_backup(self, work: Work, call: Received[CallBackup]) -> LogEntry:
        """增援."""
        case = self._open(work, call, call.data.case_id)
        fieldlog.has_it(case, call.grant.sub)
        wanted = call.data.workers
        entry = self._entry(
            work, call, case, EntryKind.BACKUP, call.data.text, unit=case.unit, workers=wanted
        )
        return self._kept(work, BackupCalled(case=case, entry=entry))

    @answer(AnswerBackup)
    def answer_backup(self, work: Work, call: Received[AnswerBackup]) -> LogEntry:
        """Answered twice is once: the first answer counts."""
        case, asked = self._commanded(work, call, call.data.case_id), call.data
        called = fieldlog_store.find(work.conn, case.tenant, asked.entry_id)
        called = fieldlog.may_answer(called, EntryKind.BACKUP_ANSWERED, case.case_id)
        known = fieldlog_store.answer_to(work.conn, case.tenant, called.entry_id)
        if known is not None:
            return known
        about = called.entry_id
        entry = self._entry(work, call, case, EntryKind.BACKUP_ANSWERED, asked.text, about=about)
        return self._kept(work, BackupAnswered(case=case, entry=entry, to=Addressed(workers=(called.by,))))

    @answer(GetLog)
    def get_log(self, work: Work, call: Received[GetLog]) -> CaseLog:
        """For every party to the case, departments that were summoned for it among them."""
        case = self._party(work, call, call.data.case_id)
        return CaseLog(entries=fieldlog_store.of_case(work.conn, case.tenant, case.case_id))

    @answer(ListBackup)
    def list_backup(self, work: Work, call: Received[ListBackup]) -> CaseLog:
        """The dispatcher's list of who needs more hands."""
        call.grant.require(tenant=call.tenant)
        asked = call.data
        return fieldlog_store.unanswered(work.conn, call.tenant, EntryKind.BACKUP, asked.after, asked.limit)

    def _open(self, work: Work, call: Received, case_id: str) -> CaseState:
        case = self._found(call, self._seek(work, call, case_id), case_id).case
        fieldlog.going_on(case)
        return case

    def _commanded(self, work: Work, call: Received, case_id: str) -> CaseState:
        """The open case, for the centre that commands it."""
        stored = self._found(call, self._seek(work, call, case_id), case_id)
        handover.require_field_command(stored.case, self._actor(call, stored))
        fieldlog.going_on(stored.case)
        return stored.case

    def _party(self, work: Work, call: Received, case_id: str) -> CaseState:
        """The case, for who has a part in it.

        That is also who supports it, whom a whistle summoned, and whom the centre told what to do.
        """
        stored = self._seek(work, call, case_id)
        if stored is not None and (
            self._has_a_part(call, stored.case) or self._was_told(work, call, stored.case)
        ):
            return stored.case
        if stored is not None and (whistle := whistle_store.open_of(work.conn, stored.case.tenant, case_id)):
            summoned = {one.department for one in whistle.summons}
            fields = handover.in_its_field(stored.case)
            units = [unit for field in fields for unit in self.process.district.units_of(field)]
            if any(call.grant.allows(department=department) for department in summoned) or any(
                unit.department in summoned and call.grant.allows(unit=unit.id) for unit in units
            ):
                return stored.case
        return self._found(call, stored, case_id).case

    def _has_a_part(self, call: Received, case: CaseState) -> bool:
        allows = call.grant.allows
        return any(allows(tenant="", unit=one.unit, department=one.department) for one in case.supports)

    def _was_told(self, work: Work, call: Received, case: CaseState) -> bool:
        principal, allows = call.grant.principal, call.grant.allows
        reached = {unit for unit in principal.units if allows(tenant="", unit=unit)} if principal else set()
        if not reached or principal is None:
            return False
        given = fieldlog_store.instructions(work.conn, case.tenant, case.case_id)
        return fieldlog.was_told(given, principal.sub, principal.units)

    def _entry(
        self,
        work: Work,
        call: Received,
        case: CaseState,
        kind: EntryKind,
        text: str,
        *,
        unit: str | None = None,
        worker: str | None = None,
        workers: int | None = None,
        about: str | None = None,
    ) -> LogEntry:
        return LogEntry(
            entry_id=derived_id("log", case.tenant, call.id),
            tenant=case.tenant,
            case_id=case.case_id,
            kind=kind,
            by=call.grant.sub,
            at=work.now(case.tenant),
            text=text,
            unit=unit,
            worker=worker,
            workers=workers,
            about=about,
        )

    def _kept(self, work: Work, event: LogEvent) -> LogEntry:
        fieldlog_store.add(work.conn, event.entry)
        work.publish(event, tenant=event.case.tenant, subject=event.case.case_id)
        return event.entry
