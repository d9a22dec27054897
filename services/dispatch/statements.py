"""The statements by which steps are written: one for any number of cases, each column an array for `unnest`."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text

from services.dispatch.tables import SCHEMA


def columns(names: Mapping[str, str], rows: Sequence[tuple[Any, ...]]) -> dict[str, list[Any]]:
    """Rows turned into one array a column, for `unnest`."""
    return {name: list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)}


def unnest(names: Mapping[str, str]) -> str:
    """The call that makes rows of them again; `names` are columns with their SQL types."""
    return "unnest(" + ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in names.items()) + ")"


NEW_CASE = {
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
    "filed_at": "timestamptz",
    "department": "text",
    "limits": "jsonb",
    "state": "jsonb",
    "seal": "bytea",
    "lon": "double precision",
    "lat": "double precision",
    "words": "text",
}
OLD_CASE = {
    "tenant": "text",
    "id": "text",
    "old": "int",
    "version": "int",
    "stage": "text",
    "unit_tenant": "text",
    "unit": "text",
    "worker": "text",
    "due_at": "timestamptz",
    "department": "text",
    "state": "jsonb",
    "seal": "bytea",
}
TASK = {
    "tenant": "text",
    "id": "text",
    "case_id": "text",
    "unit": "text",
    "worker": "text",
    "status": "text",
    "at": "timestamptz",
}
HISTORY = {
    "tenant": "text",
    "case_id": "text",
    "version": "int",
    "at": "timestamptz",
    "what": "text",
    "who": "text",
    "message_id": "text",
    "traceparent": "text",
    "detail": "jsonb",
    "authority": "text",
    "shown": "bytea",
    "hash": "bytea",
}
LOAD = {"tenant": "text", "worker": "text", "by": "int"}

BETWEEN = "\n"
"""What stands between the entries that a case is found by (`words.py`); none holds one."""

_CELLS = "string_to_array(cells, ',')"  # unnest would flatten an array of arrays
# The chain goes on where the row is locked: nobody has to read the hash before, and nobody can hand on a wrong one.
_SHOWN = "sha256(convert_to(state::text, 'UTF8'))"
_LINK = "sha256(COALESCE({before}, '') || n.seal || int8send((extract(epoch FROM now()) * 1000000)::bigint) || n.shown)"
_FOUND_BY = ("lon", "lat", "words")
_CASE_COLUMNS = ", ".join(name for name in NEW_CASE if name not in ("seal", *_FOUND_BY))
INSERT_CASES = text(
    f"WITH given AS MATERIALIZED (SELECT *, {_SHOWN} AS shown"
    f" FROM {unnest(NEW_CASE)} AS u({', '.join(NEW_CASE)})),"
    f" linked AS MATERIALIZED (SELECT n.*, {_LINK.format(before='NULL::bytea')} AS chain FROM given n),"
    f" filed AS (INSERT INTO {SCHEMA}.cases ({_CASE_COLUMNS}, chain)"
    f" SELECT {_CASE_COLUMNS.replace('cells', _CELLS)}, chain FROM linked),"
    f" found_by AS (INSERT INTO {SCHEMA}.findable (tenant, id, lon, lat, words)"
    f" SELECT tenant, id, lon, lat, array_to_tsvector(string_to_array(words, '{BETWEEN}')) FROM linked)"
    " SELECT tenant, id, shown, chain FROM linked"
)
UPDATE_CASES = text(
    f"WITH n AS MATERIALIZED (SELECT *, {_SHOWN} AS shown"
    f" FROM {unnest(OLD_CASE)} AS u({', '.join(OLD_CASE)}))"
    f" UPDATE {SCHEMA}.cases c SET version = n.version, stage = n.stage, unit_tenant = n.unit_tenant,"
    " unit = n.unit, worker = n.worker, due_at = n.due_at, department = n.department, state = n.state,"
    f" chain = {_LINK.format(before='c.chain')}"
    " FROM n WHERE c.tenant = n.tenant AND c.id = n.id AND c.version = n.old"
    " RETURNING c.tenant, c.id, n.shown, c.chain"
)
UPSERT_TASKS = text(
    f"INSERT INTO {SCHEMA}.tasks (tenant, id, case_id, unit, worker, status, offered_at, changed_at)"
    f" SELECT n.*, n.at FROM {unnest(TASK)} AS n({', '.join(TASK)})"
    " ON CONFLICT (tenant, id) DO UPDATE"
    " SET worker = excluded.worker, status = excluded.status, changed_at = excluded.changed_at"
)
INSERT_HISTORY = text(f"INSERT INTO {SCHEMA}.history ({', '.join(HISTORY)}) SELECT * FROM {unnest(HISTORY)}")
SHIFT_LOADS = text(
    f"INSERT INTO {SCHEMA}.loads AS l (tenant, worker, open) SELECT * FROM {unnest(LOAD)}"
    " ON CONFLICT (tenant, worker) DO UPDATE SET open = l.open + excluded.open"
)
