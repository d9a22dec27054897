"""Declined, and whose it is instead: told to the reporter, in Open311, in the story and in the event."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from qipan.access import Role
from qipan.contracts.commands import DecideReport, UnmaskContact
from qipan.contracts.errors import Forbidden, Invalid
from qipan.contracts.events import Outcome, ReportTriaged
from qipan.contracts.queries import ListHeld, TellReport
from qipan.hosting.embedded import EmbeddedPostgres
from qipan.testing import Databases
from services.intake.accept_clock import acceptors_of
from tests.integration.intake_counter import Counter
from tests.integration.intake_here import SANDUN, Here, build_intake, opened, xihu

ACCEPTOR = Role.ACCEPTOR
RAILWAY = {"zh": "铁路部门", "en": "China Railway"}


@pytest.fixture(scope="module")
def counter(postgres: EmbeddedPostgres, database_templates: dict[str, str]) -> Iterator[Counter]:
    databases = Databases(postgres, database_templates)
    with opened(databases(build_intake)) as here:
        yield Counter.open(here)
    databases.drop()


def reported(here: Here, words: str) -> dict[str, str]:
    answer: dict[str, str] = here.http.post("/v1/reports", json={"text": words, **SANDUN}).json()
    return answer


def decide(counter: Counter, report_id: str, **fields: str) -> str:
    fields = {"outcome": Outcome.DECLINE, "reason": "不归我们管", **fields}
    answer = counter.ask(DecideReport(report_id=report_id, **fields), ACCEPTOR)
    return str(answer.status)


def told(counter: Counter, report_id: str) -> dict[str, object]:
    [*_, last] = [one for one in counter.here.said() if one["subject"] == report_id]
    assert last["type"] == ReportTriaged.type
    return dict(last["data"])


def test_the_towns_words_say_whose_it_is(counter: Counter) -> None:
    ours = reported(counter.here, "高铁晚点两个小时没人管")
    counter.triage()
    assert (told(counter, ours["report_id"])["outcome"], told(counter, ours["report_id"])["reason"]) == (
        "decline",
        "out-of-scope",
    )
    assert told(counter, ours["report_id"])["responsible"] == {
        "id": "china-railway",
        "kind": "body",
        "name": RAILWAY,
        "phone": "12306",
        "url": "https://www.12306.cn",
    }
    page = counter.here.http.get(f"/v1/reports/{ours['report_id']}", params={"token": ours["token"]}).json()
    assert page["responsible"]["id"] == "china-railway"
    assert "铁路部门负责：12306，https://www.12306.cn" in page["words"]["zh"]
    assert "China Railway sees to it: 12306, https://www.12306.cn" in page["words"]["en"]
    assert page["timeline"][-1]["words"] == page["words"]


def test_whoever_calls_for_help_is_not_sent_elsewhere_by_a_machine(counter: Counter) -> None:
    ours = reported(counter.here, "高铁车厢里有人受伤")
    counter.triage()
    said = [one for one in counter.here.said() if one["subject"] == ours["report_id"]]
    judged, waits = said[-2:]
    assert (judged["data"]["outcome"], judged["data"]["reason"]) == ("hold", "urgent-out-of-scope")
    assert (waits["type"], waits["data"]["urgent"]) == ("report.waiting.v1", True)
    held = {one.report_id: one for one in counter.ask(ListHeld(), ACCEPTOR).reports}
    assert held[ours["report_id"]].waits_for in acceptors_of(counter.service.district, "sandun")


def test_the_districts_people_decide_where_a_town_has_nobody_and_only_there(counter: Counter) -> None:
    """Those for whom a report waits are those who may decide about it, through the service's own handler."""
    theirs = {"of": "xihu", "sub": "xihu.dispatcher.1"}
    ours = reported(counter.here, "嗯嗯嗯")
    counter.triage()
    decision = DecideReport(report_id=ours["report_id"], outcome=Outcome.DECLINE, reason="不归我们管")
    for asked in (decision, ListHeld(), UnmaskContact(report_id=ours["report_id"], purpose="回访")):
        with pytest.raises(Forbidden, match="people of its own"):
            counter.ask(asked, Role.DISPATCHER, **theirs)
    deciders = {"acceptor", "shift-leader"}
    people = tuple(one for one in xihu().people if one.tenant != "sandun" or deciders.isdisjoint(one.roles))
    alone = Counter.open(counter.here, district=replace(xihu(), people=people))
    held = {one.report_id: one for one in alone.ask(ListHeld(), Role.DISPATCHER, **theirs).reports}
    assert held[ours["report_id"]].waits_for in acceptors_of(alone.service.district, "sandun")
    with pytest.raises(Forbidden):  # not the town's own dispatchers, who are another centre
        alone.ask(decision, Role.DISPATCHER)
    assert alone.ask(decision, Role.DISPATCHER, **theirs).status == "declined"


def test_a_matter_of_the_towns_is_not_sent_away_for_one_such_word(counter: Counter) -> None:
    ours = reported(counter.here, "地铁站出口暴露垃圾成堆")
    counter.triage()
    said = told(counter, ours["report_id"])
    assert said["outcome"] == "file"
    assert "responsible" not in said


@pytest.mark.parametrize(
    ("owner", "kind", "name"),
    [
        ("hangzhou-metro", "body", "杭州地铁"),
        ("traffic-police", "department", "交警大队"),
        ("liuxia", "town", "留下街道"),
        ("xihu", "district", "西湖区"),
    ],
)
def test_an_acceptor_says_whose_it_is(counter: Counter, owner: str, kind: str, name: str) -> None:
    ours = reported(counter.here, "嗯嗯嗯")
    counter.triage()
    assert decide(counter, ours["report_id"], responsible=owner) == "declined"
    said = told(counter, ours["report_id"])["responsible"]
    assert isinstance(said, dict)
    assert (said["id"], said["kind"], said["name"]["zh"]) == (owner, kind, name)
    story = counter.ask(TellReport(subject=ours["report_id"]), Role.SUPERVISOR)
    assert story.happenings[-1].detail["responsible"] == owner


def test_nobody_is_sent_to_whom_nobody_knows_or_with_what_is_filed(counter: Counter) -> None:
    ours = reported(counter.here, "嗯嗯嗯")
    counter.triage()
    with pytest.raises(Invalid) as unknown:
        decide(counter, ours["report_id"], responsible="atlantis")
    [fault] = unknown.value.faults
    assert fault.where == "responsible"
    assert "hangzhou-metro" in str(fault.allowed)
    with pytest.raises(Invalid):
        decide(counter, ours["report_id"], outcome=Outcome.FILE, matter="s:06010", responsible="xihu")
    assert decide(counter, ours["report_id"]) == "declined"
