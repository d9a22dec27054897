"""A worker without signal: what was done is brought in once, in order, or kept for a person."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from qipan.contracts.case import CaseState, Stage, SupportState
from qipan.contracts.commands import AcceptTask, DispatchCase, ReturnTask
from qipan.contracts.errors import Conflict, Forbidden, KeyReused
from qipan.contracts.joint import ExcuseSupport, OpenSupport
from qipan.contracts.offline import (
    ConflictKept,
    DecideConflict,
    ListConflicts,
    Outcome,
    ReplayCommand,
    Replayed,
)
from qipan.contracts.queries import TellCase
from qipan.testing import Databases
from tests.integration.dispatch_desk import Desk, build_dispatch, triaged

DISPATCHER = "sandun.dispatcher.1"


@pytest.fixture
def desk(database_url: Databases) -> Iterator[Desk]:
    desk = Desk.open(database_url(build_dispatch))
    yield desk
    desk.database.close()


class Device:
    """A worker's device: it numbers what it is told."""

    def __init__(self, desk: Desk, worker: str) -> None:
        self.desk, self.worker, self.sequence = desk, worker, 0

    def told(self, does: str, case: CaseState, *, version: int | None = None, **body: Any) -> ReplayCommand:
        self.sequence += 1
        return ReplayCommand(
            client="phone-1",
            sequence=self.sequence,
            at=datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=self.sequence),
            sent_at=datetime.now(UTC) + timedelta(minutes=3),
            does=does,
            case_id=case.case_id,
            expected_version=version,
            body=body,
        )

    def brings(self, *commands: ReplayCommand) -> list[Replayed]:
        return [self.desk.ask(self.worker, command) for command in commands]


def offered(desk: Desk) -> tuple[CaseState, Device]:
    desk.file(triaged("r1"))
    case = desk.case()
    return case, Device(desk, case.worker or "")


def outcomes(answers: list[Replayed]) -> list[str]:
    return [answer.outcome for answer in answers]


def test_what_was_done_without_signal_is_applied_once_however_often_it_is_sent(desk: Desk) -> None:
    case, device = offered(desk)
    batch = [
        device.told("task.accept.v1", case, version=1),
        device.told("task.dispose.v1", case, version=1, evidence=["photo://1"], note="已清理"),
    ]
    first = device.brings(*batch)
    assert outcomes(first) == ["applied", "applied"]
    assert (desk.case().stage, desk.case().version) == (Stage.DISPOSED, 3)
    said = len(desk.said())
    again = device.brings(*batch)
    assert outcomes(again) == ["applied", "applied"]
    assert [answer.repeated for answer in first + again] == [False, False, True, True]
    assert (desk.case().version, len(desk.said())) == (3, said)


def test_the_devices_time_is_kept_beside_ours_and_moves_no_clock(desk: Desk) -> None:
    case, device = offered(desk)
    [answer] = device.brings(device.told("task.accept.v1", case))
    assert 170 < answer.skew < 190
    told = desk.ask("sandun.supervisor.1", TellCase(subject=case.case_id)).happenings[-1]
    assert told.detail["client_at"] == "2020-01-01T00:01:00+00:00"
    assert told.detail["client_skew"] == "+180 s"
    assert told.at == desk.clock.now("sandun") == desk.case().stage_times[Stage.ACCEPTED]


def test_a_clock_that_ran_out_meanwhile_is_no_conflict(desk: Desk) -> None:
    case, device = offered(desk)
    desk.let_pass(timedelta(days=3))
    assert desk.case().version == 2
    assert outcomes(device.brings(device.told("task.accept.v1", case, version=1))) == ["applied"]


