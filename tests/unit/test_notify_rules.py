"""Who hears what, in which words."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from case_samples import EVENT_OF, MORNING, case, lives
from hypothesis import given

from qipan.access import Role
from qipan.contracts import events
from qipan.contracts.addressed import Addressed
from qipan.contracts.case import (
    CaseState,
    ClockState,
    Handover,
    Place,
    Stage,
    Support,
    SupportState,
    TimeAsked,
    Waiting,
)
from qipan.contracts.comments import CaseCommented
from qipan.contracts.events import CASE_EVENTS
from qipan.contracts.modes import Mode, ModeState, ModeSwitched
from qipan.contracts.offline import ConflictKept
from qipan.contracts.subscriptions import FIELD_EVENTS, NOTICE_EVENTS
from qipan.contracts.verifications import VerificationAsked
from qipan.contracts.waiting import ReportWaiting
from qipan.contracts.whistle import WhistleBlown, WhistleOverdue
from qipan.tenancy import District, PackError, Person, Words, load_district
from services.notify import rules as rules_of
from services.notify.channel import NotAccepted, Outgoing
from services.notify.deliveries import BACKOFF, key_of, wait_after
from services.notify.desk import BESIDE, Desk
from services.notify.directory import Directory
from services.notify.notes import Occurrence
from services.notify.notices import Notice, notice_of
from services.notify.outlets import Outlet, Outlets
from services.notify.rulebook import core_rules
from services.notify.rules import Channel
from services.notify.templates import LANGUAGES, Templates
from services.notify.words import STAGES, UNKNOWN, VARIABLES, words_about

RULES = [rule for rules in core_rules().values() for rule in rules]
who_hears = partial(rules_of.who_hears, rules=core_rules())
CELL = "330106109001001"
PEOPLE = (
    Person("sandun.sweep.1", "一号", "sandun", ("handler",), unit="sandun/sweep", email="1@sweep.example"),
    Person("sandun.sweep.2", "Two", "sandun", ("handler",), unit="sandun/sweep", language="en"),
    Person("sandun.grid-worker.1", "网格员", "sandun", ("grid-worker",), cells=(CELL,)),
    Person("sandun.grid-worker.2", "网格员", "sandun", ("grid-worker",), cells=("elsewhere",)),
    Person("sandun.dispatcher.1", "派遣员", "sandun", ("dispatcher",)),
    Person("sandun.shift-leader.1", "值班长", "sandun", ("shift-leader",)),
    Person("sandun.supervisor.1", "督查员", "sandun", ("supervisor",)),
    Person("sandun.town-lead.1", "领导", "sandun", ("town-lead",)),
    Person("xihu.dispatcher.1", "裁决员", "xihu", ("dispatcher",)),
    Person("wenxin.dispatcher.1", "派遣员", "wenxin", ("dispatcher",)),
    Person("traffic-police.dispatcher.1", "派遣员", "traffic-police", ("dispatcher",)),
)
DIRECTORY = Directory(
    PEOPLE, {"sandun/sweep": Words("环卫队", "Sweepers")}, lambda tenant: ("xihu", "dispatcher"), "xihu"
)
ASKED = TimeAsked(
    kind="extension", level="town", by="sandun.sweep.1", at=MORNING, reason="等配件", until=MORNING
)
AWAITED = ASKED.model_copy(update={"awaits": "traffic-police"})
THROUGH_POLICE = Support(
    task_id="c-1.s1",
    unit="sandun/traffic",
    department="traffic-police",
    state=SupportState.ASKED,
    asked_at=MORNING,
    changed_at=MORNING,
    through_department=True,
)
DISPUTED = {"stage": Stage.RETURNED, "own_stage": "arbitration", "worker": None}


@pytest.fixture(scope="module")
def district() -> District:
    return load_district(Path("districts/xihu"))


def hear(event: type[events.CaseEvent], state: CaseState) -> dict[str, tuple[str, tuple[Channel, ...]]]:
    return {r.person: (r.template, r.channels) for r in who_hears(event.type, state, DIRECTORY)}


APP, BOTH = (Channel.IN_APP,), (Channel.IN_APP, Channel.MAIL)


@pytest.mark.parametrize(
    ("event", "changes", "expected"),
    [
        (events.CaseFiled, {}, {"sandun.sweep.1": ("task.offered", BOTH)}),
        (events.CaseReturnRefused, {}, {"sandun.sweep.1": ("return.refused", BOTH)}),
        (events.CaseDisputed, DISPUTED, {"xihu.dispatcher.1": ("return.disputed", APP)}),
        (events.CaseOverdue, DISPUTED, {"xihu.dispatcher.1": ("case.overdue", APP)}),
        (
            events.CaseReturnAllowed,
            {"stage": Stage.RETURNED, "worker": None},
            {"sandun.dispatcher.1": ("return.allowed", APP)},
        ),
        (events.CaseReturnDenied, {}, {"sandun.sweep.1": ("return.denied", BOTH)}),
        (
            events.CaseFiled,
            {"stage": Stage.FILED, "department": None, "unit": None, "worker": None},
            {"sandun.dispatcher.1": ("case.unassigned", APP)},
        ),
        (
            events.CaseFiled,
            {"stage": Stage.FILED, "department": "traffic-police", "unit": None, "worker": None},
            {"traffic-police.dispatcher.1": ("case.referred", APP)},
        ),
        (
            events.CaseReferred,
            {"stage": Stage.FILED, "department": "sanitation", "unit": None, "worker": None},
            {"xihu.dispatcher.1": ("case.referred", APP)},
        ),
        (
            events.CaseContinued,
            {"stage": Stage.ACCEPTED, "department": "traffic-police"},
            {"traffic-police.dispatcher.1": ("case.continued", APP)},
        ),
        (
            events.CaseOverdue,
            {"stage": Stage.FILED, "department": "traffic-police", "unit": None, "worker": None},
            {
                "sandun.dispatcher.1": ("case.overdue", APP),
                "traffic-police.dispatcher.1": ("case.overdue", APP),
            },
        ),
        (
            events.CaseDispatched,
            {"worker": None},
            {"sandun.sweep.1": ("task.offered", BOTH), "sandun.sweep.2": ("task.offered", BOTH)},
        ),
        (events.CaseAccepted, {"stage": Stage.ACCEPTED}, {}),
        (
            events.CaseReturned,
            {"stage": Stage.RETURNED, "worker": None},
            {"sandun.dispatcher.1": ("task.returned", APP)},
        ),
        (events.CaseDisposed, {"stage": Stage.DISPOSED}, {"sandun.grid-worker.1": ("case.disposed", APP)}),
        (events.CaseDisposed, {"stage": Stage.DISPOSED, "worker": "sandun.grid-worker.1"}, {}),
        (events.CaseInspected, {"stage": Stage.INSPECTED}, {}),
        (events.CaseReworked, {"stage": Stage.REWORK}, {"sandun.sweep.1": ("task.rework", BOTH)}),
        (events.CaseClosed, {"stage": Stage.CLOSED}, {}),
        (events.CaseVoided, {"stage": Stage.VOIDED}, {"sandun.sweep.1": ("case.voided", APP)}),
        (
            events.CaseOverdue,
            {"stage": Stage.ACCEPTED},
            {"sandun.sweep.1": ("case.overdue", BOTH), "sandun.dispatcher.1": ("case.overdue", APP)},
        ),
        (
            events.CaseEscalated,
            {"stage": Stage.ACCEPTED, "clock": ClockState(escalated=2)},
            {"sandun.town-lead.1": ("case.escalated", APP)},
        ),
        (
            events.CaseEscalated,
            {"stage": Stage.ACCEPTED, "clock": ClockState(escalated=3)},
            {"xihu.dispatcher.1": ("case.escalated", APP)},
        ),
        (
            events.CaseTimeAsked,
            {"stage": Stage.ACCEPTED, "clock": ClockState(asked=ASKED)},
            {"sandun.dispatcher.1": ("case.time-asked", APP)},
        ),
        (
            events.CaseTimeAsked,
            {
                "stage": Stage.ACCEPTED,
                "clock": ClockState(asked=ASKED.model_copy(update={"level": "district"})),
            },
            {"xihu.dispatcher.1": ("case.time-asked", APP)},
        ),
        (
            events.CaseTimeAsked,
            {"stage": Stage.ACCEPTED, "department": "traffic-police", "clock": ClockState(asked=AWAITED)},
            {"traffic-police.dispatcher.1": ("case.time-to-endorse", APP)},
        ),
        (
            events.CaseTimeEndorsed,
            {"stage": Stage.ACCEPTED, "department": "traffic-police", "clock": ClockState(asked=ASKED)},
            {"sandun.dispatcher.1": ("case.time-asked", APP)},
        ),
        (
            events.CaseTimeUnendorsed,
            {"stage": Stage.ACCEPTED},
            {"sandun.sweep.1": ("case.time-unendorsed", APP)},
        ),
        (events.CaseResumed, {"stage": Stage.ACCEPTED}, {"sandun.sweep.1": ("case.resumed", BOTH)}),
        (events.CaseOverdue, {"stage": Stage.RETURNED}, {"sandun.dispatcher.1": ("case.overdue", APP)}),
        (events.CaseOverdue, {"stage": Stage.DISPOSED}, {"sandun.grid-worker.1": ("case.overdue", APP)}),
        (events.CaseOverdue, {"stage": Stage.INSPECTED}, {"sandun.shift-leader.1": ("case.overdue", APP)}),
        (
            events.CaseRated,
            {"stage": Stage.CLOSED, "rating": 2},
            {"sandun.supervisor.1": ("case.rated-low", APP)},
        ),
        (events.CaseRated, {"stage": Stage.CLOSED, "rating": 3}, {}),
        (
            events.CaseSupervised,
            {"stage": Stage.ACCEPTED},
            {
                "sandun.sweep.1": ("case.supervised", BOTH),
                "sandun.dispatcher.1": ("case.supervised", APP),
                "sandun.shift-leader.1": ("case.supervised", APP),
            },
        ),
        (
            events.CaseSupervisionAnswered,
            {"supervision": {"by": "sandun.supervisor.1"}},
            {"sandun.supervisor.1": ("case.supervision-answered", APP)},
        ),
        (
            events.CaseSupervisionOverdue,
            {"supervision": {"by": "sandun.supervisor.1"}},
            {
                "sandun.supervisor.1": ("case.supervision-overdue", APP),
                "sandun.town-lead.1": ("case.supervision-overdue", APP),
                "sandun.sweep.1": ("case.supervision-overdue", BOTH),
            },
        ),
        (
            events.CaseExpedited,
            {"stage": Stage.ACCEPTED},
            {"sandun.sweep.1": ("case.expedited", BOTH), "sandun.sweep.2": ("case.expedited", APP)},
        ),
        (
            events.CaseExpedited,
            {"stage": Stage.FILED, "unit": None, "worker": None},
            {"sandun.dispatcher.1": ("case.expedited", APP)},
        ),
        (events.CaseRemarked, {}, {"sandun.shift-leader.1": ("case.remarked", APP)}),
        (  # a unit that may not be commanded is asked through its department
            events.CaseSupportAsked,
            {"supports": (THROUGH_POLICE,)},
            {"traffic-police.dispatcher.1": ("support.asked", BOTH)},
        ),
        (  # whoever was asked has left
            events.CaseFiled,
            {"worker": "somebody.unknown"},
            {"sandun.sweep.1": ("task.offered", BOTH), "sandun.sweep.2": ("task.offered", BOTH)},
        ),
    ],
)
def test_who_hears_what(
    event: type[events.CaseEvent],
    changes: dict[str, object],
    expected: dict[str, tuple[str, tuple[Channel, ...]]],
) -> None:
    assert (
        hear(event, case(**{"place": case().place.model_copy(update={"cells": {"duty": CELL}}), **changes}))
        == expected
    )


def test_where_no_grid_worker_may_inspect_a_supervisor_hears() -> None:
    place = case().place.model_copy(update={"cells": {"duty": "nobody's"}})
    waits = Waiting(waits_for="sandun.supervisor.1", reason="the cell has no grid worker")
    disposed = case(stage=Stage.DISPOSED, place=place, waiting=waits)
    for event in (events.CaseDisposed, events.CaseOverdue, events.CaseExpedited):
        assert set(hear(event, disposed)) == {"sandun.supervisor.1"}
    assert hear(events.CaseDisposed, disposed.model_copy(update={"waiting": None})) == {}
    above = replace(PEOPLE[7], id="xihu.lead.1", tenant="xihu", roles=("district-lead",))
    few = Directory((*(p for p in PEOPLE if "supervisor" not in p.roles), above), {}, district="xihu")
    assert [r.person for r in who_hears(events.CaseDisposed.type, disposed, few)] == ["xihu.lead.1"]


def test_a_hand_over_that_nobody_answers_is_told_to_all_parties() -> None:
    def told(event: type[events.CaseEvent], **changes: object) -> dict[str, str]:
        asked = {"to": "wenxin", "state": "asked", "reason": "x", "by": "x", "at": MORNING, **changes}
        return {who: how[0] for who, how in hear(event, case(handover=Handover(**asked))).items()}

    assert told(events.CaseHandoverUnanswered) == {
        "xihu.dispatcher.1": "handover.undecided",
        "wenxin.dispatcher.1": "handover.unanswered",
        "sandun.dispatcher.1": "handover.unanswered",
    }
    assert told(events.CaseHandoverUndecided) == {"xihu.dispatcher.1": "handover.undecided"}
    early = told(events.CaseHandoverWithdrawn)
    assert early == {"wenxin.dispatcher.1": "handover.withdrawn"}
    late = told(events.CaseHandoverWithdrawn, unanswered_at=MORNING)
    assert late == {**early, "xihu.dispatcher.1": "handover.withdrawn"}


def test_an_exercise_is_heard_in_its_shadow_and_never_by_mail() -> None:
    [recipient] = who_hears(
        events.CaseFiled.type, case(tenant="sandun~ex7", worker="sandun.sweep.1~ex7"), DIRECTORY
    )
    assert (recipient.person, recipient.tenant) == ("sandun.sweep.1~ex7", "sandun~ex7")
    assert recipient.channels == (Channel.IN_APP,)


@given(lives())
def test_nobody_hears_anything_twice_and_exercises_stay_inside(versions: list[CaseState]) -> None:
    for state in versions:
        for shadow in ("", "~ex7"):
            played = state.model_copy(update={"tenant": state.tenant + shadow})
            for event in CASE_EVENTS:
                recipients = who_hears(event.type, played, DIRECTORY)
                assert len({recipient.person for recipient in recipients}) == len(recipients)
                assert all(recipient.tenant.endswith(shadow) for recipient in recipients)
                assert not shadow or all(recipient.channels == APP for recipient in recipients)


def test_who_is_summoned_hears_and_nobody_else(district: District) -> None:
    """A department's people in the town, and the dispatchers that it has of its own."""
    directory = Directory.of(district)
    to = Addressed(departments=("traffic-police", "water"))
    heard = {r.person: r.tenant for r in who_hears(WhistleBlown.type, case(), directory, to)}
    assert {"sandun.traffic.1", "sandun.water.1", "traffic-police.dispatcher.1"} <= set(heard)
    assert heard["traffic-police.dispatcher.1"] == "traffic-police"
    assert not any(person.startswith(("beishan.", "sandun.sweep", "sandun.police")) for person in heard)
    late = who_hears(WhistleOverdue.type, case(), directory, Addressed(departments=("water",)))
    assert {r.person.rpartition(".")[0] for r in late} == {"sandun.dispatcher", "sandun.water"}
    assert who_hears(WhistleBlown.type, case(), directory) == []
    taken = Handover(to="wenxin", state="accepted", reason="x", by="x", at=MORNING, holder="wenxin")
    abroad = {r.person for r in who_hears(WhistleBlown.type, case(handover=taken), directory, to)}
    assert "wenxin.water.1" in abroad
    assert not any(person.startswith("sandun.") for person in abroad)


