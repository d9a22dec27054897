"""核实: the grid workers' list, their answers, and what happens when none comes."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row

from qipan.access.grant import Grant, Reach
from qipan.contracts.case import Place
from qipan.contracts.errors import IllegalTransition, NotFound
from qipan.contracts.events import Outcome
from qipan.contracts.level import Level
from qipan.contracts.verifications import (
    AnswerVerification,
    ListVerifications,
    Verification,
    Verifications,
)
from qipan.personal import struck
from qipan.storage import Timer, Work
from services.intake import store
from services.intake import verification_rows as rows
from services.intake.decide import Ruling, rule
from services.intake.desk import Desk
from services.intake.pages import mark, place_of
from services.intake.public_status import STATUS_OF, ReportStatus
from services.intake.verification import OVERDUE, answer_of
from services.intake.verifying import VERIFY_DUE, checked
from services.intake.whereabouts import address_of

BY_CLOCK = "clock"


def page(work: Work, tenant: str, reach: Reach, asked: ListVerifications) -> Verifications:
    """What waits to be looked at, as far as the asker's right reaches; the most pressing first."""
    cells = None if reach.everything else reach.cells
    found = rows.waiting(work.conn, tenant, cells, asked.limit + 1, place_of(asked.after))
    shown = found[: asked.limit]
    return Verifications(
        verifications=tuple(map(_shown, shown)),
        next=mark(shown[-1].due_at, shown[-1].report_id) if len(found) > asked.limit else None,
    )


def answer(
    work: Work,
    tenant: str,
    command: AnswerVerification,
    matters: Collection[str],
    grant: Grant,
    desk: Desk,
) -> str:
    """Carry out what follows from the grid worker's finding; returns the report's new status.

    NotFound, Forbidden outside the asker's cells, IllegalTransition when nobody waits for an answer.
    """
    # The timer before the report, as whoever fires it takes them; a refusal brings it back.
    work.cancel_timers(tenant, command.report_id, VERIFY_DUE)
    row = store.report(work.conn, tenant, command.report_id, lock=True)
    asked = None if row is None else rows.find(work.conn, tenant, command.report_id)
    if row is None or asked is None:
        raise NotFound(f"Nobody was asked to look at a report {command.report_id!r}.")
    grant.require(cells={asked.cell})
    if row.status != ReportStatus.VERIFYING:
        raise IllegalTransition(f"The report does not wait to be looked at; it is {row.status!r}.")
    follows = answer_of(command, row.matter, matters)
    rows.answer(
        work.conn,
        tenant=tenant,
        report_id=command.report_id,
        at=work.now(tenant),
        by=grant.sub,
        finding=command.finding,
        matter=command.matter,
        note=command.note,
        evidence=command.evidence,
    )
    ended = rows.find(work.conn, tenant, command.report_id)
    assert ended is not None
    ruling = Ruling(follows.outcome, follows.matter, follows.reason, grant.sub, None, checked(ended))
    rule(work, [(row, ruling)], "verifying", desk)
    return STATUS_OF[follows.outcome]


def lapse(work: Work, due: Sequence[Timer], desk: Desk) -> None:
    """Put what nobody looked at in time on the acceptors' list, with the reason; it stays what it was thought to be."""
    lapsed = {
        (row.tenant, row.report_id): row
        for row in rows.lapse(work.conn, {(one.tenant, one.ref) for one in due})
    }
    found = store.among(work.conn, lapsed.keys(), ReportStatus.VERIFYING) if lapsed else []
    rulings = [
        (
            row,
            Ruling(
                Outcome.HOLD,
                row.matter,
                OVERDUE,
                BY_CLOCK,
                None,
                checked(lapsed[row.tenant, row.report_id]),
            ),
        )
        for row in found
    ]
    if rulings:
        rule(work, rulings, "verifying", desk)


def _shown(row: Row[Any]) -> Verification:
    place = row.place or {
        "lon": row.lon,
        "lat": row.lat,
        "cells": row.cells,
        "address": address_of(row.address),
        "located": row.located,
        "component": row.component,
    }
    return Verification(
        report_id=row.report_id,
        tenant=row.tenant,
        cell=row.cell,
        text=struck(row.text),
        matter=row.matter,
        place=Place.model_validate(place),
        level=Level(row.level) if row.level else None,
        received_at=row.received_at,
        asked_at=row.asked_at,
        due_at=row.due_at,
        asked_by=row.asked_by,
        reason=row.why,
    )