def test_a_case_given_to_somebody_else_is_a_conflict_and_holds_back_what_follows(desk: Desk) -> None:
    case, device = offered(desk)
    desk.ask(case.worker or "", AcceptTask(case_id=case.case_id))
    desk.ask(case.worker or "", ReturnTask(case_id=case.case_id, reason="人手不足"))
    desk.ask(DISPATCHER, DispatchCase(case_id=case.case_id, unit="sandun/order"))
    desk.file(triaged("r2"))
    said = len(desk.said())
    other = next(c for c in desk.cases() if c.report_id == "r2")
    answers = device.brings(
        device.told("task.dispose.v1", case, version=2, evidence=["photo://1"]),
        device.told("task.return.v1", case, version=2, reason="?"),
    )
    assert outcomes(answers) == ["conflict", "held"]
    assert answers[0].case is None  # it is another unit's now: not for this worker to see
    assert answers[0].problem is not None
    [(tenant, kept_told)] = desk.said()[said:]
    event = ConflictKept(**kept_told["data"])
    assert (tenant, kept_told["type"], event.case.case_id) == ("sandun", ConflictKept.type, case.case_id)
    assert (event.to.desks, event.worker, event.does) == (("sandun",), device.worker, "task.dispose.v1")
    assert desk.rows("SELECT * FROM dispatch.timers WHERE ref = 'x'") == []
    if other.worker == device.worker:
        assert outcomes(device.brings(device.told("task.accept.v1", other))) == ["applied"]
    [kept] = desk.ask(DISPATCHER, ListConflicts()).conflicts
    assert (kept.worker, kept.does, kept.held) == (device.worker, "task.dispose.v1", 1)
    assert kept.conflict_id == event.conflict_id
    assert kept.body == {"evidence": ["photo://1"]}
    assert kept.case is not None
    assert kept.case.unit == "sandun/order"


def test_a_conflict_is_answered_with_the_present_state(desk: Desk) -> None:
    case, device = offered(desk)
    desk.ask(case.worker or "", AcceptTask(case_id=case.case_id))
    desk.ask(case.worker or "", ReturnTask(case_id=case.case_id, reason="人手不足"))
    desk.ask(DISPATCHER, DispatchCase(case_id=case.case_id, unit="sandun/sweep", worker=case.worker))
    [answer] = device.brings(device.told("task.accept.v1", case, version=1))
    assert answer.outcome is Outcome.CONFLICT
    assert answer.case == desk.case()
    assert answer.problem is not None
    assert "version" in answer.problem.detail


def disputed(desk: Desk) -> tuple[CaseState, Device, list[ReplayCommand], str]:
    """A worker who accepted and disposed of a case that was given to another unit meanwhile."""
    case, device = offered(desk)
    desk.ask(case.worker or "", ReturnTask(case_id=case.case_id, reason="人手不足"))
    desk.ask(DISPATCHER, DispatchCase(case_id=case.case_id, unit="sandun/order"))
    batch = [
        device.told("task.accept.v1", case),
        device.told("task.dispose.v1", case, evidence=["photo://1"], note="已清理"),
    ]
    assert outcomes(device.brings(*batch)) == ["conflict", "held"]
    [kept] = desk.ask(DISPATCHER, ListConflicts()).conflicts
    return case, device, batch, kept.conflict_id


def test_a_dispatcher_applies_what_was_done_with_all_that_waits_behind_it(desk: Desk) -> None:
    case, device, batch, conflict_id = disputed(desk)
    apply = DecideConflict(conflict_id=conflict_id, decision="apply", note="现场已处置")
    with pytest.raises(Forbidden):  # the case is still another unit's
        desk.ask(DISPATCHER, apply)
    desk.ask("sandun.order.1", ReturnTask(case_id=case.case_id, reason="已由保洁处置"))
    desk.ask(DISPATCHER, DispatchCase(case_id=case.case_id, unit="sandun/sweep", worker=device.worker))
    assert desk.ask(DISPATCHER, apply).done
    after = desk.case()
    assert (after.stage, after.worker, after.evidence) == (Stage.DISPOSED, device.worker, ("photo://1",))
    assert desk.ask(DISPATCHER, ListConflicts()).conflicts == ()
    assert outcomes(device.brings(*batch)) == ["applied", "applied"]
    told = desk.ask("sandun.supervisor.1", TellCase(subject=case.case_id)).happenings
    assert [(h.who, h.detail.get("decided_by")) for h in told[-2:]] == [(device.worker, DISPATCHER)] * 2
    with pytest.raises(Conflict):
        desk.ask(DISPATCHER, apply)


def test_a_dispatcher_discards_a_conflict_with_all_that_waits_behind_it(desk: Desk) -> None:
    _, device, batch, conflict_id = disputed(desk)
    before = desk.case()
    discard = DecideConflict(conflict_id=conflict_id, decision="discard", note="已改派")
    for nobody in (device.worker, "sandun.supervisor.1", "beishan.dispatcher.1"):
        with pytest.raises(Forbidden):
            desk.ask(nobody, discard)
    desk.ask(DISPATCHER, discard)
    assert desk.case() == before
    assert desk.ask(DISPATCHER, ListConflicts()).conflicts == ()
    assert outcomes(device.brings(*batch)) == ["discarded", "discarded"]
    rows = desk.rows("SELECT decided_by, note FROM dispatch.replays")
    assert {(row.decided_by, row.note) for row in rows} == {(DISPATCHER, "已改派")}


