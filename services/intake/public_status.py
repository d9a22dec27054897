"""What a reporter is told: one stable word for each state a report can be in, and plain words for people."""

from enum import StrEnum
from typing import Any

from qipan.contracts.case import Stage
from qipan.contracts.events import Outcome
from qipan.contracts.responsible import Responsible


class ReportStatus(StrEnum):
    """A report's state as long as it is intake's to tell; afterwards its case's stage is its status."""

    RECEIVED = "received"
    HELD = "held"
    VERIFYING = "verifying"
    DECLINED = "declined"
    MERGED = "merged"
    SELF_DISPOSED = "self-disposed"
    FILED = "filed"


STATUS_OF: dict[Outcome, ReportStatus] = {
    Outcome.FILE: ReportStatus.FILED,
    Outcome.SELF_DISPOSE: ReportStatus.SELF_DISPOSED,
    Outcome.DECLINE: ReportStatus.DECLINED,
    Outcome.HOLD: ReportStatus.HELD,
    Outcome.MERGE: ReportStatus.MERGED,
    Outcome.VERIFY: ReportStatus.VERIFYING,
}

WORDS: dict[str, tuple[str, str]] = {
    ReportStatus.RECEIVED: ("已收到，等待受理", "Received; it will be looked at."),
    ReportStatus.HELD: ("正由工作人员核实", "A person is looking at it."),
    ReportStatus.VERIFYING: ("网格员将到现场核实", "A grid worker will look at it on the spot."),
    ReportStatus.DECLINED: ("不属于受理范围，未予受理", "Declined: it is not within our remit."),
    ReportStatus.MERGED: ("与先前的同一事项合并办理", "Joined to an earlier report of the same thing."),
    ReportStatus.SELF_DISPOSED: ("网格员已当场处置", "Put right on the spot by a grid worker."),
    Stage.FILED: ("已立案，等待派遣", "A case was filed; it waits to be assigned."),
    Stage.OFFERED: ("已派遣，等待接单", "Assigned; it waits for somebody to take it."),
    Stage.ACCEPTED: ("处置人员已接单，正在处置", "Somebody is working on it."),
    Stage.RETURNED: ("任务被退回，正在重新派遣", "Given back; it is being assigned again."),
    Stage.DISPOSED: ("已处置，等待核查", "Done; it waits to be checked."),
    Stage.INSPECTED: ("核查通过，等待结案", "Checked and found good; about to be closed."),
    Stage.REWORK: ("核查未通过，正在返工", "Checked and found wanting; it is being done again."),
    Stage.CLOSED: ("已结案", "Closed."),
    Stage.VOIDED: ("案卷已作废", "The case was voided."),
}


def words_for(status: str, responsible: Responsible | None = None) -> dict[str, str]:
    """The plain words for a status, by language; of a declined report also whose it is, and how to reach them."""
    zh, en = WORDS[status]
    if responsible is None or status != ReportStatus.DECLINED:
        return {"zh": zh, "en": en}
    reached = [word for word in (responsible.phone, responsible.url) if word]
    zh_reached, en_reached = "，".join(reached), ", ".join(reached)
    return {
        "zh": f"{zh}。此事由{responsible.name['zh']}负责" + (f"：{zh_reached}" if reached else ""),
        "en": f"{en} {responsible.name['en']} sees to it" + (f": {en_reached}" if reached else "."),
    }


def whose(row: Any) -> Responsible | None:
    """Whose a declined report is, as its row (`services.intake.tables.reports`) keeps it."""
    return None if row.responsible is None else Responsible.model_validate(row.responsible)


def may_be_rated(status: str) -> bool:
    """Whether a reporter may rate now: only what has been closed."""
    return status == Stage.CLOSED
