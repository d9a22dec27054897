"""Writing steps: one path for one and for many, in a fixed number of statements."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, text

from qipan.contracts import events
from qipan.contracts.case import CaseState
from qipan.contracts.errors import Conflict
from services.dispatch import clock_rows, time_requests
from services.dispatch.arrays import columns, unnest
from services.dispatch.change import Change, Stored
from services.dispatch.clocks import Limits
from services.dispatch.reading import Key, find
from services.dispatch.tables import SCHEMA
from services.dispatch.worklist import HELD


def write(conn: Connection, changes: Sequence[Change]) -> None:
    """Record steps on different cases: case, task, clock, history and the workers' loads.

    Raises Conflict, with the case as it is now, when one was changed since it was read.
    """
    new = [change for change in changes if change.before is None]
    old = [change for change in changes if change.before is not None]
    if new:
        conn.execute(_INSERT_CASES, columns(_NEW_CASE, [_new_case(change) for change in new]))
    if old:
        _update_cases(conn, old)
    tasks = [row for change in changes for row in _tasks(change)]
    if tasks:
        conn.execute(_UPSERT_TASKS, columns(_TASK, tasks))
    clock_rows.write(conn, changes)
    conn.execute(_INSERT_HISTORY, columns(_HISTORY, [_happened(change) for change in changes]))
    time_requests.write(conn, changes)
    _shift_loads(conn, changes)


def _update_cases(conn: Connection, changes: Sequence[Change]) -> None:
    rows = conn.execute(_UPDATE_CASES, columns(_OLD_CASE, [_old_case(change) for change in changes]))
    updated = {(row[0], row[1]) for row in rows}
    for change in changes:
        case = change.after.case
        if (case.tenant, case.case_id) in updated:
            continue
        now = find(conn, case.tenant, case.case_id)
        raise Conflict(
            "Somebody else has changed this case in the meantime; look at it again.",
            case=now.case.model_dump(mode="json") if now else None,
        )


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
        _limits_json(change.after.limits),
        _state_json(case),
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
        _state_json(case),
    )


_TASK_STATUS: Mapping[type[events.CaseEvent], str] = {
    events.CaseFiled: "offered",
    events.CaseDispatched: "offered",
    events.CaseAccepted: "accepted",
    events.CaseReturned: "returned",
    events.CaseDisposed: "disposed",
    events.CaseInspected: "passed",
    events.CaseReworked: "rework",
    events.CaseVoided: "withdrawn",
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


def _happened(change: Change) -> tuple[Any, ...]:
    case = change.after.case
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
    )


def _shift_loads(conn: Connection, changes: Sequence[Change]) -> None:
    shift: Counter[Key] = Counter()
    for change in changes:
        if (holder := _holder(change.before)) is not None:
            shift[holder] -= 1
        if (holder := _holder(change.after)) is not None:
            shift[holder] += 1
    rows = sorted((*key, by) for key, by in shift.items() if by)  # one order everywhere: no deadlocks
    if rows:
        conn.execute(_SHIFT_LOADS, columns(_LOAD, rows))


def _holder(stored: Stored | None) -> Key | None:
    if stored is None or stored.case.stage not in HELD or stored.case.worker is None:
        return None
    return (stored.case.tenant, stored.case.worker)


def _state_json(case: CaseState) -> str:
    # Asked of the serializer directly: a third less than `model_dump_json`, and this is most of filing a case.
    return case.__pydantic_serializer__.to_json(case).decode()


@cache
def _limits_json(limits: Limits) -> str:
    return json.dumps(limits.plain())


_NEW_CASE = {
    "tenant": "text",
    "id": "text",
    "report_id": "text",
    "version": "int",
    "stage": "text",
    "unit_tenant": "text",
    "unit": "text",
    "worker": "text",
    "cells": "text",
    "due_at": "timestamptz",
    "limits": "jsonb",
    "state": "jsonb",
}
_OLD_CASE = {
    "tenant": "text",
    "id": "text",
    "old": "int",
    "version": "int",
    "stage": "text",
    "unit_tenant": "text",
    "unit": "text",
    "worker": "text",
    "due_at": "timestamptz",
    "state": "jsonb",
}
_TASK = {
    "tenant": "text",
    "id": "text",
    "case_id": "text",
    "unit": "text",
    "worker": "text",
    "status": "text",
    "at": "timestamptz",
}
_HISTORY = {
    "tenant": "text",
    "case_id": "text",
    "version": "int",
    "at": "timestamptz",
    "what": "text",
    "who": "text",
    "message_id": "text",
    "traceparent": "text",
    "detail": "jsonb",
}
_LOAD = {"tenant": "text", "worker": "text", "by": "int"}

_CELLS = "string_to_array(cells, ',')"  # unnest would flatten an array of arrays
_INSERT_CASES = text(
    f"INSERT INTO {SCHEMA}.cases ({', '.join(_NEW_CASE)})"
    f" SELECT {', '.join(_NEW_CASE).replace('cells', _CELLS)}"
    f" FROM {unnest(_NEW_CASE)} AS n({', '.join(_NEW_CASE)})"
)
_UPDATE_CASES = text(
    f"UPDATE {SCHEMA}.cases c SET version = n.version, stage = n.stage, unit_tenant = n.unit_tenant,"
    " unit = n.unit, worker = n.worker, due_at = n.due_at, state = n.state"
    f" FROM {unnest(_OLD_CASE)} AS n({', '.join(_OLD_CASE)})"
    " WHERE c.tenant = n.tenant AND c.id = n.id AND c.version = n.old RETURNING c.tenant, c.id"
)
_UPSERT_TASKS = text(
    f"INSERT INTO {SCHEMA}.tasks (tenant, id, case_id, unit, worker, status, offered_at, changed_at)"
    f" SELECT n.*, n.at FROM {unnest(_TASK)} AS n({', '.join(_TASK)})"
    " ON CONFLICT (tenant, id) DO UPDATE"
    " SET worker = excluded.worker, status = excluded.status, changed_at = excluded.changed_at"
)
_INSERT_HISTORY = text(
    f"INSERT INTO {SCHEMA}.history ({', '.join(_HISTORY)}) SELECT * FROM {unnest(_HISTORY)}"
)
_SHIFT_LOADS = text(
    f"INSERT INTO {SCHEMA}.loads AS l (tenant, worker, open) SELECT * FROM {unnest(_LOAD)}"
    " ON CONFLICT (tenant, worker) DO UPDATE SET open = l.open + excluded.open"
)
