"""Mandates on a real database: whom a town may send, who is asked instead, and what an end of a mandate does."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from dispatch_desk import CELL, MONDAY_NOON, Desk, build_dispatch, told, triaged, xihu
from nameko.testing.services import worker_factory
from sqlalchemy.exc import DBAPIError

from qipan.contracts.case import Stage
from qipan.contracts.commands import AcceptTask, DispatchCase, DisposeTask, InspectCase, ReturnTask
from qipan.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from qipan.contracts.handover import AcceptHandover, HandOver
from qipan.contracts.joint import OpenSupport
from qipan.contracts.mandates import GrantMandate, ListMandates, MandateKind, RevokeMandate, WhoMayHandle
from qipan.contracts.queries import ListWork, TellCase
from qipan.contracts.returns import RefuseReturn
from qipan.storage import timers
from qipan.tenancy import District
from qipan.testing import Databases
from services.dispatch import mandate_store
from services.dispatch.grounds import Grounds
from services.dispatch.mandated import MANDATE_ENDS
from services.dispatch.service import Dispatch


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
    known = asking.ask("sandun.supervisor.1", TellCase(subject="r1")).happenings
    assert known[0].detail["asked"] == "traffic-police"
    assert "assigned for traffic-police" in known[1].detail["why"]


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
    known = asking.ask("sandun.supervisor.1", TellCase(subject="r1")).happenings[-1]
    assert (known.what, known.who) == ("ask", "sandun.dispatcher.1")
    assert "granted no mandate" in known.detail["why"]
    assert "traffic-police.dispatcher.1" in known.detail["why"]
    assert [m["type"] for _, m in asking.said()][-1] == "case.referred.v1"
    listed = asking.ask("traffic-police.dispatcher.1", ListWork(), tenant="traffic-police").cases
    assert [one.case_id for one in listed] == [case.case_id]
    # The town may still send somebody else whom it commands.
    sent = asking.ask("sandun.dispatcher.1", DispatchCase(case_id=case.case_id, unit="sandun/order")).case
    assert (sent.unit, sent.mandate) == ("sandun/order", "urban-management")
    assert asking.ask("traffic-police.dispatcher.1", ListWork(), tenant="traffic-police").cases == ()


def test_support_by_a_unit_that_may_not_be_commanded_is_asked_of_its_department(asking: Desk) -> None:
    asking.file(triaged("r1", matter="s:01013"))
    case = asking.case()
    for named in (None, "sandun.traffic.1"):
        ask = OpenSupport(case_id=case.case_id, unit="sandun/traffic", worker=named, reason="疏导交通")
        [support] = asking.ask("sandun.dispatcher.1", ask).case.supports
        assert (support.worker, support.through_department) == (None, True)
        known = asking.ask("sandun.supervisor.1", TellCase(subject="r1")).happenings[-1]
        assert known.detail["asked"] == "traffic-police"
        assert known.detail["waits_for"].startswith("traffic-police.dispatcher.")
        asking.empty()
        asking.file(triaged("r1", matter="s:01013"))
    order = OpenSupport(case_id=case.case_id, unit="sandun/order", reason="维持秩序")
    [support] = asking.ask("sandun.dispatcher.1", order).case.supports
    assert (support.worker, support.through_department) == ("sandun.order.1", False)


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


POLICE = "traffic-police.dispatcher.1"
PARKED = "s:09009"


@pytest.fixture
def desk(database_url: Databases) -> Iterator[Desk]:
    desk = Desk.open(database_url(build_dispatch))
    yield desk
    desk.database.close()


def grant(desk: Desk, by: str = POLICE, tenant: str = "traffic-police", **changes: object):
    asked = {"town": "sandun", "kind": MandateKind.STATIONED, "legal_basis": "派驻协议", **changes}
    return desk.ask(by, GrantMandate(**asked), tenant=tenant).mandate


def revoke(desk: Desk, id: str = "traffic-police", by: str = POLICE, tenant: str = "traffic-police"):
    asked = RevokeMandate(mandate_id=id, town="sandun", reason="派驻期满")
    return desk.ask(by, asked, tenant=tenant)


def end_mandates(desk: Desk, time: timedelta) -> int:
    desk.clock.advance(time)
    with desk.database.begin() as work:
        due = timers.take_due(work.conn, "dispatch", MANDATE_ENDS, desk.clock.now("sandun"))
        if due:
            desk.service.mandate_ends(work, due)
        return len(due)


def types(desk: Desk) -> list[str]:
    return [message["type"] for _, message in desk.said()]


def log(desk: Desk) -> list[tuple[str, str, str]]:
    rows = desk.rows("SELECT what, who, authority FROM dispatch.mandate_log ORDER BY real_at")
    return [(row.what, row.who, row.authority) for row in rows]


def test_the_logs_are_only_added_to(desk: Desk) -> None:
    for log_table in ("mandate_log", "case_log", "history"):
        for change in (f"UPDATE dispatch.{log_table} SET tenant = 'x'", f"DELETE FROM dispatch.{log_table}"):
            with pytest.raises(DBAPIError, match="append-only"):
                desk.rows(f"{change} RETURNING 1")


def test_a_mandate_revoked_while_tasks_run(desk: Desk) -> None:
    """Offered: the department is asked. Accepted: it goes on, and the department is told. Nothing vanishes."""
    desk.file(*(triaged(f"r{n}", matter=PARKED) for n in range(2)), triaged("r3"))
    offered, accepted = sorted((c for c in desk.cases() if c.matter == PARKED), key=lambda c: c.report_id)
    assert offered.mandate == accepted.mandate == "traffic-police"
    desk.ask(accepted.worker, AcceptTask(case_id=accepted.case_id))
    answer = revoke(desk)
    assert (answer.referred, answer.continued, answer.mandate.ended) == (1, 1, "revoked")
    now = {case.report_id: case for case in desk.cases()}
    assert (now["r0"].stage, now["r0"].department, now["r0"].unit) == (Stage.FILED, "traffic-police", None)
    assert (now["r1"].stage, now["r1"].worker, now["r1"].mandate) == (Stage.ACCEPTED, accepted.worker, None)
    assert now["r3"].mandate == "sanitation"
    assert sorted(types(desk)[-3:]) == ["case.continued.v1", "case.referred.v1", "mandate.revoked.v1"]
    asked = desk.ask("sandun.supervisor.1", TellCase(subject="r0")).happenings[-1]
    assert (asked.what, asked.who, asked.detail["mandate"]) == ("ask", POLICE, "traffic-police")
    assert "was revoked (派驻期满)" in asked.detail["why"]
    assert asked.detail["waits_for"].startswith("traffic-police.dispatcher.")
    going_on = desk.ask("sandun.supervisor.1", TellCase(subject="r1")).happenings[-1]
    assert (going_on.what, going_on.who) == ("continue", POLICE)
    loads = desk.rows("SELECT worker, open FROM dispatch.loads WHERE open > 0 AND worker LIKE '%traffic%'")
    assert [(row.worker, row.open) for row in loads] == [(accepted.worker, 1)]
    # From now on the town asks; the department's own people still command.
    desk.file(triaged("r4", matter=PARKED))
    assert next(case for case in desk.cases() if case.report_id == "r4").unit is None
    assert log(desk) == [("revoked", POLICE, "traffic-police")]
    with pytest.raises(Conflict):
        revoke(desk)


WENXIN = "wenxin.dispatcher.1"


def taken_over(desk: Desk, report: str) -> str:
    """A case of Sandun's that Wenxin commands now; its id."""
    desk.file(triaged(report, matter=PARKED))
    case = next(case for case in desk.cases() if case.report_id == report)
    desk.ask(case.worker, HandOver(case_id=case.case_id, to="wenxin", reason="不在本镇辖区"))
    taken = desk.ask(WENXIN, AcceptHandover(case_id=case.case_id), tenant="wenxin").case
    assert (taken.unit, taken.mandate) == (None, None)
    return case.case_id


