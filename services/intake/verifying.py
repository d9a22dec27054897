"""Asking a grid worker to look: the row, its clock, and what is told of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from qipan.contracts.checked import Checked, Finding
from qipan.contracts.verifications import VerificationAsked
from qipan.storage import Work
from services.intake import verification_rows as rows
from services.intake.verification_rows import Asked

VERIFY_DUE = "verify.due"


class Row(Protocol):
    """What a verification's row knows (`services.intake.tables.verifications`), or one that is just asked for."""

    @property
    def asked_at(self) -> datetime: ...
    @property
    def due_at(self) -> datetime: ...
    @property
    def asked_by(self) -> str: ...


def ask(work: Work, asked: Sequence[Asked]) -> None:
    """Ask grid workers to look, tell them, and start their clocks; nothing at all when nobody is asked."""
    rows.ask(work.conn, asked)
    for one in asked:
        event = VerificationAsked(
            report_id=one.report_id,
            cell=one.cell,
            matter=one.matter,
            place=one.place,
            level=one.level,
            asked_at=one.asked_at,
            due_at=one.due_at,
            asked_by=one.asked_by,
            reason=one.reason,
        )
        work.publish(event, tenant=one.tenant, subject=one.report_id, trace=one.traceparent)
        work.set_timer(tenant=one.tenant, kind=VERIFY_DUE, ref=one.report_id, due_at=one.due_at)


def checked(row: Row) -> Checked:
    """How a verification stands, as others are told."""
    finding = getattr(row, "finding", None)
    return Checked(
        asked_at=row.asked_at,
        due_at=row.due_at,
        asked_by=row.asked_by,
        answered_at=getattr(row, "answered_at", None),
        answered_by=getattr(row, "answered_by", None),
        finding=Finding(finding) if finding else None,
        lapsed_at=getattr(row, "lapsed_at", None),
    )
