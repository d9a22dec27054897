"""Every request about one case, with the real handlers: whose case it is not, is refused; whose it is, is not.

The requests come from the registry, so that a new one is under test as soon as it exists.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from dispatch_desk import CELL, Desk, build_dispatch, triaged

from qipan.access import Role, Scope, rule_for
from qipan.contracts.base import Request, requests
from qipan.contracts.errors import Forbidden, NotFound, QipanError
from qipan.contracts.handover import HandOver
from qipan.contracts.joint import OpenSupport
from qipan.contracts.offline import FIELD_COMMANDS, Outcome, ReplayCommand
from qipan.contracts.queries import ListWork
from qipan.contracts.search import SearchCases
from qipan.contracts.whistle import BlowWhistle, ListWhistles
from qipan.hosting.embedded.postgres import EmbeddedPostgres
from qipan.testing import Databases
from tests.contract.golden_samples import data

DISPATCHER, SUPPORT, SUMMONED, TAKER = (
    "sandun.dispatcher.1",
    "sandun.order.1",
    "sandun.water.1",
    "sandun.works.1",
)
STRANGER = "sandun.rescue.1"
NARROW = (Scope.UNIT, Scope.CELL)


def about_a_case(role: Role) -> list[str]:
    """The types of dispatch's requests that name one case or whistle, and that `role` may make of some of them only."""
    return sorted(
        type
        for type, kind in requests().items()
        if kind.service == "dispatch"
        and rule_for(type).scopes.get(role) in NARROW
        and {"case_id", "whistle_id"} & set(kind.model_fields)
        and type not in ANSWERING_OTHERWISE
    )


ANSWERING_OTHERWISE = {ListWhistles.type, ReplayCommand.type}
"""A list leaves out what is not theirs; what was done without signal is answered with what became of it."""


@pytest.fixture(scope="module")
def house(postgres: EmbeddedPostgres, database_templates: dict[str, str]) -> Iterator[Desk]:
    databases = Databases(postgres, database_templates)
    desk = Desk.open(databases(build_dispatch))
    yield desk
    desk.database.close()
    databases.drop()


@pytest.fixture
def desk(house: Desk) -> Desk:
    house.empty()
    return house


def parties(desk: Desk) -> tuple[str, dict[str, Any]]:
    """A case with a lead, a supporter, a summoned department and one asked to take it over; its lead, and the ids."""
    desk.file(triaged("r1"))
    case = desk.case()
    case_id = case.case_id
    opened = desk.ask(DISPATCHER, OpenSupport(case_id=case_id, unit="sandun/order", reason="联合整治")).case
    whistle = desk.ask(DISPATCHER, BlowWhistle(case_id=case_id, departments=("water",), reason="积水"))
    desk.ask(case.worker or "", HandOver(case_id=case_id, to="sandun/works", reason="属市政"))
    ids = {
        "case_id": case_id,
        "task_id": opened.supports[0].task_id,
        "whistle_id": whistle.whistle_id,
        "department": "water",
        "expected_version": None,
    }
    assert case.worker
    return case.worker, ids


def request(type: str, ids: dict[str, Any]) -> Request[Any]:
    kind = requests()[type]
    given = {name: value for name, value in ids.items() if name in kind.model_fields}
    return kind.model_validate({**data(kind), **given})


def answer(desk: Desk, who: str, asked: Request[Any]) -> QipanError | None:
    """The error that somebody is answered, if any."""
    try:
        desk.ask(who, asked)
    except QipanError as error:
        return error
    return None


@pytest.mark.parametrize("type", about_a_case(Role.HANDLER))
def test_a_unit_that_has_no_part_in_a_case_is_refused(desk: Desk, type: str) -> None:
    lead, ids = parties(desk)
    before = desk.rows("SELECT id, version, state FROM dispatch.cases")
    assert isinstance(answer(desk, STRANGER, request(type, ids)), Forbidden)
    assert desk.rows("SELECT id, version, state FROM dispatch.cases") == before
    # The control: one of those who have a part in it is let in, whatever the process then says.
    answers = [answer(desk, who, request(type, ids)) for who in (lead, SUPPORT, SUMMONED, TAKER)]
    assert not all(isinstance(one, Forbidden) for one in answers), answers


@pytest.mark.parametrize("type", ["task.depart.v1", "task.arrive.v1"])
def test_nobody_but_the_leads_unit_goes_to_the_case_itself(desk: Desk, type: str) -> None:
    lead, ids = parties(desk)
    asked = request(type, {**ids, "task_id": None})
    for stranger in (STRANGER, SUPPORT, SUMMONED, TAKER):
        assert isinstance(answer(desk, stranger, asked), Forbidden)
    assert not isinstance(answer(desk, lead, asked), Forbidden)


@pytest.mark.parametrize("type", about_a_case(Role.GRID_WORKER))
def test_a_grid_worker_of_another_cell_is_refused(desk: Desk, type: str) -> None:
    _, ids = parties(desk)
    people = [one for one in desk.process.district.people if "grid-worker" in one.roles]
    here = next(one.id for one in people if CELL in one.cells)
    there = next(one.id for one in people if one.tenant == "sandun" and CELL not in one.cells)
    assert isinstance(answer(desk, there, request(type, ids)), Forbidden)
    assert not isinstance(answer(desk, here, request(type, ids)), Forbidden)


@pytest.mark.parametrize("type", about_a_case(Role.HANDLER))
def test_the_same_case_asked_for_in_another_town_is_not_there(desk: Desk, type: str) -> None:
    _, ids = parties(desk)
    try:
        desk.ask("xixi.sweep.1", request(type, ids), tenant="xixi")
    except (Forbidden, NotFound):
        return
    pytest.fail("another town's unit was let in")


OF_A_PART = sorted(type for type, kind in FIELD_COMMANDS.items() if "task_id" in kind.model_fields)
OF_THE_CASE = sorted(
    type
    for type, kind in FIELD_COMMANDS.items()
    if "task_id" not in kind.model_fields or not kind.model_fields["task_id"].is_required()
)


@pytest.mark.parametrize(
    ("does", "part"), [*((type, True) for type in OF_A_PART), *((type, False) for type in OF_THE_CASE)]
)
def test_what_was_done_without_signal_to_somebody_elses_case_is_not_carried_out(
    desk: Desk, does: str, part: bool
) -> None:
    _, ids = parties(desk)
    before = desk.rows("SELECT id, version, state FROM dispatch.cases")
    body = {name: value for name, value in data(FIELD_COMMANDS[does]).items() if name not in ids}
    body |= {"task_id": ids["task_id"]} if part else {}
    now = datetime.now(UTC)
    asked = ReplayCommand(
        client="c1", sequence=1, at=now, sent_at=now, does=does, case_id=ids["case_id"], body=body
    )
    try:
        answered = desk.ask(STRANGER, asked)
    except Forbidden:
        return
    finally:
        assert desk.rows("SELECT id, version, state FROM dispatch.cases") == before
    assert answered.outcome is Outcome.REFUSED
    assert answered.case is None
    assert answered.problem.code == Forbidden.code


def test_lists_leave_out_what_is_not_theirs(desk: Desk) -> None:
    lead, ids = parties(desk)
    for listed in (ListWork(), SearchCases()):
        assert [case.case_id for case in desk.ask(lead, listed).cases] == [ids["case_id"]]
        assert desk.ask(STRANGER, listed).cases == ()
    assert [one.whistle_id for one in desk.ask(SUMMONED, ListWhistles()).whistles] == [ids["whistle_id"]]
    assert desk.ask(STRANGER, ListWhistles()).whistles == ()
