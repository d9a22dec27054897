"""The newest state of each thing, a row each, read and written a batch at a time."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import fields
from datetime import datetime
from operator import attrgetter
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, DateTime, Double, Integer, SmallInteger, Table, Text, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from qipan.storage import arrays
from services.analytics.facts import CaseFacts, ReportFacts
from services.analytics.tables import case_states, report_states

State = TypeVar("State", CaseFacts, ReportFacts)
StateKey = tuple[str, str]

_WRITERS: Mapping[type[TypeEngine[Any]], Callable[[Iterable[Any]], str]] = {
    Text: arrays.texts,
    Integer: arrays.numbers,
    SmallInteger: arrays.numbers,
    Double: arrays.numbers,
    DateTime: arrays.instants,
}

PAGE = 5000
"""How many states are read at once when all of them are."""


class States(Generic[State]):
    """The table of one kind of facts, whose columns are the facts' fields; the first two are the key."""

    def __init__(self, table: Table, kind: type[State]) -> None:
        names = [field.name for field in fields(kind)]
        tenant, id_ = names[:2]
        types = {name: table.c[name].type.compile(dialect=postgresql.dialect()) for name in names}
        self._writers = {name: _WRITERS[type(table.c[name].type)] for name in names}
        unnested = ", ".join(f"CAST(:{name} AS {types[name]}[])" for name in names)
        columns = ", ".join(names)
        self._kind: type[State] = kind
        self._names = names
        self._key = attrgetter(tenant, id_)
        self._values = attrgetter(*names)
        # One index look-up for each key, however large the table is and however old its statistics.
        self._read = text(
            f"SELECT s.* FROM unnest(CAST(:tenants AS text[]), CAST(:ids AS text[])) AS asked (tenant, id)"
            f" CROSS JOIN LATERAL (SELECT {columns} FROM {table} AS t"
            f" WHERE t.{tenant} = asked.tenant AND t.{id_} = asked.id LIMIT 1) AS s"
        )
        self._write = text(
            f"INSERT INTO {table} ({columns}) SELECT * FROM unnest({unnested})"
            f" ON CONFLICT ({tenant}, {id_}) DO UPDATE SET"
            f" {', '.join(f'{name} = excluded.{name}' for name in names[2:])}"
        )
        moments = " OR ".join(
            f"{name} >= :since AND {name} < :until" for name in names if type(table.c[name].type) is DateTime
        )
        touching = f"SELECT {columns} FROM {table} WHERE {tenant} = ANY(:tenants) AND ({moments})"
        self._touching = text(touching)
        self._touching_of = text(f"{touching} AND department = ANY(:departments)")
        self._page = text(
            f"SELECT {columns} FROM {table} WHERE {tenant} = :tenant AND {id_} > :after"
            f" ORDER BY {id_} LIMIT {PAGE}"
        )

    def newest(self, states: Iterable[object]) -> dict[StateKey, State]:
        """The newest state of each thing of this kind."""
        found: dict[StateKey, State] = {}
        for state in states:
            if isinstance(state, self._kind):
                key = self._key(state)
                if key not in found or state.order > found[key].order:
                    found[key] = state
        return found

    def known(self, conn: Connection, keys: Collection[StateKey]) -> dict[StateKey, State]:
        """What is stored of these things."""
        tenants, ids = zip(*keys, strict=True)
        rows = conn.execute(self._read, {"tenants": arrays.texts(tenants), "ids": arrays.texts(ids)})
        return {(row[0], row[1]): self._kind(*row) for row in rows}

    def write(self, conn: Connection, states: Iterable[State]) -> None:
        """Store these states instead of what is known."""
        ordered = sorted(states, key=self._key)
        columns = zip(*map(self._values, ordered), strict=True)
        named = zip(self._names, columns, strict=True)
        conn.execute(self._write, {name: self._writers[name](column) for name, column in named})

    def touching(
        self,
        conn: Connection,
        tenants: Collection[str],
        since: datetime,
        until: datetime,
        departments: Collection[str] | None = None,
    ) -> list[State]:
        """Every state of these tenants of which some moment lies in `since` ≤ at < `until`; of cases also by whose."""
        given = {"tenants": list(tenants), "since": since, "until": until}
        if departments is None:
            rows = conn.execute(self._touching, given)
        else:
            rows = conn.execute(self._touching_of, {**given, "departments": list(departments)})
        return [self._kind(*row) for row in rows]

    def all_of(self, conn: Connection, tenant: str) -> Iterator[State]:
        """Every state of a tenant, read in pages."""
        after = ""
        while True:
            page = [self._kind(*row) for row in conn.execute(self._page, {"tenant": tenant, "after": after})]
            yield from page
            if len(page) < PAGE:
                return
            after = self._key(page[-1])[1]


CASES = States(case_states, CaseFacts)
REPORTS = States(report_states, ReportFacts)
