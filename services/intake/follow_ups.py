"""What reporters are told of what followed their case: its rectification (整改)."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from qipan.contracts.case import CaseState
from services.intake.forms import PublicRectification
from services.intake.tables import follow_ups

WORDS = {
    "open": ("已责令处置单位整改", "The unit has been told to put it right."),
    "answered": ("处置单位已整改，等待确认", "The unit says that it put it right; that is being looked at."),
    "closed": ("整改完成", "Put right."),
}


def keep(conn: Connection, newest: Sequence[CaseState]) -> None:
    """Keep how these cases' rectifications stand; an older state than the one known changes nothing."""
    rows: list[dict[str, Any]] = [
        {
            "tenant": case.tenant,
            "report_id": case.report_id,
            "version": case.version,
            "rectification": case.follow_up.rectification.model_dump(mode="json"),
        }
        for case in newest
        if case.follow_up is not None and case.follow_up.rectification is not None
    ]
    if rows:
        new = insert(follow_ups).values(rows)
        conn.execute(
            new.on_conflict_do_update(
                index_elements=("tenant", "report_id"),
                set_={name: new.excluded[name] for name in ("version", "rectification")},
                where=follow_ups.c.version < new.excluded.version,
            )
        )


def shown(conn: Connection, tenant: str, report_id: str) -> PublicRectification | None:
    """The newest rectification of a report's case, as its reporter sees it."""
    row = conn.execute(
        select(follow_ups.c.rectification).where(
            follow_ups.c.tenant == tenant, follow_ups.c.report_id == report_id
        )
    ).one_or_none()
    if row is None:
        return None
    known = row.rectification
    zh, en = WORDS[known["status"]]
    return PublicRectification(
        status=known["status"],
        words={"zh": zh, "en": en},
        opened_at=known["opened_at"],
        due_at=known["due_at"],
        answer=known["answer"],
        answered_at=known["answered_at"],
        closed_at=known["closed_at"],
    )
