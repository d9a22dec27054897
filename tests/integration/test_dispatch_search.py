"""Searching cases on a real database: who finds what, page by page, and by which index."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, text

from bench.filling import fill
from qipan.contracts.case import Place, Stage
from qipan.contracts.commands import VoidCase
from qipan.contracts.errors import Forbidden
from qipan.contracts.filters import CaseFilters
from qipan.contracts.queries import ListWork
from qipan.contracts.search import FiledOrder, SearchCases
from qipan.hosting.embedded import EmbeddedPostgres
from qipan.storage.database import make_engine
from qipan.testing import Databases
from services.dispatch import listing
from services.dispatch.finding import EVERYTHING, Sought, sought
from services.dispatch.worklist import HELD, Order, View
from tests.integration.dispatch_desk import CELL, MONDAY_NOON, Desk, build_dispatch, triaged

EVERY = frozenset(Stage)
MANY = 12_000


@pytest.fixture(scope="module")
def databases(postgres: EmbeddedPostgres, database_templates: dict[str, str]) -> Iterator[Databases]:
    """What the module's tests share: they only read."""
    databases = Databases(postgres, database_templates)
    yield databases
    databases.drop()


@pytest.fixture(scope="module")
def many(databases: Databases) -> Iterator[Engine]:
    """So many cases that reading them all is no good plan any more."""
    url = databases(build_dispatch)
    with psycopg.connect(url.replace("+psycopg", "")) as conn:
        fill(conn, MANY)
    engine = make_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def desk(databases: Databases) -> Iterator[Desk]:
    """Nine cases: six in Sandun, one of them a department's and one voided; two in Beishan; one of an exercise."""
    desk = Desk.open(databases(build_dispatch))
    for number, (tenant, matter, summary, lon) in enumerate(
        [
            ("sandun", "s:06010", "文三路边垃圾成堆", 120.085),
            ("sandun", "s:06010", "rubbish by the school gate", 120.085),
            ("sandun", "s:06010", "河边垃圾", 120.095),
            ("sandun", "s:09009", "违停", 120.085),
            ("sandun", "s:06013", "路面破损 12号", 120.085),
            ("sandun", "s:06010", "误报的垃圾", 120.085),
            ("beishan", "s:06010", "湖边垃圾", 120.135),
            ("beishan", "s:09009", "湖边违停", 120.135),
            ("sandun~ex7", "s:06010", "演练垃圾", 120.085),
        ]
    ):
        place = Place(lon=lon, lat=30.325, cells={"duty": CELL if tenant == "sandun" else f"{tenant}-1"})
        report = triaged(f"r{number}", matter=matter)
        desk.file(report.model_copy(update={"summary": summary, "place": place}), tenant=tenant)
        desk.clock.advance(timedelta(minutes=1))
    void = next(case for case in desk.cases() if case.summary == "误报的垃圾")
    desk.ask("sandun.shift-leader.1", VoidCase(case_id=void.case_id, reason="误报"))
    yield desk
    desk.database.close()


def found(desk: Desk, who: str, tenant: str = "sandun", **filters: Any) -> list[str]:
    return [case.summary for case in desk.ask(who, SearchCases(**filters), tenant=tenant).cases]


LEAD = "sandun.town-lead.1"