def test_what_would_have_been_refused_at_the_time_is_refused_and_not_kept(desk: Desk) -> None:
    case, device = offered(desk)
    answers = device.brings(
        device.told("task.accept.v1", case, version=1),
        device.told("task.dispose.v1", case, version=1, evidence=[]),
        device.told("case.close.v1", case, version=1),
        device.told("case.inspect.v1", case, version=1, passed=True),
    )
    assert outcomes(answers) == ["applied", "refused", "refused", "refused"]
    assert desk.case().stage is Stage.ACCEPTED
    assert desk.ask(DISPATCHER, ListConflicts()).conflicts == ()


def test_a_number_means_one_thing_within_its_person_and_device(desk: Desk) -> None:
    case, device = offered(desk)
    command = device.told("task.accept.v1", case)
    device.brings(command)
    with pytest.raises(KeyReused):
        device.brings(command.model_copy(update={"does": "task.return.v1", "body": {"reason": "x"}}))
    later = command.model_copy(update={"sent_at": command.sent_at + timedelta(hours=1)})
    assert device.brings(later)[0].repeated
    others = command.model_copy(update={"client": "phone-2"})
    assert outcomes(device.brings(others)) == ["conflict"]  # accepted already, and not by this device


def test_only_who_may_see_conflicts_does(desk: Desk) -> None:
    _, device, *_ = disputed(desk)
    with pytest.raises(Forbidden):
        desk.ask(device.worker, ListConflicts())
    assert desk.ask("beishan.dispatcher.1", ListConflicts(), tenant="beishan").conflicts == ()
    assert desk.ask("traffic-police.dispatcher.1", ListConflicts()).conflicts == ()
    assert len(desk.ask("sandun.town-lead.1", ListConflicts(limit=1)).conflicts) == 1


def test_who_supports_brings_in_the_whole_of_the_part_whatever_the_lead_did_meanwhile(desk: Desk) -> None:
    case, _ = offered(desk)
    ask = OpenSupport(case_id=case.case_id, unit="sandun/order", worker="sandun.order.1", reason="联合整治")
    case = desk.ask(DISPATCHER, ask).case
    [support], version = case.supports, case.version
    desk.ask(case.worker or "", AcceptTask(case_id=case.case_id))  # moves the case, not the part
    device = Device(desk, "sandun.order.1")
    batch = [
        device.told(does, case, version=version, task_id=support.task_id, **body)
        for does, body in (
            ("support.accept.v1", {}),
            ("task.depart.v1", {}),
            ("task.arrive.v1", {}),
            ("support.finish.v1", {"evidence": ["photo://1"]}),
        )
    ]
    answers = device.brings(*batch)
    assert outcomes(answers) == ["applied"] * 4
    assert answers[2].case is not None  # a party to the case sees it
    assert answers[2].case.supports[0].leg is not None
    assert desk.case().supports[0].state is SupportState.DONE
    assert outcomes(device.brings(*batch)) == ["applied"] * 4
    told = desk.ask("sandun.supervisor.1", TellCase(subject=case.case_id)).happenings
    went = [h for h in told if h.who == device.worker]
    assert [h.what for h in went] == ["accept-support", "depart-support", "arrive-support", "finish-support"]
    assert all("client_at" in h.detail for h in went)


def test_a_part_that_was_excused_meanwhile_is_a_conflict(desk: Desk) -> None:
    case, _ = offered(desk)
    ask = OpenSupport(case_id=case.case_id, unit="sandun/order", worker="sandun.order.1", reason="联合整治")
    case = desk.ask(DISPATCHER, ask).case
    [support] = case.supports
    desk.ask(DISPATCHER, ExcuseSupport(case_id=case.case_id, task_id=support.task_id, reason="不需要"))
    device = Device(desk, "sandun.order.1")
    answers = device.brings(
        device.told("support.accept.v1", case, version=case.version, task_id=support.task_id),
        device.told("task.arrive.v1", case, version=case.version, task_id=support.task_id),
    )
    assert outcomes(answers) == ["conflict", "held"]
    [kept] = desk.ask(DISPATCHER, ListConflicts()).conflicts
    assert (kept.worker, kept.does, kept.held) == (device.worker, "support.accept.v1", 1)
