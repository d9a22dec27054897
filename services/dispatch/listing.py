"""Reading a page of cases: one statement, whatever its filters and however many views it is made of."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    DateTime,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    false,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import TSQUERY, distinct_on

from qipan.contracts.case import CaseState, Stage
from services.dispatch import handovers, supports
from services.dispatch.finding import Sought
from services.dispatch.tables import cases, findable
from services.dispatch.words import Box, Term, ts_query
from services.dispatch.worklist import HELD, OVER, Cursor, Order, View

Page = tuple[tuple[CaseState, ...], str | None]
"""Cases in order, and the cursor after the last one where there are more."""


def page(
    conn: Connection,
    views: Sequence[View],
    sought: Sought,
    order: Order,
    after: Cursor | None,
    limit: int,
    towns: Collection[str] = (),
) -> Page:
    """The first `limit` cases of the views together after the cursor, each once.

    `towns`: where the cases of a view may lie that names no tenant of its own.
    """
    if not views:
        return (), None
    query = statement(views, sought, order, after, limit + 1, towns)
    found = [CaseState.model_validate_json(row[0]) for row in conn.execute(query)]
    shown = tuple(found[:limit])
    return shown, str(Cursor.of(shown[-1], order)) if len(found) > limit else None


def statement(
    views: Sequence[View],
    sought: Sought,
    order: Order,
    after: Cursor | None,
    limit: int,
    towns: Collection[str] = (),
) -> Select[Any]:
    """The query behind a page: each view's first `limit`, put together, and the first `limit` of them."""
    apart = [part for view in views for part in _apart(view, sought, order)]
    parts = [_view(view, sought, order, after, limit, towns) for view in apart]
    found = (union_all(*parts) if len(parts) > 1 else parts[0]).subquery("found")
    by = _ordered(order, found.c.at, found.c.id)
    each = select(found).ext(distinct_on(found.c.at, found.c.id))
    first = each.order_by(*by).limit(limit).subquery("first")
    return select(cast(first.c.state, Text)).order_by(*_ordered(order, first.c.at, first.c.id))


def _apart(view: View, sought: Sought, order: Order) -> Sequence[View]:
    """A search by who has the case, apart for what is open and what is over.

    The indexes by whom hold only what is over, so that no case pays for them while it is on its way. What a
    worker has to do has one of its own.
    """
    by_whom = (view.of_unit, sought.unit, sought.worker, sought.department)
    stages = view.stages & sought.stages if sought.stages else view.stages
    if order is Order.DUE or not any(by_whom) or not (stages & OVER and stages - OVER):
        return (view,)
    parts = (
        [stages & OVER, stages & HELD, stages - OVER - HELD]
        if sought.worker
        else [stages & OVER, stages - OVER]
    )
    return [replace(view, stages=part) for part in parts if part]


def _view(
    view: View, sought: Sought, order: Order, after: Cursor | None, limit: int, towns: Collection[str]
) -> Select[Any]:
    at = cases.c.due_at if order is Order.DUE else cases.c.filed_at
    query = _narrowed(_seen(select(cases.c.state, at.label("at"), cases.c.id), view), sought)
    words = sought.words
    if view.in_cells is not None:
        words = (*words, tuple(Term(f"c{cell}") for cell in sorted(view.in_cells)))
    if words or sought.box:
        query = _looked_up(query, words, sought.box, (view.tenant,) if view.tenant is not None else towns)
    query = query.where(at.is_not(None))
    if after is not None:
        here, there = tuple_(at, cases.c.id), tuple_(literal(after.at), literal(after.id))
        query = query.where(here < there if order is Order.NEWEST else here > there)
    return query.order_by(*_ordered(order, at, cases.c.id)).limit(limit)