def test_what_has_no_case_is_told_to_whom_it_concerns(district: District) -> None:
    """A report to look at to the cell's grid worker, a town's mode to its dispatchers, leads and workers."""
    place = Place(lon=120.085, lat=30.325, cells={"duty": CELL})
    look = Notice("sandun", "r-1", "s:01037", place, CELL, MORNING)
    told = who_hears(VerificationAsked.type, look, DIRECTORY)
    assert [(r.person, r.template) for r in told] == [("sandun.grid-worker.1", "verification.asked")]
    nowhere = replace(look, cell="elsewhere, too")
    assert who_hears(VerificationAsked.type, nowhere, DIRECTORY) == []
    state = ModeState(tenant="sandun~ex7", mode=Mode.EMERGENCY, level=1, reason="台风", until=MORNING)
    switched = Notice("sandun~ex7", mode=state)
    heard = {r.person: r.tenant for r in who_hears(ModeSwitched.type, switched, DIRECTORY)}
    working = {"sweep.1", "sweep.2", "grid-worker.1", "grid-worker.2", "dispatcher.1", "town-lead.1"}
    assert heard == {f"sandun.{who}~ex7": "sandun~ex7" for who in working}
    desk = Desk(district, Outlets())
    for language, said in (
        ("zh", ("三墩镇转入战时 1 级", "台风", "3月2日 08:00")),
        ("en", ("emergency, level 1", "台风", "2 Mar 08:00")),
    ):
        text = "\n".join(desk._write(switched, "mode.switched", language))
        assert all(word in text for word in said), text
        peace = Notice("sandun", mode=ModeState(tenant="sandun", by="system", reason="its end was reached"))
        assert UNKNOWN.in_language(language) not in "\n".join(desk._write(peace, "mode.switched", language))
        seen = "\n".join(desk._write(look, "verification.asked", language))
        assert "r-1" in seen
        assert {"zh": "3月2日 08:00", "en": "2 Mar 08:00"}[language] in seen