def test_what_was_taken_over_is_commanded_under_the_new_holders_mandate(desk: Desk) -> None:
    """Whose mandate counts is who commands now: the end of the first town's changes nothing, the holder's does."""
    offered, accepted = taken_over(desk, "r1"), taken_over(desk, "r2")
    for id in (offered, accepted):
        sent = desk.ask(WENXIN, DispatchCase(case_id=id, unit="wenxin/traffic"), tenant="wenxin").case
        assert sent.mandate == "traffic-police"
    desk.ask(sent.worker, AcceptTask(case_id=accepted), tenant="wenxin")
    answer = revoke(desk)  # Sandun's
    assert (answer.referred, answer.continued) == (0, 0)
    ended = RevokeMandate(mandate_id="traffic-police", town="wenxin", reason="派驻期满")
    answer = desk.ask(POLICE, ended, tenant="traffic-police")
    assert (answer.referred, answer.continued) == (1, 1)
    now = {case.case_id: case for case in desk.cases()}
    assert (now[accepted].stage, now[accepted].worker, now[accepted].mandate) == (
        Stage.ACCEPTED,
        sent.worker,
        None,
    )
    case = now[offered]
    assert (case.stage, case.department, case.unit) == (Stage.FILED, "traffic-police", None)
    # The department that is asked assigns its unit of the town that commands; the first town looks on.
    [listed] = desk.ask(POLICE, ListWork(), tenant="traffic-police").cases
    assert listed.case_id == offered
    assign = DispatchCase(case_id=offered, unit="wenxin/traffic")
    with pytest.raises(Forbidden, match="wenxin commands it"):
        desk.ask("sandun.dispatcher.1", assign)
    with pytest.raises(Conflict, match="asked"):
        desk.ask(WENXIN, assign, tenant="wenxin")
    back = desk.ask(POLICE, assign, tenant="traffic-police").case
    assert (back.stage, back.unit, back.mandate) == (Stage.OFFERED, "wenxin/traffic", None)
    assert desk.ask(back.worker, AcceptTask(case_id=offered), tenant="wenxin").case.worker == back.worker