def _seen(query: Select[Any], view: View) -> Select[Any]:
    """Only what belongs to the view."""
    if view.stages != frozenset(Stage):
        query = query.where(_stage_in(view.stages))
    if view.tenant is not None:
        query = query.where(cases.c.tenant == view.tenant)
    if view.abroad is not None:
        query = query.where(cases.c.unit_tenant == view.abroad, cases.c.unit_tenant != cases.c.tenant)
    if view.department is not None:  # another tenant than the town, which the index must be told
        query = query.where(cases.c.unit_tenant == view.department, cases.c.unit_tenant != cases.c.tenant)
    if view.worker is not None:
        query = query.where(cases.c.worker == view.worker)
    if view.unit is not None:
        query = query.where(cases.c.unit == view.unit, cases.c.worker.is_(None))
    if view.of_unit is not None:
        query = query.where(cases.c.unit == view.of_unit)
    if view.supported_by is not None and view.tenant is not None:
        worker, units = view.supported_by
        query = query.where(cases.c.id.in_(supports.case_ids(view.tenant, worker, sorted(units))))
    if view.handed_to is not None:
        key = tuple_(cases.c.tenant, cases.c.id)
        query = query.where(key.in_(handovers.held_by(view.handed_to)))
    if view.stuck:
        key = tuple_(cases.c.tenant, cases.c.id)
        query = query.where(key.in_(supports.waiting(view.tenant)))
        if view.tenant is not None:
            query = query.where(handovers.commanded_by(view.tenant, cases.c.tenant, cases.c.id))
    if view.cells is not None:
        query = query.where(cases.c.cells.overlap(sorted(view.cells)))
    if view.not_worker is not None:
        query = query.where(cases.c.worker.is_distinct_from(view.not_worker))
    return query


def _narrowed(query: Select[Any], sought: Sought) -> Select[Any]:
    """Only what the filters ask for that may change in a case's life."""
    if sought.stages:
        query = query.where(_stage_in(sought.stages))
    if sought.department is not None:
        query = query.where(cases.c.department == sought.department)
    if sought.unit is not None:
        query = query.where(cases.c.unit == sought.unit)
    if sought.worker is not None:
        query = query.where(cases.c.worker == sought.worker)
    if sought.overdue is True:
        query = query.where(cases.c.due_at <= sought.now)
    if sought.overdue is False:
        query = query.where(or_(cases.c.due_at > sought.now, cases.c.due_at.is_(None)))
    if sought.light is not None:
        query = query.where(_light(sought.light, sought.now))
    if sought.filed_from is not None:
        query = query.where(cases.c.filed_at >= sought.filed_from)
    if sought.filed_until is not None:
        query = query.where(cases.c.filed_at < sought.filed_until)
    return query


def _light(light: str, now: datetime | None) -> Any:
    """From when on it is yellow stands in the case's state alone; without it, a clock is green until it is red."""
    if light == "red":
        return cases.c.due_at <= now
    yellow_at = cast(cases.c.state["yellow_at"].astext, DateTime(timezone=True))
    little_left = func.coalesce(yellow_at <= now, false())
    return and_(cases.c.due_at > now, little_left if light == "yellow" else not_(little_left))


def _looked_up(
    query: Select[Any], words: Sequence[Sequence[Term]], box: Box | None, tenants: Collection[str]
) -> Select[Any]:
    """Only what has the entries: what never changes in a case's life."""
    same = and_(findable.c.tenant == cases.c.tenant, findable.c.id == cases.c.id)
    query = query.join(findable, same)
    if words:
        # Written into the statement: a plan made without knowing the words walks the wrong index.
        asked = bindparam(None, ts_query(tenants, words), type_=Text, literal_execute=True)
        query = query.where(findable.c.words.op("@@")(cast(asked, TSQUERY)))
    if box is not None:
        query = query.where(
            findable.c.lon.between(box.west, box.east), findable.c.lat.between(box.south, box.north)
        )
    return query


def _stage_in(stages: Collection[Stage]) -> Any:
    # Written out, so that the indexes of certain stages are known to serve.
    return cases.c.stage.in_([literal_column(f"'{stage.value}'") for stage in sorted(stages)])


def _ordered(order: Order, at: Any, id: Any) -> tuple[Any, Any]:
    return (at.desc(), id.desc()) if order is Order.NEWEST else (at, id)