def test_a_waiting_report_is_told_to_who_can_decide_and_then_to_who_can_see_to_it(district: District) -> None:
    """Urgent: the acceptors and dispatchers; too late: the shift leaders; the district's where there are none."""
    event = ReportWaiting(
        report_id="r-1",
        place=Place(lon=120.085, lat=30.325, cells={"duty": CELL}),
        summary="救命，打***",
        channel="citizen",
        reason="no-matter",
        received_at=MORNING,
        held_at=MORNING,
        due_at=MORNING + timedelta(minutes=5),
        waits_for="sandun.acceptor.1",
        urgent=True,
    )
    late = event.model_copy(update={"overdue": True})
    acceptors = (
        Person("sandun.acceptor.1", "受理一号", "sandun", ("acceptor",)),
        Person("xihu.acceptor.1", "区受理", "xihu", ("acceptor",)),
    )
    towns = Directory((*PEOPLE, *acceptors), {}, district="xihu")
    bare = Directory(acceptors[1:], {}, district="xihu")
    barest = Directory(PEOPLE[8:9], {}, district="xihu")
    for directory, told, expected in (
        (towns, event, {"sandun.acceptor.1": "report.urgent", "sandun.dispatcher.1": "report.urgent"}),
        (towns, late, {"sandun.shift-leader.1": "report.overdue"}),
        (bare, event, {"xihu.acceptor.1": "report.urgent"}),
        (bare, late, {"xihu.acceptor.1": "report.overdue"}),
        (barest, late, {"xihu.dispatcher.1": "report.overdue"}),
    ):
        heard = who_hears(ReportWaiting.type, notice_of(told, "sandun"), directory)
        assert {r.person: r.template for r in heard} == expected
    desk = Desk(district, Outlets())
    acceptor = next(person for person in district.people if person.id == "sandun.acceptor.1")
    for language in LANGUAGES:
        for template in ("report.urgent", "report.overdue"):
            text = "\n".join(desk._write(notice_of(late, "sandun"), template, language))
            assert all(word in text for word in ("r-1", "救命，打***", "08:05", acceptor.name, CELL)), text


