"""核实: what the pack marks is looked at by the cell's grid worker before it is filed; nothing vanishes meanwhile."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from qipan.access import Role
from qipan.contracts.checked import Finding
from qipan.contracts.commands import DecideReport
from qipan.contracts.errors import Forbidden, IllegalTransition, Invalid, NotFound, UnknownMatter
from qipan.contracts.events import Outcome, ReportTriaged
from qipan.contracts.queries import ListHeld, TellReport
from qipan.contracts.verifications import AnswerVerification, ListVerifications, VerificationAsked
from qipan.hosting.embedded import EmbeddedPostgres
from qipan.storage.timers import take_due
from qipan.tenancy import District
from qipan.testing import Databases
from qipan.worktime import Limit
from services.analytics.facts import ReportFacts
from services.intake.awaiting import ACCEPT_DUE
from services.intake.verification import LIMIT
from services.intake.verifying import VERIFY_DUE
from tests.integration.intake_counter import Counter
from tests.integration.intake_here import SANDUN, build_intake, opened, xihu

RUBBISH, LAMP = "s:06010", "s:01037"


def marked() -> District:
    """Xihu, with the street lamp to be verified, and whatever comes in with a high risk."""
    district = xihu()
    parts = district.parts["sandun"]
    matters = {**parts.matters, LAMP: replace(parts.matters[LAMP], verify=True)}
    settings = {**parts.settings, "triage.verify-levels": ["high"]}
    return replace(
        district,
        parts={**district.parts, "sandun": replace(parts, matters=matters, settings=settings)},
    )


@pytest.fixture(scope="module")
def counter(postgres: EmbeddedPostgres, database_templates: dict[str, str]) -> Iterator[Counter]:
    databases = Databases(postgres, database_templates)
    district = marked()
    with opened(databases(build_intake), district=district) as here:
        yield Counter.open(here, district=district)
    databases.drop()


def cell_here() -> str:
    location = xihu().territory.locate(SANDUN["lon"], SANDUN["lat"])
    assert location is not None
    return location.cells["duty"]


places = count(1)


def reported(counter: Counter, words: str = "路灯不亮", **fields: Any) -> dict[str, Any]:
    """A report that is no duplicate of another."""
    body = {"text": f"{words} {next(places)}", **SANDUN, **fields}
    answer = counter.here.http.post("/v1/reports", json=body)
    counter.triage()
    counter.here.clock.advance(timedelta(hours=3))
    told: dict[str, Any] = answer.json()
    return told


def told(counter: Counter, report_id: str) -> ReportTriaged:
    return ReportTriaged(**said(counter, report_id, ReportTriaged.type)[-1])


def said(counter: Counter, report_id: str, type: str) -> list[dict[str, Any]]:
    """What was told of a report by events of this type, oldest first."""
    return [one["data"] for one in counter.here.said() if (one["subject"], one["type"]) == (report_id, type)]


def answer(counter: Counter, report_id: str, finding: str, **fields: Any) -> str:
    cells = fields.pop("cells", frozenset({cell_here()}))
    command = AnswerVerification(report_id=report_id, finding=Finding(finding), **fields)
    return str(counter.ask(command, Role.GRID_WORKER, cells=cells).status)


def waiting(counter: Counter, *roles: Role, **traits: Any) -> list[str]:
    page = counter.ask(ListVerifications(), *(roles or (Role.SUPERVISOR,)), **traits)
    return [one.report_id for one in page.verifications]


def pass_time(counter: Counter, by: timedelta) -> None:
    counter.here.clock.advance(by)
    with counter.here.database.begin() as work:
        due = take_due(work.conn, "intake", VERIFY_DUE, counter.here.clock.now("sandun"))
        counter.service.verification_due(work, due)


def test_what_the_pack_marks_waits_for_the_cells_grid_worker(counter: Counter) -> None:
    ours = reported(counter)
    judged = told(counter, ours["report_id"])
    assert (judged.outcome, judged.reason) == (Outcome.VERIFY, "to-verify")
    assert judged.verification is not None
    assert judged.verification.due_at == marked().deadline("sandun", judged.triaged_at, Limit.parse(LIMIT))
    [asked] = [VerificationAsked(**one) for one in said(counter, ours["report_id"], VerificationAsked.type)]
    assert (asked.cell, asked.matter, asked.due_at) == (cell_here(), LAMP, judged.verification.due_at)
    assert asked.place == judged.place
    page = counter.here.http.get(f"/v1/reports/{ours['report_id']}", params={"token": ours["token"]}).json()
    assert (page["status"], page["words"]["zh"]) == ("verifying", "网格员将到现场核实")
    assert ours["report_id"] in waiting(counter, Role.GRID_WORKER, cells=frozenset({cell_here()}))
    assert waiting(counter, Role.GRID_WORKER, cells=frozenset({"elsewhere"})) == []
    with pytest.raises(Forbidden):
        answer(counter, ours["report_id"], "confirmed", cells=frozenset({"elsewhere"}))
    with pytest.raises(Forbidden):
        counter.ask(AnswerVerification(report_id=ours["report_id"], finding=Finding.CONFIRMED), Role.ACCEPTOR)
    assert answer(counter, ours["report_id"], "confirmed", evidence=("photo://1",)) == "filed"
    judged = told(counter, ours["report_id"])
    assert (judged.outcome, judged.matter) == (Outcome.FILE, LAMP)
    assert ReportFacts.of("sandun", judged).verified_on_time == 1
    with pytest.raises(IllegalTransition):
        answer(counter, ours["report_id"], "confirmed")
    assert ours["report_id"] not in waiting(counter)
    story = counter.ask(TellReport(subject=ours["report_id"]), Role.SUPERVISOR).happenings
    assert [one.what for one in story] == ["received", "triaged", "triaged", "verification asked", "verified"]
    assert story[-1].detail == {"finding": "confirmed", "evidence": "photo://1"}


def test_a_grid_workers_own_report_and_other_matters_are_filed_at_once(counter: Counter) -> None:
    worker = counter.here.token("sandun.grid-worker.1", "sandun", Role.GRID_WORKER)
    seen = counter.here.http.post("/v1/reports", json={"text": "路灯不亮", **SANDUN}, headers=worker).json()
    other = reported(counter, "暴露垃圾成堆")
    assert told(counter, seen["report_id"]).outcome is Outcome.FILE
    assert told(counter, other["report_id"]).outcome is Outcome.FILE


def test_what_is_not_there_is_declined_with_a_note(counter: Counter) -> None:
    ours = reported(counter)
    with pytest.raises(Invalid):
        answer(counter, ours["report_id"], "not-found")
    assert answer(counter, ours["report_id"], "not-found", note="灯是亮的") == "declined"
    assert told(counter, ours["report_id"]).reason == "not-found: 灯是亮的"


def test_another_matter_is_filed_as_that_or_goes_to_the_acceptor(counter: Counter) -> None:
    known, unknown = reported(counter), reported(counter)
    with pytest.raises(UnknownMatter):
        answer(counter, known["report_id"], "different", matter="s:99999")
    assert answer(counter, known["report_id"], "different", matter=RUBBISH) == "filed"
    assert told(counter, known["report_id"]).matter == RUBBISH
    with pytest.raises(Invalid):
        answer(counter, unknown["report_id"], "different")
    assert answer(counter, unknown["report_id"], "different", note="是广告灯箱") == "held"
    held = {one.report_id: one for one in counter.ask(ListHeld(), Role.ACCEPTOR).reports}
    assert held[unknown["report_id"]].reason == "another-matter: 是广告灯箱"
    with pytest.raises(NotFound):
        answer(counter, "nobody", "confirmed")


def test_when_the_time_runs_out_the_acceptor_has_it_with_the_reason(counter: Counter) -> None:
    ours, answered = reported(counter), reported(counter)
    answer(counter, answered["report_id"], "confirmed")
    pass_time(counter, timedelta(days=10))
    assert ours["report_id"] not in waiting(counter)
    held = {one.report_id: one for one in counter.ask(ListHeld(), Role.ACCEPTOR).reports}
    assert held[ours["report_id"]].reason == "verification-overdue"
    assert told(counter, answered["report_id"]).outcome is Outcome.FILE
    decision = DecideReport(report_id=ours["report_id"], outcome=Outcome.FILE)
    assert counter.ask(decision, Role.ACCEPTOR).status == "filed"
    said = told(counter, ours["report_id"])
    assert (said.outcome, said.matter) == (Outcome.FILE, LAMP)
    assert ReportFacts.of("sandun", said).verified_on_time == 0


def test_an_acceptor_may_ask_too(counter: Counter) -> None:
    ours = reported(counter, "嗯嗯嗯")
    assert told(counter, ours["report_id"]).outcome is Outcome.HOLD
    decision = DecideReport(report_id=ours["report_id"], outcome=Outcome.VERIFY, reason="请看看是什么")
    assert counter.ask(decision, Role.ACCEPTOR).status == "verifying"
    [asked] = [
        one
        for one in counter.ask(ListVerifications(), Role.SUPERVISOR).verifications
        if one.report_id == ours["report_id"]
    ]
    assert (asked.asked_by, asked.reason, asked.matter) == ("sandun.acceptor.1", "请看看是什么", None)
    [event] = [VerificationAsked(**one) for one in said(counter, ours["report_id"], VerificationAsked.type)]
    assert (event.cell, event.asked_by, event.matter) == (cell_here(), "sandun.acceptor.1", None)
    with pytest.raises(Invalid):
        answer(counter, ours["report_id"], "confirmed")
    assert answer(counter, ours["report_id"], "confirmed", matter=RUBBISH) == "filed"


def test_where_nobody_walks_the_acceptor_has_it_with_the_reason(counter: Counter) -> None:
    district = marked()
    nobody = replace(district, people=tuple(one for one in district.people if "grid-worker" not in one.roles))
    empty = Counter.open(counter.here, district=nobody)
    ours = reported(empty)
    said = told(empty, ours["report_id"])
    assert (said.outcome, said.reason) == (Outcome.HOLD, "no-grid-worker")
    decision = DecideReport(report_id=ours["report_id"], outcome=Outcome.VERIFY)
    with pytest.raises(Invalid) as caught:
        empty.ask(decision, Role.ACCEPTOR)
    assert "no grid worker answers for the cell" in caught.value.faults[0].what
    # The acceptors have a clock; nobody is asked to look, and it is never filed by itself.
    kinds = [row.kind for row in counter.here.rows("timers") if row.ref == ours["report_id"]]
    assert kinds == [ACCEPT_DUE]


def test_the_list_goes_on_where_it_ended(counter: Counter) -> None:
    while len(everything := waiting(counter)) < 5:
        reported(counter)
    pages: list[str] = []
    after = None
    while True:
        page = counter.ask(ListVerifications(limit=2, after=after), Role.SUPERVISOR)
        pages += [one.report_id for one in page.verifications]
        after = page.next
        if after is None:
            break
    assert pages == everything