@pytest.mark.parametrize(
    ("filters", "summaries"),
    [
        ({"text": "垃圾"}, {"文三路边垃圾成堆", "河边垃圾", "误报的垃圾"}),
        ({"text": "垃圾", "stages": (Stage.VOIDED,)}, {"误报的垃圾"}),
        ({"text": "路"}, {"文三路边垃圾成堆", "路面破损 12号"}),
        ({"text": "School rubb"}, {"rubbish by the school gate"}),
        ({"text": "垃圾 12"}, set()),
        ({"matters": ("s:06013", "s:09009")}, {"违停", "路面破损 12号"}),
        ({"department": "traffic-police"}, {"违停"}),
        ({"bbox": "120.09,30.3,120.1,30.35"}, {"河边垃圾"}),
        ({"bbox": "120.09,30.3,120.1,30.35", "text": "学校"}, set()),
        ({"bbox": "100,20,130,40", "text": "12号"}, {"路面破损 12号"}),
        ({"cell": CELL, "matters": ("s:09009",)}, {"违停"}),
        ({"cell": "elsewhere"}, set()),
        ({"filed_until": MONDAY_NOON + timedelta(minutes=1)}, {"文三路边垃圾成堆"}),
        (
            {"filed_from": MONDAY_NOON + timedelta(minutes=4), "overdue": False},
            {"路面破损 12号", "误报的垃圾"},
        ),
        ({"overdue": True}, set()),
    ],
)
def test_a_town_lead_finds_what_matches(desk: Desk, filters: dict[str, Any], summaries: set[str]) -> None:
    assert set(found(desk, LEAD, **filters)) == summaries


def test_a_case_is_found_by_who_has_it(desk: Desk) -> None:
    [case] = desk.ask(LEAD, SearchCases(text="河边")).cases
    assert case.summary in found(desk, LEAD, unit=case.unit)
    assert case.summary in found(desk, LEAD, worker=case.worker)
    assert found(desk, LEAD, worker="nobody") == []


def test_a_case_is_found_by_its_light(desk: Desk) -> None:
    noon = desk.clock.now("sandun")
    lights = {"河边垃圾": noon - timedelta(minutes=1), "违停": noon + timedelta(minutes=1)}
    with desk.database.begin() as work:
        for summary, at in lights.items():
            state = json.dumps({"yellow_at": at.isoformat()})
            work.conn.execute(
                text(
                    "UPDATE dispatch.cases SET state = state || CAST(:state AS jsonb)"
                    " WHERE state ->> 'summary' = :summary"
                ),
                {"state": state, "summary": summary},
            )
    assert found(desk, LEAD, light="yellow") == ["河边垃圾"]
    assert set(found(desk, LEAD, light="green")) == {
        "违停",
        "路面破损 12号",
        "文三路边垃圾成堆",
        "rubbish by the school gate",
    }
    assert found(desk, LEAD, light="red") == []


def test_work_is_narrowed_by_the_same_filters(desk: Desk) -> None:
    waiting = desk.ask(LEAD, ListWork(text="垃圾", bbox="120.08,30.32,120.09,30.33")).cases
    assert [case.summary for case in waiting] == ["文三路边垃圾成堆"]


@pytest.mark.parametrize("order", FiledOrder)
def test_pages_show_everything_once_in_either_order(desk: Desk, order: FiledOrder) -> None:
    asked: dict[str, Any] = {"order": order, "limit": 2}
    everything = found(desk, LEAD, order=order)
    read: list[str] = []
    while True:
        page = desk.ask(LEAD, SearchCases(**asked))
        read += [case.summary for case in page.cases]
        if page.next is None:
            break
        asked["after"] = page.next
    assert read == everything
    assert len(read) == 6
    newest = "误报的垃圾"
    assert read.index(newest) == (0 if order is FiledOrder.NEWEST else 5)


def test_overlapping_views_show_a_case_once(desk: Desk) -> None:
    views = [
        View(EVERY, tenant="sandun"),
        View(HELD, tenant="sandun"),
        View(EVERY, in_cells=frozenset({CELL})),
    ]
    with desk.database.begin() as work:
        for order in Order:
            cases, following = listing.page(work.conn, views, EVERYTHING, order, None, 6, ("sandun",))
            ids = [case.case_id for case in cases]
            assert len(ids) == len(set(ids)) == (5 if order is Order.DUE else 6)
            assert following is None


