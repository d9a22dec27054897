"""Mandates on a real database: whom a town may send, who is asked instead, and what an end of a mandate does."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from dispatch_desk import CELL, Desk, build_dispatch, triaged, xihu

from qipan.contracts.case import Stage
from qipan.contracts.commands import AcceptTask, DispatchCase, ReturnTask
from qipan.contracts.errors import Conflict, Invalid
from qipan.contracts.mandates import WhoMayHandle
from qipan.contracts.queries import ListWork, TellCase
from qipan.tenancy import District
from qipan.testing import Databases


def lacking(*departments: str) -> District:
    """Xihu, where these departments have granted nothing."""
    return replace(xihu(), mandates=tuple(m for m in xihu().mandates if m.department not in departments))


@pytest.fixture
def asking(database_url: Databases) -> Iterator[Desk]:
    """A dispatch to whose towns neither the traffic police nor sanitation has granted anything."""
    desk = Desk.open(database_url(build_dispatch), district=lacking("traffic-police", "sanitation"))
    yield desk
    desk.database.close()


def test_the_department_is_asked_and_assigns_its_own_unit(asking: Desk) -> None:
    asking.file(triaged("r1", matter="s:09009"))
    case = asking.case()
    assert (case.stage, case.department, case.unit) == (Stage.FILED, "traffic-police", None)
    listed = asking.ask("traffic-police.dispatcher.1", ListWork(), tenant="traffic-police").cases
    assert [one.case_id for one in listed] == [case.case_id]
    foreign = DispatchCase(case_id=case.case_id, unit="sandun/sweep")
    with pytest.raises(Invalid) as refused:
        asking.ask("traffic-police.dispatcher.1", foreign, tenant="traffic-police")
    assert refused.value.faults[0].allowed == "sandun/traffic"
    assign = DispatchCase(case_id=case.case_id, unit="sandun/traffic")
    with pytest.raises(Conflict, match="asked"):
        asking.ask("sandun.dispatcher.1", assign)
    sent = asking.ask("traffic-police.dispatcher.1", assign, tenant="traffic-police").case
    assert (sent.stage, sent.unit, sent.mandate) == (Stage.OFFERED, "sandun/traffic", None)
    assert asking.ask(sent.worker, AcceptTask(case_id=case.case_id)).case.stage is Stage.ACCEPTED
    told = asking.ask("sandun.supervisor.1", TellCase(subject="r1")).happenings
    assert told[0].detail["asked"] == "traffic-police"
    assert "assigned for traffic-police" in told[1].detail["why"]


def test_the_district_answers_for_a_department_without_people(asking: Desk) -> None:
    asking.file(triaged("r1"))
    case_id = asking.case().case_id
    [waiting] = asking.ask("xihu.dispatcher.1", ListWork(), tenant="xihu").cases
    assert (waiting.case_id, waiting.department) == (case_id, "sanitation")
    sent = asking.ask(
        "xihu.dispatcher.1", DispatchCase(case_id=case_id, unit="sandun/sweep"), tenant="xihu"
    ).case
    assert (sent.stage, sent.unit, sent.mandate) == (Stage.OFFERED, "sandun/sweep", None)
    assert asking.ask("xihu.dispatcher.1", ListWork(), tenant="xihu").cases == ()


def test_by_hand_too_the_department_is_asked(asking: Desk) -> None:
    asking.file(triaged("r1", matter="s:01013"))
    case = asking.case()
    assert case.unit == "sandun/rescue"
    asking.ask(case.worker, ReturnTask(case_id=case.case_id, reason="不是消防设施"))
    asked = asking.ask("sandun.dispatcher.1", DispatchCase(case_id=case.case_id, unit="sandun/traffic")).case
    assert (asked.stage, asked.department, asked.unit, asked.worker) == (
        Stage.FILED,
        "traffic-police",
        None,
        None,
    )
    told = asking.ask("sandun.supervisor.1", TellCase(subject="r1")).happenings[-1]
    assert (told.what, told.who) == ("ask", "sandun.dispatcher.1")
    assert "granted no mandate" in told.detail["why"]
    assert "traffic-police.dispatcher.1" in told.detail["why"]
    assert [m["type"] for _, m in asking.said()][-1] == "case.referred.v1"
    listed = asking.ask("traffic-police.dispatcher.1", ListWork(), tenant="traffic-police").cases
    assert [one.case_id for one in listed] == [case.case_id]
    # The town may still send somebody else whom it commands.
    sent = asking.ask("sandun.dispatcher.1", DispatchCase(case_id=case.case_id, unit="sandun/order")).case
    assert (sent.unit, sent.mandate) == ("sandun/order", "urban-management")
    assert asking.ask("traffic-police.dispatcher.1", ListWork(), tenant="traffic-police").cases == ()


def test_who_may_handle_this_here_now_and_why(asking: Desk) -> None:
    who = asking.ask("beishan.dispatcher.1", WhoMayHandle(matter="s:09009", cell=CELL))
    assert who.ask == "traffic-police"
    assert not any(one.may for one in who.units)
    by_point = asking.ask("sandun.sweep.1", WhoMayHandle(matter="s:06041", lon=120.085, lat=30.325))
    assert by_point.cell is not None
    for wrong in (
        WhoMayHandle(matter="s:06010", cell="nowhere"),
        WhoMayHandle(matter="s:06010", lon=120.085),
        WhoMayHandle(matter="s:06010", lon=120.055, lat=30.165),
        WhoMayHandle(matter="s:99999"),
    ):
        with pytest.raises(Invalid) as refused:
            asking.ask("sandun.dispatcher.1", wrong)
        assert refused.value.faults
