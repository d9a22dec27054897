"""Walking the chains: page by page, each page seen as it was at one moment."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Select,
    Text,
    and_,
    case,
    cast,
    func,
    select,
    tuple_,
)

from services.dispatch import chain
from services.dispatch.reading import Key
from services.dispatch.tables import cases, history

PAGE = 200
_BEGUN = select(func.min(history.c.real_at)).where(history.c.hash.is_not(None))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of one case: how many rows its history has, how many of them the chain covers, what is wrong."""

    tenant: str
    case_id: str
    rows: int
    chained: int
    broken: str | None


def verify(
    engine: Engine, tenant: str | None = None, case_id: str | None = None, page: int = PAGE
) -> Iterator[Verdict]:
    """Every case's verdict, by tenant and id; of one tenant or one case where that is asked for.

    What is told of a case that is not there (`case is missing`) is a history that nobody owns any more.
    """
    after: Key | None = None
    begun: datetime | None = None
    while True:
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as conn, conn.begin():
            keys = _keys(conn, tenant, case_id, after, page)
            if not keys:
                return
            heads = _heads(conn, keys)
            told = _entries(conn, keys)
            # A look at the whole history, for which there is seldom a reason: rows that nothing vouches for.
            if begun is None and any(entry.hash is None for entries in told.values() for entry in entries):
                begun = conn.execute(_BEGUN).scalar_one()
        for key in keys:
            yield _verdict(key, heads.get(key), told.get(key, []), begun)
        after = keys[-1]


def _verdict(
    key: Key, head: chain.Head | None, entries: list[chain.Entry], begun: datetime | None
) -> Verdict:
    missing = "the case is missing, its history is here"
    broken = missing if head is None else chain.broken(head, entries, begun)
    chained = sum(entry.hash is not None for entry in entries)
    return Verdict(*key, len(entries), chained, broken)


def _keys(
    conn: Connection, tenant: str | None, case_id: str | None, after: Key | None, page: int
) -> list[Key]:
    """The next cases: those that there are, and those that only the history still knows."""

    def narrowed(query: Select[Any], of: Any, id: Any) -> Select[Any]:
        if tenant is not None:
            query = query.where(of == tenant)
        if case_id is not None:
            query = query.where(id == case_id)
        if after is not None:
            query = query.where(tuple_(of, id) > tuple_(*after))
        return query.order_by(of, id).limit(page)

    begun = select(history.c.tenant, history.c.case_id).where(history.c.version == 1)
    there = narrowed(select(cases.c.tenant, cases.c.id), cases.c.tenant, cases.c.id)
    gone = narrowed(
        begun.where(
            ~select(1)
            .where(and_(cases.c.tenant == history.c.tenant, cases.c.id == history.c.case_id))
            .exists()
        ),
        history.c.tenant,
        history.c.case_id,
    )
    found = {(row[0], row[1]) for query in (there, gone) for row in conn.execute(query)}
    return sorted(found)[:page]


def _heads(conn: Connection, keys: list[Key]) -> dict[Key, chain.Head]:
    shown = func.sha256(func.convert_to(cast(cases.c.state, Text), "UTF8"))
    query = select(cases.c.tenant, cases.c.id, cases.c.version, cases.c.chain, shown, _unlike())
    rows = conn.execute(query.where(tuple_(cases.c.tenant, cases.c.id).in_(keys)))
    return {(row[0], row[1]): chain.Head(*row) for row in rows}


def _unlike() -> ColumnElement[str]:
    """Which of the columns that lists and deadlines go by are not what the case's state says."""

    def said(column: Column[Any]) -> ColumnElement[Any]:
        return cast(cases.c.state[column.name].astext, column.type)

    columns = (cases.c.report_id, cases.c.stage, cases.c.unit, cases.c.worker, cases.c.department)
    every = (*columns, cases.c.due_at, cases.c.filed_at)
    return func.concat_ws(
        ", ", *(case((column.is_distinct_from(said(column)), column.name)) for column in every)
    )


def _entries(conn: Connection, keys: list[Key]) -> dict[Key, list[chain.Entry]]:
    h = history.c
    columns = [
        h.version,
        h.at,
        h.real_at,
        h.what,
        h.who,
        h.authority,
        h.message_id,
        h.traceparent,
        h.detail,
        h.shown,
        h.hash,
    ]
    query = (
        select(h.tenant, h.case_id, *columns)
        .where(tuple_(h.tenant, h.case_id).in_(keys))
        .order_by(h.tenant, h.case_id, h.version)
    )
    told = groupby(conn.execute(query), key=lambda row: (row[0], row[1]))
    return {key: [chain.Entry(*row[2:]) for row in rows] for key, rows in told}