def test_a_mandate_that_ends_while_a_hand_over_is_asked_for_leaves_that_open(desk: Desk) -> None:
    desk.file(triaged("r1", matter=PARKED))
    case = desk.case()
    desk.ask(case.worker, HandOver(case_id=case.case_id, to="sandun/order", reason="是违停占道经营"))
    revoke(desk)
    assert (desk.case().stage, desk.case().department) == (Stage.FILED, "traffic-police")
    taken = desk.ask("sandun.order.1", AcceptHandover(case_id=case.case_id)).case
    # Parking is coercive, and nobody of urban management is stationed: they took it, no town commands them.
    assert (taken.unit, taken.stage, taken.mandate) == ("sandun/order", Stage.ACCEPTED, None)
    assert desk.ask(POLICE, ListWork(), tenant="traffic-police").cases == ()
    told = desk.ask("sandun.supervisor.1", TellCase(subject="r1")).happenings[-1]
    assert told.detail["why"] == "on the account of urban-management"


def test_what_comes_back_after_the_mandates_end_is_asked_of_the_department(desk: Desk) -> None:
    """Given back or found wanting, its unit is not commanded by a right that is no more."""
    desk.file(*(triaged(f"r{n}", matter=PARKED) for n in range(3)))
    cases = {case.report_id: case for case in desk.cases()}
    given_back, wanting, asked_back = (cases[f"r{n}"] for n in range(3))
    back = ReturnTask(case_id=given_back.case_id, reason="非本队路段")
    assert desk.ask(given_back.worker, back).case.mandate is None
    desk.ask(asked_back.worker, ReturnTask(case_id=asked_back.case_id, reason="非本队路段"))
    again = desk.ask(
        "sandun.dispatcher.1", RefuseReturn(case_id=asked_back.case_id, reason="是本队路段")
    ).case
    assert (again.stage, again.mandate) == (Stage.OFFERED, "traffic-police")
    desk.ask(wanting.worker, AcceptTask(case_id=wanting.case_id))
    desk.ask(wanting.worker, DisposeTask(case_id=wanting.case_id, evidence=("photo:1",)))
    revoke(desk)
    refuse = RefuseReturn(case_id=given_back.case_id, reason="是本队路段")
    inspector = next(p.id for p in desk.process.district.people if CELL in p.cells)
    fail = InspectCase(case_id=wanting.case_id, passed=False, note="仍有违停", evidence=("photo:2",))
    for sub, command, done in (("sandun.dispatcher.1", refuse, "ask"), (inspector, fail, "recall")):
        case = desk.ask(sub, command).case
        assert (case.stage, case.department, case.unit) == (Stage.FILED, "traffic-police", None)
        last = desk.ask("sandun.supervisor.1", TellCase(subject=case.case_id)).happenings[-1]
        assert last.what == done
        assert last.detail["waits_for"].startswith("traffic-police.dispatcher.")
    assert case.counters.reworks == 1