def test_a_conflict_is_told_to_those_on_whose_list_it_is(district: District) -> None:
    """Where the case is, and where the worker is from; nobody of another town's."""
    to = Addressed(desks=("sandun", "traffic-police"))
    heard = {r.person for r in who_hears(ConflictKept.type, case(), Directory.of(district), to)}
    desks = {p.id for p in district.people if {"dispatcher", "shift-leader"} & set(p.roles)}
    assert heard == {id for id in desks if id.startswith(("sandun.", "traffic-police."))}
    assert any(id.startswith("traffic-police.") for id in heard)


def test_a_comment_is_told_to_whoever_has_the_case() -> None:
    for changes, expected in (
        ({}, {"sandun.dispatcher.1", "sandun.sweep.1"}),
        ({"worker": None}, {"sandun.dispatcher.1", "sandun.sweep.1", "sandun.sweep.2"}),
        ({"stage": Stage.CLOSED}, {"sandun.dispatcher.1"}),
        (
            {"stage": Stage.FILED, "unit": None, "worker": None, "department": "traffic-police"},
            {"sandun.dispatcher.1", "traffic-police.dispatcher.1"},
        ),
    ):
        heard = who_hears(CaseCommented.type, case(**changes), DIRECTORY)
        assert {(r.person, r.channels) for r in heard} == {(id, APP) for id in expected}


