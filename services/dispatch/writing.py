"""Writing steps: one path for one and for many, in a fixed number of statements."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection

from qipan.contracts import events
from qipan.contracts.case import CaseState
from qipan.contracts.errors import Conflict
from services.dispatch import chain, clock_rows, statements, time_requests
from services.dispatch.change import Change
from services.dispatch.clocks import Limits
from services.dispatch.reading import Key, find
from services.dispatch.words import entries


def write(conn: Connection, changes: Sequence[Change]) -> None:
    """Record steps on different cases: case, task, clock and history; what workers have in hand is `load_rows.py`'s.

    Raises Conflict, with the case as it is now, when one was changed since it was read.
    """
    new = [change for change in changes if change.before is None]
    old = [change for change in changes if change.before is not None]
    links: dict[Key, tuple[bytes, bytes]] = {}
    if new:
        rows = conn.execute(
            statements.INSERT_CASES,
            statements.columns(statements.NEW_CASE, [_new_case(change) for change in new]),
        )
        links.update(((row[0], row[1]), (row[2], row[3])) for row in rows)
    if old:
        links.update(_update_cases(conn, old))
    tasks = [row for change in changes for row in _tasks(change)]
    if tasks:
        conn.execute(statements.UPSERT_TASKS, statements.columns(statements.TASK, tasks))
    clock_rows.write(conn, changes)
    time_requests.write(conn, changes)
    conn.execute(
        statements.INSERT_HISTORY,
        statements.columns(statements.HISTORY, [_happened(change, links) for change in changes]),
    )


def _update_cases(conn: Connection, changes: Sequence[Change]) -> dict[Key, tuple[bytes, bytes]]:
    """The links of these steps: each case's digest of its state, and its hash."""
    rows = conn.execute(
        statements.UPDATE_CASES,
        statements.columns(statements.OLD_CASE, [_old_case(change) for change in changes]),
    )
    updated = {(row[0], row[1]): (row[2], row[3]) for row in rows}
    for change in changes:
        case = change.after.case
        if (case.tenant, case.case_id) in updated:
            continue
        now = find(conn, case.tenant, case.case_id)
        raise Conflict(
            "Somebody else has changed this case in the meantime; look at it again.",
            case=now.case.model_dump(mode="json") if now else None,
        )
    return updated


def _new_case(change: Change) -> tuple[Any, ...]:
    case = change.after.case
    return (
        case.tenant,
        case.case_id,
        case.report_id,
        case.version,
        case.stage,
        change.after.unit_tenant,
        case.unit,
        case.worker,
        ",".join(sorted(case.place.cells.values())),
        case.due_at,
        case.filed_at,
        case.department,
        _limits_json(change.after.limits),
        _state_json(case),
        _seal(change),
        case.place.lon,
        case.place.lat,
        statements.BETWEEN.join(entries(case)),
    )


def _old_case(change: Change) -> tuple[Any, ...]:
    case = change.after.case
    before = change.before.case if change.before else case
    return (
        case.tenant,
        case.case_id,
        before.version,
        case.version,
        case.stage,
        change.after.unit_tenant,
        case.unit,
        case.worker,
        case.due_at,
        case.department,
        _state_json(case),
        _seal(change),
    )


def _seal(change: Change) -> bytes:
    case = change.after.case
    return chain.seal(
        case.tenant,
        case.case_id,
        case.version,
        change.at,
        change.what,
        change.who,
        change.authority,
        change.message_id,
        change.traceparent,
        change.detail,
    )


_TASK_STATUS: Mapping[type[events.CaseEvent], str] = {
    events.CaseFiled: "offered",
    events.CaseDispatched: "offered",
    events.CaseAccepted: "accepted",
    events.CaseReturned: "returned",
    events.CaseReturnRefused: "offered",
    events.CaseDisputed: "disputed",
    events.CaseReturnDenied: "offered",
    events.CaseHandoverAccepted: "withdrawn",
    events.CaseHandoverTaken: "accepted",
    events.CaseHandoverDecided: "withdrawn",
    events.CaseReferred: "withdrawn",
    events.CaseRecalled: "withdrawn",
    events.CaseDisposed: "disposed",
    events.CaseInspected: "passed",
    events.CaseReworked: "rework",
    events.CaseVoided: "withdrawn",
    events.CaseWithdrawn: "withdrawn",
}


def _tasks(change: Change) -> list[tuple[Any, ...]]:
    """The task that the step made or changed, and the one that it took away from somebody else."""
    status = _TASK_STATUS.get(change.row.event)
    if status is None:
        return []
    case = change.after.case
    before = change.before.case if change.before else None
    rows = []
    if before and before.task_id and before.task_id != case.task_id:
        ended = status if case.task_id is None else "withdrawn"
        rows.append((case.tenant, before.task_id, case.case_id, before.unit, before.worker, ended, change.at))
    if case.task_id:
        rows.append((case.tenant, case.task_id, case.case_id, case.unit, case.worker, status, change.at))
    return rows


def _happened(change: Change, links: Mapping[Key, tuple[bytes, bytes]]) -> tuple[Any, ...]:
    case = change.after.case
    shown, hash = links[case.tenant, case.case_id]
    return (
        case.tenant,
        case.case_id,
        case.version,
        change.at,
        change.what,
        change.who,
        change.message_id,
        change.traceparent,
        json.dumps(dict(change.detail), ensure_ascii=False),
        change.authority,
        shown,
        hash,
    )


def _state_json(case: CaseState) -> str:
    # Asked of the serializer directly: a third less than `model_dump_json`, and this is most of filing a case.
    return case.__pydantic_serializer__.to_json(case).decode()


@cache
def _limits_json(limits: Limits) -> str:
    return json.dumps(limits.plain())