def test_where_the_town_recalls_what_was_accepted_goes_back_too(database_url: Databases) -> None:
    parts = dict(xihu().parts)
    settings = {**parts["sandun"].settings, "dispatch.mandate-ended": "recall"}
    parts["sandun"] = replace(parts["sandun"], settings=settings)
    desk = Desk.open(database_url(build_dispatch), district=replace(xihu(), parts=parts))
    desk.file(triaged("r1", matter=PARKED))
    desk.ask(desk.case().worker, AcceptTask(case_id=desk.case().case_id))
    assert revoke(desk).referred == 1
    assert (desk.case().stage, desk.case().worker) == (Stage.FILED, None)
    assert types(desk)[-1] == "case.recalled.v1"
    assert desk.rows("SELECT open FROM dispatch.loads WHERE open > 0") == []
    desk.database.close()


def test_a_task_that_another_mandate_covers_is_left_alone(desk: Desk) -> None:
    desk.file(triaged("r1", matter=PARKED))
    grant(desk)
    answer = revoke(desk)
    assert (answer.referred, answer.continued, desk.case().stage) == (0, 0, Stage.OFFERED)


def test_a_mandate_expires_by_itself_once(desk: Desk) -> None:
    revoke(desk)
    until = desk.clock.now("sandun") + timedelta(days=2)
    mandate = grant(desk, valid_until=until, matters=(PARKED,))
    desk.file(triaged("r1", matter=PARKED))
    assert desk.case().mandate == mandate.mandate_id
    assert end_mandates(desk, timedelta(days=1)) == 0
    assert end_mandates(desk, timedelta(days=1)) == 1
    assert (desk.case().stage, desk.case().department, desk.case().unit) == (
        Stage.FILED,
        "traffic-police",
        None,
    )
    assert "has expired" in desk.case().reason
    assert end_mandates(desk, timedelta(days=1)) == 0
    assert types(desk).count("mandate.expired.v1") == 1
    assert [what for what, _, _ in log(desk)] == ["revoked", "granted", "expired"]


def test_a_standing_mandates_end_is_seen_to_by_whoever_reads_the_pack(database_url: Databases) -> None:
    until = MONDAY_NOON + timedelta(days=2)
    ending = tuple(
        replace(m, valid_until=until) if (m.id, m.town) == ("traffic-police", "sandun") else m
        for m in xihu().mandates
    )
    desk = Desk.open(database_url(build_dispatch), district=replace(xihu(), mandates=ending))
    desk.file(triaged("r1", matter=PARKED))
    assert desk.case().mandate == "traffic-police"
    assert end_mandates(desk, timedelta(days=2)) == 1
    assert (desk.case().stage, types(desk)[-2:]) == (Stage.FILED, ["mandate.expired.v1", "case.referred.v1"])
    desk.database.close()