def test_every_event_of_a_rule_exists_and_every_stage_has_words() -> None:
    assert {rule.event for rule in RULES} <= {
        event.type for event in (*CASE_EVENTS, *FIELD_EVENTS, *NOTICE_EVENTS)
    }
    assert set(STAGES) == set(Stage)


def test_the_directory_knows_exercise_accounts_and_roles() -> None:
    person = DIRECTORY.person("sandun.sweep.1~ex7")
    assert person is not None
    assert person.id == "sandun.sweep.1"
    assert [p.id for p in DIRECTORY.with_role("wenxin", Role.DISPATCHER)] == ["wenxin.dispatcher.1"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rules_words_in_both_languages(district: District, rule: object, language: str) -> None:
    desk = Desk(district, Outlets())
    state = case(rating=1, summary="call 13800138000")
    title, body = desk._write(state, rule.template, language)
    assert title
    assert body
    assert "\n" not in title
    assert "13800138000" not in title + body


def test_words_are_in_the_readers_language_and_the_tenants_zone(district: District) -> None:
    directory = Directory.of(district)
    zh, en = (words_about(case(), language, district, directory) for language in LANGUAGES)
    assert set(zh) == set(en) == set(VARIABLES)
    assert (zh["due"], en["due"]) == ("3月2日 09:00", "2 Mar 09:00")
    assert (zh["town"], en["stage"]) == ("三墩镇", "offered")
    assert zh["matter"] != en["matter"]


def test_a_town_speaks_in_its_own_words_and_its_heir_too(district: District) -> None:
    desk = Desk(district, Outlets())
    said = {
        town: desk.compose([Occurrence("m", events.CaseFiled.type, case(tenant=town), MORNING)])[0].title
        for town in ("sandun", "wenxin", "shuangpu")
    }
    assert said["sandun"].startswith("三墩镇新任务")
    assert said["shuangpu"].startswith("双浦镇新任务")
    assert said["wenxin"].startswith("新任务")


def test_mail_is_only_written_where_there_is_mail(district: District) -> None:
    class Nowhere:
        def send(self, address: str, message: Outgoing) -> bool:
            raise NotAccepted("nowhere")

    happened = [Occurrence("m", EVENT_OF[Stage.OFFERED].type, case(), MORNING)]
    assert [note.channel for note in Desk(district, Outlets()).compose(happened)] == [Channel.IN_APP]
    both = Desk(district, Outlets.of([Outlet("post", "mail", Nowhere())])).compose(happened)
    assert [note.channel for note in both] == [Channel.IN_APP, Channel.MAIL]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{{ phone }}\n", "unknown variables: phone"),
        ("{{ case\n", "unexpected"),
        ("{{ case | no_such_filter }}\n", "No filter named"),
        ("{{ case.__class__.__mro__ }}\n", "cannot be filled in"),
        ("{{ case.reporter.phone }}\n", "cannot be filled in"),
        (b"\xff\xfe\x00", "not UTF-8"),
    ],
)
def test_a_template_that_cannot_be_used_is_refused_at_load(
    tmp_path: Path, text: str | bytes, what: str
) -> None:
    folder = tmp_path / "sandun" / "templates" / "zh"
    folder.mkdir(parents=True)
    (folder / "task.offered.txt.j2").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(PackError) as caught:
        Templates.load({rule.template for rule in RULES} | BESIDE, VARIABLES, {"sandun": [folder.parent]})
    [fault] = caught.value.faults
    assert fault.file == "sandun/templates/zh/task.offered.txt.j2"
    assert what in fault.what


def test_all_faults_of_templates_are_listed_at_once(tmp_path: Path) -> None:
    for name in ("zh/task.offered", "zh/no.such", "fr/task.offered"):
        path = tmp_path / f"{name}.txt.j2"
        path.parent.mkdir(exist_ok=True)
        path.write_text("{{ phone }}")
    with pytest.raises(PackError) as caught:
        Templates.load(
            {"task.offered", "task.rework"}, VARIABLES, {"sandun": [tmp_path]}, core=tmp_path / "none"
        )
    assert len(caught.value.faults) == 3 + 4


def test_waits_grow_until_it_is_given_up() -> None:
    waits = [wait_after(attempt) for attempt in range(1, len(BACKOFF) + 1)]
    assert waits == sorted(set(waits))
    assert waits[0] == timedelta(seconds=5)
    assert wait_after(len(BACKOFF) + 1) is None


def test_a_key_is_the_same_on_every_replay_and_differs_by_person() -> None:
    assert key_of("t", "m", "p", "mail") == key_of("t", "m", "p", "mail")
    assert key_of("t", "m", "p", "mail") != key_of("t", "m", "q", "mail")