def test_everybody_finds_only_what_the_right_reaches(desk: Desk) -> None:
    worker = next(case for case in desk.cases() if case.summary == "文三路边垃圾成堆")
    unit = {case.summary for case in desk.cases() if case.unit == worker.unit and case.tenant == "sandun"}
    assert set(found(desk, worker.worker or "")) == unit
    inspector = next(p.id for p in desk.process.district.people if CELL in p.cells)
    assert len(found(desk, inspector)) == 6
    elsewhere = next(
        p.id for p in desk.process.district.people_of("sandun") if p.cells and CELL not in p.cells
    )
    assert found(desk, elsewhere) == []
    assert found(desk, "traffic-police.dispatcher.1") == ["违停"]
    assert set(found(desk, "traffic-police.dispatcher.1", tenant="traffic-police")) == {"违停", "湖边违停"}
    assert found(desk, "traffic-police.dispatcher.1", tenant="traffic-police", text="湖边") == ["湖边违停"]
    with pytest.raises(Forbidden):
        found(desk, "beishan.town-lead.1")


def test_the_districts_people_search_all_towns_and_no_exercise(desk: Desk) -> None:
    lead = next(p.id for p in desk.process.district.people_of("xihu") if "district-lead" in p.roles)
    assert set(found(desk, lead, tenant="xihu", text="垃圾")) == {
        "文三路边垃圾成堆",
        "河边垃圾",
        "误报的垃圾",
        "湖边垃圾",
    }


@pytest.mark.parametrize(
    ("views", "filters", "order"),
    [
        ([View(EVERY, tenant="t7")], {}, Order.NEWEST),
        ([View(EVERY, tenant="t7")], {"text": "路灯编号4711"}, Order.NEWEST),
        ([View(EVERY, tenant="t7")], {"text": "垃圾"}, Order.OLDEST),
        ([View(EVERY, tenant="t7")], {"worker": "w3"}, Order.NEWEST),
        ([View(EVERY, tenant="t7")], {"unit": "u3", "stages": (Stage.VOIDED,)}, Order.OLDEST),
        ([View(EVERY, tenant="t7")], {"department": "d1", "matters": ("s:06010",)}, Order.NEWEST),
        ([View(EVERY, tenant="t7")], {"bbox": "120.05,30.05,120.055,30.055"}, Order.NEWEST),
        ([View(EVERY, in_cells=frozenset({"cell7"}), tenant="t7")], {}, Order.NEWEST),
        ([View(EVERY, abroad="d1")], {"text": "垃圾 4711"}, Order.NEWEST),
        ([View(frozenset({s}), tenant="t7") for s in HELD], {}, Order.DUE),
        ([View(frozenset({s}), tenant="t7") for s in HELD], {"text": "垃圾", "overdue": True}, Order.DUE),
        ([View(HELD, tenant="t7", worker="w3"), View(HELD, tenant="t7", unit="u3")], {}, Order.DUE),
    ],
)
def test_no_search_reads_every_case(
    many: Engine, views: list[View], filters: dict[str, Any], order: Order
) -> None:
    narrowed = sought(CaseFilters(**filters), lambda: MONDAY_NOON) if filters else Sought()
    plan = planned(many, views, narrowed, order)
    assert "Seq Scan" not in plan, plan
    assert "Index" in plan


@pytest.mark.parametrize(
    ("index", "filters"), [("cases_filed", {}), ("findable_words", {"text": "路灯编号4711"})]
)
def test_without_its_index_a_search_reads_every_case(
    many: Engine, index: str, filters: dict[str, Any]
) -> None:
    narrowed = sought(CaseFilters(**filters), lambda: MONDAY_NOON)
    plan = planned(many, [View(EVERY, tenant="t7")], narrowed, Order.NEWEST, without=index)
    assert "Seq Scan" in plan or "Sort" in plan, plan


def planned(engine: Engine, views: list[View], sought: Sought, order: Order, without: str = "") -> str:
    towns = [f"t{n}" for n in range(12)]
    query = listing.statement(views, sought, order, None, 101, towns)
    compiled = str(query.compile(engine, compile_kwargs={"literal_binds": True})).replace("%", "%%")
    with engine.connect() as conn:
        if without:
            conn.exec_driver_sql(f"DROP INDEX dispatch.{without}")
        plan = "\n".join(row[0] for row in conn.exec_driver_sql(f"EXPLAIN {compiled}"))
        conn.rollback()
    return plan
