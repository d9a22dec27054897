"""What players do beside the straight way, against a gateway that answers everything and remembers who asked."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import httpx
import pytest

from exercise.functions import FUNCTIONS, used
from exercise.players.asides import Asides
from exercise.players.cast import Cast
from exercise.players.client import HttpClient
from exercise.players.field_log import Backup, Instructions
from exercise.players.followers import Followers
from exercise.players.grid_workers import GridWorkers
from exercise.players.handlers import Handlers
from exercise.players.handovers import TownHandovers, UnitHandovers
from exercise.players.mandates import Mandates
from exercise.players.modes import Modes
from exercise.players.offline import Offline
from exercise.players.pace import Pace
from exercise.players.play import Play
from exercise.players.rosters import Rosters
from exercise.players.shifts import Shifts
from exercise.players.tally import Tally
from exercise.players.time_askers import TimeAskers
from exercise.players.together import Together
from exercise.players.verifiers import Verifiers
from exercise.players.wall import Wall
from exercise.players.whistles import Whistles
from qipan.contracts.case import CaseState, Handover, HandoverState, Place, Stage, Support, SupportState
from qipan.contracts.mandates import MandateKind
from qipan.tenancy import Person
from qipan.tenancy.mandate import Mandate

NOW = datetime(2026, 4, 21, tzinfo=UTC)


def _town(town: str) -> list[Person]:
    squads = [Person(f"{town}.{unit}.1", unit, town, ("handler",), unit=f"{town}/{unit}") for unit in UNITS]
    desks = ("dispatcher", "shift-leader", "supervisor", "acceptor", "town-lead")
    return [*squads, *(Person(f"{town}.{role}.1", role, town, (role,)) for role in desks)]


UNITS = {"sweep": "sanitation", "water": "water"}
PEOPLE = (
    *_town("sandun"),
    *_town("wenxin"),
    Person("sandun.grid-worker.1", "网格员", "sandun", ("grid-worker",), cells=("c1",)),
    Person("xihu.dispatcher.1", "派遣员", "xihu", ("dispatcher",)),
    Person("xihu.district-lead.1", "领导", "xihu", ("district-lead",)),
)
WORKER = PEOPLE[0]


class FakeDistrict:
    id = "xihu"
    zone = "Asia/Shanghai"
    people = PEOPLE
    towns = (SimpleNamespace(id="sandun"), SimpleNamespace(id="wenxin"))
    territory = SimpleNamespace(locate=lambda lon, lat: SimpleNamespace(cells={"duty": "c1"}))

    def units_of(self, tenant: str) -> tuple[SimpleNamespace, ...]:
        return tuple(
            SimpleNamespace(id=f"{tenant}/{id}", department=department, handlers=1, handles=lambda _: True)
            for id, department in UNITS.items()
        )

    def matters_of(self, tenant: str) -> dict[str, object]:
        return {"s:06010": object()}

    def people_of(self, tenant: str) -> list[Person]:
        return [person for person in PEOPLE if person.tenant == tenant]

    def rosters(self, tenant: str) -> dict[str, tuple[object, ...]]:
        return {"sandun.water.1": ()} if tenant == "sandun" else {}

    def desk_of(self, department: str) -> str:
        return self.id

    def standing_mandates(self, town: str) -> tuple[Mandate, ...]:
        return (
            (Mandate(f"m-{town}", "water", town, MandateKind.ENTRUSTED, "协议"),) if town == "sandun" else ()
        )


class Gateway:
    """Takes everything; `refuse` names what it does not. What was asked stands in `asked`: (action, who, tenant)."""

    def __init__(self, case: CaseState | None = None) -> None:
        self.case = case or a_case()
        self.asked: list[tuple[str, str, str]] = []
        self.bodies: list[dict[str, object]] = []
        self.refuse = ""

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content or b"{}")
        if request.url.path == "/v1/session":
            return httpx.Response(200, json={"token": body["account"]})
        path = request.url.path.removeprefix("/v1/").removeprefix(f"cases/{self.case.case_id}/")
        who = request.headers["authorization"].removeprefix("Bearer ")
        self.asked.append((path, who, request.url.params["tenant"]))
        self.bodies.append(body)
        if path == self.refuse:
            return httpx.Response(422, json={"code": "invalid", "detail": "no"})
        if path == "open-support":
            self._support(str(body["unit"]))
        self.case = self.case.model_copy(update={"version": self.case.version + 1})
        shown = json.loads(self.case.model_dump_json())
        return httpx.Response(
            200,
            json={
                "case": shown,
                "entry_id": "e-1",
                "whistle_id": "w-1",
                "answers": [{"outcome": "applied", "case": shown}] * 2,
                "cases": [],
            },
        )

    def _support(self, unit: str) -> None:
        part = Support(task_id="t-1", unit=unit, state=SupportState.ASKED, asked_at=NOW, changed_at=NOW)
        self.case = self.case.model_copy(update={"supports": (part,)})


def a_case(**changes: object) -> CaseState:
    case = CaseState(
        case_id="c-1",
        report_id="r-1",
        tenant="sandun",
        version=1,
        stage=Stage.ACCEPTED,
        matter="s:06010",
        place=Place(lon=120.08, lat=30.32, cells={"duty": "c1"}),
        summary="暴露垃圾",
        channel="hotline",
        received_at=NOW,
        filed_at=NOW,
        due_at=NOW + timedelta(days=999),
        unit="sandun/sweep",
        worker=WORKER.id,
    )
    return case.model_copy(update=changes)


def a_play(gateway: Gateway, seed: int = 1) -> Play:
    http = HttpClient("http://gateway", transport=httpx.MockTransport(gateway))
    return Play(http, Pace.starting(NOW, 1e7), Cast(FakeDistrict(), seed), lambda person: "secret", seed)


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


def test_each_thing_that_happens_at_work_is_done_to_its_end_by_those_whose_it_is(gateway: Gateway):
    """Over a few seeds every outcome that is drawn is met; after a refusal nothing is left open."""
    district, seen = FakeDistrict(), set()
    for seed in range(30):
        for make in (Together, Whistles, TimeAskers, UnitHandovers, TownHandovers):
            gateway.case, gateway.asked = a_case(), []
            asyncio.run(make(a_play(gateway, seed), district).act(gateway.case, WORKER))
            seen.add((make.__name__, tuple(gateway.asked)))
        for told in (Instructions, Backup):
            gateway.case, gateway.asked = a_case(), []
            asyncio.run(told(a_play(gateway, seed)).act(gateway.case, WORKER))
            seen.add((told.__name__, tuple(gateway.asked)))
    desk, helper, worker = "sandun.dispatcher.1", "sandun.water.1", WORKER.id

    def ours(*steps: tuple[str, str]) -> tuple[tuple[str, str, str], ...]:
        return tuple((path, who, "sandun") for path, who in steps)

    opened, part = ("open-support", desk), (("accept-support", helper), ("finish-support", helper))
    asked, handed = ("time", worker), ours(("hand-over", desk))
    assert {
        ("Together", ours(opened, *part)),
        ("Together", ours(opened, part[0], ("depart", helper), ("arrive", helper), part[1])),
        ("Together", ours(opened, ("excuse-support", desk))),
        ("TimeAskers", ours(asked, ("time/decide", desk))),
        ("TimeAskers", ours(asked, ("time/decide", desk), ("resume", desk))),
        ("UnitHandovers", ours(("hand-over", worker), ("accept-handover", helper))),
        ("TownHandovers", (*handed, ("accept-handover", "wenxin.dispatcher.1", "wenxin"))),
        (
            "TownHandovers",
            (
                *handed,
                ("refuse-handover", "wenxin.dispatcher.1", "wenxin"),
                ("decide-handover", "xihu.dispatcher.1", "sandun"),
            ),
        ),
        ("Instructions", ours(("instruct", desk), ("acknowledge", worker))),
        ("Backup", ours(("backup", worker), ("backup/answer", desk))),
    } <= seen
    whistles = [one for name, one in seen if name == "Whistles"]
    assert any(("whistles/w-1/answer", worker, "sandun") in one for one in whistles)
    for whistle in whistles:
        assert whistle[0] == ("whistle", desk, "sandun")
        assert {who for path, who, _ in whistle if path == "whistles/w-1/answer"} == {worker, helper}
        assert whistle[-1] == ("whistles/w-1/end", desk, "sandun")


def test_no_time_is_asked_for_when_there_is_hardly_any_left(gateway: Gateway):
    play = a_play(gateway)
    late = a_case(due_at=play.pace.now() + timedelta(minutes=20))
    assert asyncio.run(TimeAskers(play, FakeDistrict()).act(late, WORKER)) is late
    assert gateway.asked == []


def test_a_case_meets_one_thing_once_and_trouble_with_it_does_not_stop_the_work(gateway: Gateway):
    play = a_play(gateway)
    gateway.refuse = "backup"
    handlers = Handlers(play, Asides(play, ((Backup(play), 1.0),)))
    for _ in range(2):
        asyncio.run(handlers.act(a_case()))
    paths = [path for path, _, _ in gateway.asked if path in ("backup", "dispose")]
    assert paths == ["backup", "dispose", "dispose"]
    assert play.tally.of("handler", "refused: invalid") == 1
    shares = [Asides(play, ((Backup(play), 0.3),))._drawn(a_case(case_id=f"c-{n}")) for n in range(1000)]
    assert 250 < sum(aside is not None for aside in shares) < 350


def test_what_another_town_took_over_its_own_people_see_to():
    handover = Handover(
        to="wenxin", state=HandoverState.ACCEPTED, reason="界内", by="x", at=NOW, holder="wenxin"
    )
    gateway = Gateway(a_case(handover=handover, unit="wenxin/water", worker="wenxin.water.1"))
    asyncio.run(Handlers(a_play(gateway)).act(gateway.case))
    assert gateway.asked[-1] == ("dispose", "wenxin.water.1", "wenxin")


def test_a_missing_part_is_excused_before_the_inspection():
    part = Support(task_id="t-1", unit="sandun/water", state=SupportState.ASKED, asked_at=NOW, changed_at=NOW)
    gateway = Gateway(a_case(stage=Stage.DISPOSED, supports=(part,)))
    asyncio.run(GridWorkers(a_play(gateway)).act(gateway.case))
    assert [path for path, _, _ in gateway.asked] == ["excuse-support", "inspect"]


def test_a_worker_without_signal_brings_both_steps_in_at_once(gateway: Gateway):
    play = a_play(gateway)
    asyncio.run(Offline(play).act(a_case(), WORKER))
    assert gateway.asked == [("offline", WORKER.id, "sandun")]
    commands = gateway.bodies[-1]["commands"]
    assert [(one["sequence"], one["does"], one["expected_version"]) for one in commands] == [
        (1, "accept", 1),
        (2, "dispose", 1),
    ]
    assert play.tally.of("offline", "applied") == 2


def test_a_poor_rating_is_put_right_by_the_unit_and_closed_by_the_leader_once(gateway: Gateway):
    followers = Followers(a_play(gateway))
    for _ in range(2):
        asyncio.run(followers.act(a_case(stage=Stage.CLOSED, rating=1)))
    steps = [one for one in gateway.asked if one[0] != "callback"]
    assert steps == [
        ("answer-rectification", WORKER.id, "sandun"),
        ("close-rectification", "sandun.shift-leader.1", "sandun"),
    ]


def test_what_goes_by_the_clock_is_taken_back(gateway: Gateway):
    """Mandates come back, emergencies end, shifts are signed off."""
    play = a_play(gateway)
    district = FakeDistrict()
    players = (
        Mandates(play, district),
        Modes(play, "sandun"),
        Shifts(play, district),
        Rosters(play, district),
    )
    for player in players:
        asyncio.run(player.run(NOW - timedelta(days=1)))
    lead = "xihu.district-lead.1"
    assert gateway.asked[:4] == [
        ("mandates/m-sandun/revoke", lead, "xihu"),
        ("mandates", lead, "xihu"),
        ("mode", "sandun.town-lead.1", "sandun"),
        ("mode", "sandun.town-lead.1", "sandun"),
    ]
    assert [body["mode"] for body in gateway.bodies[2:4]] == ["emergency", "peacetime"]
    signed = {
        step: {who for path, who, _ in gateway.asked if path == f"shifts/{step}"} for step in ("start", "end")
    }
    assert signed["start"] == signed["end"]
    assert len(signed["start"]) == 3
    assert "sandun.water.1" not in signed["start"]  # has a roster
    assert gateway.asked[-1] == ("roster", "sandun.shift-leader.1", "sandun")
    assert gateway.bodies[-1]["worker"] == "sandun.water.1"


def test_the_cells_grid_worker_looks_before_filing(gateway: Gateway):
    report = {"report_id": "r-9", "tenant": "sandun", "lon": 120.08, "lat": 30.32}
    acceptor = next(person for person in PEOPLE if person.id == "sandun.acceptor.1")
    assert asyncio.run(Verifiers(a_play(gateway), FakeDistrict()).look(report, acceptor, "s:06010"))
    assert gateway.asked == [
        ("held/r-9", acceptor.id, "sandun"),
        ("verifications/r-9", "sandun.grid-worker.1", "sandun"),
    ]


def test_the_list_of_the_wall_is_of_open_cases_only():
    listed: list[list[str]] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/session":
            return httpx.Response(200, json={"token": "t"})
        listed.append(request.url.params.get_list("stages"))
        return httpx.Response(200, json={"cases": []})

    play = a_play(answer)  # type: ignore[arg-type]
    wall = Wall(play, "sandun", WORKER, [GridWorkers(play), Followers(play)])
    asyncio.run(wall._read())
    assert listed == [["disposed"]]


def test_every_function_is_counted_and_has_words_in_both_languages():
    tally = Tally()
    for function in FUNCTIONS:
        role, step = function.steps[0]
        tally.add(role, step)
        chinese = function.words.partition(" ")[0]
        assert not chinese.isascii()
        assert function.words.removeprefix(chinese).strip().isascii()
    assert set(used(tally).values()) == {1}
    assert len({function.key for function in FUNCTIONS}) == len(FUNCTIONS)
