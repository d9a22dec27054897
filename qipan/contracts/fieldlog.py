"""The log of what is said about a case in the field: instructions and their acknowledgement, remarks, back-up."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from qipan.contracts.addressed import FieldEvent
from qipan.contracts.base import Command, Part, Query
from qipan.contracts.commands import Id
from qipan.contracts.queries import Limit

Said = Annotated[str, Field(min_length=1, max_length=4000)]


class EntryKind(StrEnum):
    """What an entry of the log is."""

    INSTRUCTION = "instruction"  # 指令
    ACKNOWLEDGED = "acknowledged"  # 回执
    REMARK = "remark"
    BACKUP = "backup"  # 增援请求
    BACKUP_ANSWERED = "backup-answered"


class LogEntry(Part):
    """One entry; nothing of it ever changes. `about` is the entry that it answers.

    `worker` or `unit`: whom an instruction is for, or whose call it is. `workers`: how many more are needed.
    """

    entry_id: str
    tenant: str
    case_id: str
    kind: EntryKind
    by: str
    at: datetime
    text: str
    unit: str | None = None
    worker: str | None = None
    workers: int | None = None
    about: str | None = None


class LogCommand(Command[LogEntry]):
    """Something said about a case that is open."""

    service: ClassVar[str] = "dispatch"
    case_id: Id


class GiveInstruction(LogCommand):
    """指令: the centre tells a worker or a unit what to do; by default who has the case."""

    type: ClassVar[str] = "instruction.give.v1"
    text: Said
    worker: Id | None = None
    unit: Id | None = None


class AcknowledgeInstruction(LogCommand):
    """回执: who is instructed has understood; once."""

    type: ClassVar[str] = "instruction.acknowledge.v1"
    entry_id: Id
    text: Annotated[str, Field(max_length=4000)] = ""


class AddRemark(LogCommand):
    """Any party to the case says something to all of them."""

    type: ClassVar[str] = "remark.add.v1"
    text: Said


class CallBackup(LogCommand):
    """增援: the handler needs more hands; it waits on the dispatcher's list until it is answered."""

    type: ClassVar[str] = "backup.call.v1"
    text: Said
    workers: Annotated[int, Field(ge=1, le=100)] = 1


class AnswerBackup(LogCommand):
    """What the centre does about a call for back-up; once."""

    type: ClassVar[str] = "backup.answer.v1"
    entry_id: Id
    text: Said


class CaseLog(Part):
    """Entries, oldest first; `next` is what to give as `after` for the rest, where a list has pages."""

    entries: tuple[LogEntry, ...]
    next: str | None = None


class GetLog(Query[CaseLog]):
    """All that was said about a case, for every party to it."""

    type: ClassVar[str] = "log.get.v1"
    service: ClassVar[str] = "dispatch"
    case_id: Id


class ListBackup(Query[CaseLog]):
    """The calls for back-up that nobody has answered, of open cases, for the dispatchers who command them."""

    type: ClassVar[str] = "backup.list.v1"
    service: ClassVar[str] = "dispatch"
    limit: Limit = 100
    after: str | None = None


class LogEvent(FieldEvent):
    """Something was said about a case."""

    entry: LogEntry


class InstructionGiven(LogEvent):
    """指令: a worker or a unit was told what to do."""

    type: ClassVar[str] = "instruction.given.v1"


class InstructionAcknowledged(LogEvent):
    """回执: it was understood."""

    type: ClassVar[str] = "instruction.acknowledged.v1"


class BackupCalled(LogEvent):
    """增援: a handler needs more hands."""

    type: ClassVar[str] = "backup.called.v1"


class BackupAnswered(LogEvent):
    """The centre said what it does about a call for back-up."""

    type: ClassVar[str] = "backup.answered.v1"


LOG_EVENTS: tuple[type[LogEvent], ...] = (
    InstructionGiven,
    InstructionAcknowledged,
    BackupCalled,
    BackupAnswered,
)