def test_who_grants_and_what_is_wrong_with_a_grant(desk: Desk) -> None:
    with pytest.raises(Forbidden, match="no powers to grant"):
        grant(desk, by="sandun.dispatcher.1", tenant="sandun")
    with pytest.raises(Forbidden):
        grant(desk, by="sandun.dispatcher.1")
    with pytest.raises(Forbidden, match="its own dispatchers"):
        grant(desk, by="xihu.dispatcher.1")
    with pytest.raises(Forbidden, match="people of its own"):
        grant(desk, by="xihu.dispatcher.1", tenant="xihu", department="traffic-police")
    with pytest.raises(Invalid):
        grant(desk, by="xihu.dispatcher.1", tenant="xihu")
    by_district = grant(desk, by="xihu.district-lead.1", tenant="xihu", department="water")
    assert (by_district.department, by_district.authority) == ("water", "xihu")
    past = desk.clock.now("sandun") - timedelta(days=1)
    with pytest.raises(Invalid) as refused:
        grant(
            desk,
            kind=MandateKind.DELEGATED,
            matters=(PARKED, "s:99999"),
            cells=("nowhere",),
            valid_until=past,
        )
    assert [fault.where for fault in refused.value.faults] == ["kind", "matters", "cells", "valid_until"]
    with pytest.raises(NotFound):
        revoke(desk, id="sanitation")
    assert revoke(desk, id="sanitation", by="xihu.dispatcher.1", tenant="xihu").mandate.ended == "revoked"


def test_mandates_are_listed_page_by_page(desk: Desk) -> None:
    granted = grant(desk)
    revoke(desk)
    seen, after = [], None
    while True:
        page = desk.ask("sandun.sweep.1", ListMandates(limit=3, after=after))
        seen += [mandate.mandate_id for mandate in page.mandates]
        after = page.next
        if after is None:
            break
    assert len(seen) == len(set(seen)) == 7
    assert granted.mandate_id in seen
    assert "traffic-police" not in seen
    assert len(desk.ask("sandun.sweep.1", ListMandates(ended=True)).mandates) == 8
    given = desk.ask(POLICE, ListMandates(), tenant="traffic-police").mandates
    assert {mandate.department for mandate in given} == {"traffic-police"}
    assert len(given) == 12


def test_every_replica_knows_at_once(desk: Desk) -> None:
    other = worker_factory(Dispatch, process=desk.process, grounds=Grounds(desk.process.district))
    for number, service in enumerate((desk.service, other)):
        desk.service = service
        desk.file(triaged(f"before{number}", matter=PARKED))
    revoke(desk)
    desk.service = worker_factory(Dispatch, process=desk.process, grounds=other.grounds)
    desk.file(triaged("after", matter=PARKED))
    assert [case.unit for case in desk.cases()] == [None, None, None]


def test_whoever_ends_a_mandate_waits_for_those_who_rely_on_it(desk: Desk) -> None:
    """A case filed under the mandate in a transaction that has not committed yet is found all the same."""
    desk.file(triaged("r0", matter=PARKED))
    with ThreadPoolExecutor(1) as pool:
        with desk.database.begin() as work:
            mandate_store.versions(work.conn, ["sandun"])
            ending = pool.submit(revoke, desk)
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            while desk.rows(waiting)[0][0] == 0:
                assert not ending.done()  # the control: without the lock it would be through
            desk.service.file_cases(work, [told(triaged("r1", matter=PARKED))])
        assert ending.result().referred == 2
    assert [case.unit for case in desk.cases()] == [None, None]


def test_an_exercises_mandates_are_its_own(desk: Desk) -> None:
    revoke(desk)
    desk.file(triaged("r1", matter=PARKED), tenant="sandun~ex7")
    assert desk.case().unit == "sandun/traffic"


def test_what_a_transaction_has_read_is_remembered_once_it_has_committed(desk: Desk) -> None:
    """The timers at which the pack's mandates end were set in it, and are undone with it."""
    known = desk.service.grounds.mandated
    known.clear()
    with desk.database.begin() as work:
        desk.service.grounds_now(work, ("sandun",))
        assert "sandun" not in known  # nor would it be if this were undone now
    with desk.database.begin() as work:
        desk.service.grounds_now(work, ("sandun",))
    assert "sandun" in known
