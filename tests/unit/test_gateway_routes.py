"""The gateway over doubles: what becomes of a request before and after the call, and who is let in."""

import json
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from qipan.access import Principal, Role, Signer, Verifier, first_password, new_keys
from qipan.contracts import commands, queries
from qipan.contracts.base import Request
from qipan.contracts.case import CaseState, Place, Stage
from qipan.contracts.errors import IllegalTransition, Unavailable
from qipan.observability.health import Health
from qipan.tenancy import District, load_district
from services.gateway.accounts import Accounts
from services.gateway.door import Door
from services.gateway.inbox import Inbox
from services.gateway.live import Live
from services.gateway.news import TestNews
from services.gateway.parts import Parts
from services.gateway.routes import ROUTES
from services.gateway.sessions import ACCOUNT_FAILURES, Sessions
from services.gateway.web import create_app

SECRET = "a test's secret"
SIGNING, VERIFY = new_keys()
WHEN = "2026-03-01T08:00:00Z"
CASE = CaseState(
    case_id="c1",
    report_id="r1",
    tenant="sandun",
    version=3,
    stage=Stage.ACCEPTED,
    matter="s:06010",
    place=Place(lon=120.1, lat=30.3),
    summary="井盖",
    channel="citizen",
    received_at=WHEN,
    filed_at=WHEN,
)


class Calls:
    """A caller that remembers what it was asked and answers what it was told."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answer: object = commands.CaseAnswer(case=CASE)

    def submit(
        self,
        request: Request[Any],
        *,
        tenant: str,
        principal: str | None = None,
        timeout: float = 5.0,
        id: str | None = None,
    ) -> Future[Any]:
        self.asked.append({"request": request, "tenant": tenant, "principal": principal, "id": id})
        future: Future[Any] = Future()
        if isinstance(self.answer, Exception):
            future.set_exception(self.answer)
        else:
            future.set_result(self.answer)
        return future


class NoRows:
    """A database in which nobody has changed a password, or which is away."""

    def __init__(self) -> None:
        self.away = False
        self.engine = self

    @asynccontextmanager
    async def begin(self) -> Any: ...

    def connect(self) -> "NoRows":
        if self.away:
            raise OperationalError("SELECT", {}, Exception("away"))
        return self

    def __enter__(self) -> "NoRows":
        return self

    def __exit__(self, *_: object) -> None: ...

    def execute(self, _query: object) -> "NoRows":
        return self

    def scalar_one_or_none(self) -> None:
        return None


@pytest.fixture(scope="module")
def district() -> District:
    return load_district(Path("districts/xihu"))


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def rows() -> NoRows:
    return NoRows()


class House:
    """What the one application of this module works with; each test gives it parts of its own."""

    parts: Parts


@pytest.fixture(scope="module")
def house() -> House:
    return House()


@pytest.fixture(scope="module")
def app(house: House) -> FastAPI:
    """Building it takes longer than a hundred requests to it."""
    return create_app(lambda: house.parts, Health())


@pytest.fixture
def client(
    app: FastAPI, house: House, district: District, calls: Calls, rows: NoRows
) -> Iterator[TestClient]:
    house.parts = Parts(
        district=district,
        verifier=Verifier(VERIFY),
        sessions=Sessions(Accounts(district, rows, SECRET), Signer(SIGNING), 60),
        caller=calls,
        door=Door("http://127.0.0.1:9"),
        live=Live(lambda: None),
        inbox=Inbox(TestNews(), Live(lambda: None), district.id),
    )
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def bearer(tenant: str = "sandun", *roles: Role) -> dict[str, str]:
    principal = Principal(sub="p1", name="甲", tenant=tenant, roles=frozenset(roles))
    return {"Authorization": f"Bearer {Signer(SIGNING).token(principal, 60)}"}


def problem_code(answer: Any) -> str:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()["code"]


BODIES = {
    "ResendDeliveries": {"keys": ["k1"]},
    "NoteReceipt": {"arrived": True},
    "SetWishes": {"wishes": {"quiet": "22:00-07:00"}},
    "DispatchCase": {"unit": "sandun/sweep"},
    "ReturnTask": {"reason": "不属于本单位"},
    "HandOver": {"to": "wenxin", "reason": "在文新街道辖区"},
    "RefuseHandover": {"reason": "不在本街道辖区"},
    "WithdrawHandover": {"reason": "属于本镇"},
    "DecideHandover": {"to": "wenxin", "reason": "依界线图"},
    "OpenSupport": {"unit": "sandun/order", "reason": "联合整治"},
    "AcceptSupport": {"task_id": "c1.s1"},
    "FinishSupport": {"task_id": "c1.s1", "evidence": ["photo://1"]},
    "ReturnSupport": {"task_id": "c1.s1", "reason": "不属于本单位"},
    "ExcuseSupport": {"task_id": "c1.s1", "reason": "已无需要"},
    "ChangeRoster": {
        "worker": "sandun.sweep.1",
        "day": "2026-05-01",
        "hours": ["22:00-06:00"],
        "reason": "替班",
    },
    "RefuseReturn": {"reason": "属于本单位职责"},
    "DisputeReturn": {"reason": "职责清单不含此项"},
    "ArbitrateReturn": {"justified": True, "reason": "依职责清单"},
    "DisposeTask": {"evidence": ["photo://1"]},
    "InspectCase": {"passed": True},
    "VoidCase": {"reason": "误报"},
    "CallBack": {"contacted": False},
    "AnswerRectification": {"answer": "已重新清理", "evidence": ["photo:2"]},
    "SuperviseCase": {"reason": "媒体曝光"},
    "AnswerSupervision": {"answer": "正在清理"},
    "RemarkCase": {"remark": "证据不足"},
    "TakeStep": {"step": "countersign"},
    "AskForTime": {"kind": "deferral", "until": "2026-03-09T12:00:00+08:00", "reason": "等配件"},
    "EndorseTime": {"endorsed": True},
    "DecideTime": {"approved": True},
    "ResumeCase": {"reason": "配件已到"},
    "GrantMandate": {"town": "sandun", "kind": "stationed", "legal_basis": "派驻协议"},
    "RevokeMandate": {"town": "sandun", "reason": "派驻期满"},
    "UnmaskContact": {"purpose": "回访"},
    "NoteReference": {"reference": "JJ-1"},
    "AnswerVerification": {"finding": "confirmed"},
    "DecideConflict": {"decision": "discard", "note": "已由他人处置"},
    "SplitReport": {"reason": "不是同一处"},
    "PublishLeague": {"period": "2026-02"},
    "CorrectLeague": {"period": "2026-02", "reason": "补报"},
    "DecideReport": {"outcome": "file", "matter": "s:06010"},
    "AddRemark": {"text": "注意安全"},
    "GiveInstruction": {"text": "先设警戒"},
    "AcknowledgeInstruction": {"entry_id": "e1"},
    "CallBackup": {"text": "围观者众", "workers": 3},
    "AnswerBackup": {"entry_id": "e1", "text": "第二组到"},
    "BlowWhistle": {"departments": ["police"], "reason": "聚集"},
    "AnswerWhistle": {"department": "police"},
    "EndWhistle": {"outcome": "已疏散"},
    "SwitchMode": {"mode": "emergency", "level": 1, "reason": "台风橙色预警"},
    "ReportPositions": {"fixes": [{"lon": 120.1, "lat": 30.3, "at": WHEN}]},
}


QUERIES = {"WhoMayHandle": {"matter": "s:06010"}}


def ask(client: TestClient, route: Any, headers: dict[str, str], body: Any = None) -> Any:
    path = route.path.replace(f"{{{route.from_path}}}", "x1")
    if route.method == "GET":
        return client.get(path, params=QUERIES.get(route.request.__name__), headers=headers)
    return client.post(
        path, json=BODIES.get(route.request.__name__, {}) if body is None else body, headers=headers
    )


def test_every_route_asks_its_service_for_somebody_known(client: TestClient, calls: Calls) -> None:
    calls.answer = commands.Done()
    headers = bearer("sandun", Role.HANDLER)
    for route in ROUTES:
        calls.asked.clear()
        assert ask(client, route, headers).status_code == 200, route
        asked = calls.asked[0]
        assert type(asked["request"]) is route.request
        assert (asked["tenant"], f"Bearer {asked['principal']}") == ("sandun", headers["Authorization"])
        if route.from_path:
            assert getattr(asked["request"], route.from_path) == "x1"


@pytest.mark.parametrize("kind", ["none", "basic", "noise", "forged", "expired"])
def test_no_route_asks_for_nobody(client: TestClient, calls: Calls, kind: str) -> None:
    principal = Principal(sub="p1", name="x", tenant="xihu", roles=frozenset(Role))
    headers = {
        "none": {},
        "basic": {"Authorization": "Basic eDp5"},
        "noise": {"Authorization": "Bearer noise"},
        "forged": {"Authorization": f"Bearer {Signer(new_keys()[0]).token(principal, 60)}"},
        "expired": {"Authorization": f"Bearer {Signer(SIGNING).token(principal, -1)}"},
    }[kind]
    for route in ROUTES:
        answer = ask(client, route, headers)
        assert (answer.status_code, problem_code(answer)) == (401, "unauthenticated"), route
        assert answer.headers["www-authenticate"] == "Bearer"
    assert calls.asked == []


def test_no_command_takes_unknown_fields(client: TestClient, calls: Calls) -> None:
    posts = [route for route in ROUTES if route.method == "POST"]
    assert posts
    for route in posts:
        body = {**BODIES.get(route.request.__name__, {}), "colour": "red"}
        answer = ask(client, route, bearer(), body)
        assert (answer.status_code, problem_code(answer)) == (422, "unknown-field"), route
    assert calls.asked == []


@pytest.mark.parametrize(
    ("path", "body", "code", "wheres"),
    [
        ("/v1/cases/c1/inspect", {"passed": "yes"}, "invalid", {"passed"}),
        ("/v1/cases/c1/dispose", {"evidence": []}, "invalid", {"evidence"}),
        ("/v1/cases/c1/dispose", {"note": "长" * 4001}, "invalid", {"note", "evidence"}),
        ("/v1/cases/c1/return", {"reason": "长" * 4001}, "too-long", {"reason"}),
        ("/v1/cases/c1/return", {"reason": ""}, "invalid", {"reason"}),
        ("/v1/cases/c1/return", {"reason": "a\x00b"}, "invalid", {"reason"}),
        ("/v1/cases/c1/dispatch", {"unit": "u", "case_id": "c2"}, "unknown-field", {"case_id"}),
        ("/v1/held/r1", {"outcome": "hold"}, "invalid", {"outcome"}),
    ],
)
def test_bad_bodies_name_every_fault(
    client: TestClient, calls: Calls, path: str, body: Any, code: str, wheres: set[str]
) -> None:
    answer = client.post(path, json=body, headers=bearer())
    assert (answer.status_code, problem_code(answer)) == (422, code)
    assert {fault["where"] for fault in answer.json()["faults"]} == wheres
    assert calls.asked == []


@pytest.mark.parametrize(
    "tenant", ["atlantis", "#", "sandun.#", "*", "SANDUN", "sandun~", "sandun~EX", "sandun\x00"]
)
def test_an_unknown_tenant_never_reaches_a_routing_key(client: TestClient, calls: Calls, tenant: str) -> None:
    answer = client.get("/v1/work", params={"tenant": tenant}, headers=bearer("xihu"))
    assert (answer.status_code, problem_code(answer)) == (422, "unknown-tenant")
    assert calls.asked == []


def test_the_tenant_addressed_may_be_named(client: TestClient, calls: Calls) -> None:
    calls.answer = queries.CaseList(cases=())
    assert client.get("/v1/work", params={"tenant": "sandun~ex7"}, headers=bearer("xihu")).status_code == 200
    assert calls.asked[0]["tenant"] == "sandun~ex7"


def test_queries_are_read_from_the_query_string(client: TestClient, calls: Calls) -> None:
    calls.answer = queries.CaseList(cases=(CASE,), next="n")
    answer = client.get("/v1/work?stages=offered&stages=rework&limit=7&after=x", headers=bearer())
    assert calls.asked[0]["request"] == queries.ListWork(
        stages=(Stage.OFFERED, Stage.REWORK), limit=7, after="x"
    )
    assert answer.json()["cases"][0]["case_id"] == "c1"


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=501", "limit=x", "stages=burning", "colour=red", "after=%00"]
)
def test_bad_queries_are_refused(client: TestClient, calls: Calls, query: str) -> None:
    assert client.get(f"/v1/work?{query}", headers=bearer()).status_code == 422
    assert calls.asked == []


def test_a_key_makes_the_commands_id_within_its_person(client: TestClient, calls: Calls) -> None:
    other = Principal(sub="p2", name="乙", tenant="sandun", roles=frozenset())
    headers = {**bearer(), "Idempotency-Key": "k1"}
    others = {"Authorization": f"Bearer {Signer(SIGNING).token(other, 60)}", "Idempotency-Key": "k1"}
    for sent in (headers, headers, others, bearer(), bearer()):
        client.post("/v1/cases/c1/accept", headers=sent)
    ids = [asked["id"] for asked in calls.asked]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 4


@pytest.mark.parametrize("key", ["", "k" * 129, "钥".encode(), "a\tb"])
def test_a_key_of_the_wrong_form_is_refused(client: TestClient, calls: Calls, key: Any) -> None:
    answer = client.post("/v1/cases/c1/accept", headers={**bearer(), "Idempotency-Key": key})
    assert (answer.status_code, problem_code(answer)) == (422, "invalid")
    assert calls.asked == []


def test_a_version_goes_out_as_etag_and_comes_back_as_if_match(client: TestClient, calls: Calls) -> None:
    answer = client.post("/v1/cases/c1/accept", headers=bearer())
    client.post("/v1/cases/c1/accept", headers={**bearer(), "If-Match": answer.headers["etag"]})
    assert [asked["request"].expected_version for asked in calls.asked] == [None, 3]
    assert client.post("/v1/cases/c1/accept", headers={**bearer(), "If-Match": "x"}).status_code == 422


def test_an_id_with_control_characters_is_nobodys(client: TestClient, calls: Calls) -> None:
    assert client.get("/v1/cases/a%00b", headers=bearer()).status_code == 404
    assert calls.asked == []


def test_what_a_service_refuses_is_told(client: TestClient, calls: Calls) -> None:
    calls.answer = IllegalTransition("A closed case cannot be accepted.", stage="closed")
    answer = client.post("/v1/cases/c1/accept", headers={**bearer(), "Accept-Language": "en"})
    assert (answer.status_code, problem_code(answer)) == (409, "illegal-transition")
    assert answer.json()["detail"] == "A closed case cannot be accepted."
    calls.answer = Unavailable()
    answer = client.post("/v1/cases/c1/accept", headers=bearer())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


def test_the_door_away_is_unavailable(client: TestClient) -> None:
    answer = client.post("/v1/reports", json={"text": "x"})
    assert (answer.status_code, problem_code(answer)) == (503, "unavailable")


def test_what_the_door_goes_by_goes_on_to_it(monkeypatch: pytest.MonkeyPatch, client: TestClient) -> None:
    came: list[httpx.Request] = []

    async def send(_client: httpx.AsyncClient, method: str, url: httpx.URL, **rest: Any) -> httpx.Response:
        came.append(httpx.Request(method, url.copy_with(scheme="http", host="door"), headers=rest["headers"]))
        return httpx.Response(200, json={})

    monkeypatch.setattr(httpx.AsyncClient, "request", send)
    headers = {"X-Device-Key": "sandun.k", "Qipan-Shadow": "ex7", "X-Other": "o"}
    assert client.post("/v1/alarms", json=[{"alarm_id": "1"}], headers=headers).status_code == 200
    [request] = came
    assert (request.url.path, request.headers.get("x-device-key")) == ("/v1/alarms", "sandun.k")
    assert request.headers.get("qipan-shadow") == "ex7"  # or an exercise's report would become a live one
    assert "x-other" not in request.headers


def test_everybody_of_the_pack_can_sign_in(client: TestClient, district: District, calls: Calls) -> None:
    by_roles = {person.roles: person for person in district.people}
    for person in by_roles.values():
        form = {"account": person.id, "password": first_password(SECRET, person.id)}
        session = client.post("/v1/session", json=form).json()
        assert (session["me"]["tenant"], session["me"]["roles"]) == (person.tenant, sorted(person.roles))
        me = client.get("/v1/me", headers={"Authorization": f"Bearer {session['token']}"})
        assert me.json() == session["me"]


def test_an_exercises_account_is_another_one(client: TestClient) -> None:
    login = "sandun.acceptor.1~ex7"
    wrong = client.post(
        "/v1/session", json={"account": login, "password": first_password(SECRET, login[:-4])}
    )
    assert wrong.status_code == 401
    right = client.post("/v1/session", json={"account": login, "password": first_password(SECRET, login)})
    assert right.json()["me"]["tenant"] == "sandun~ex7"


def test_nobody_learns_whether_an_account_exists(client: TestClient) -> None:
    known, unknown = (
        client.post("/v1/session", json={"account": account, "password": "x"})
        for account in ("sandun.acceptor.1", "nobody.at.all")
    )
    assert known.status_code == unknown.status_code == 401
    assert known.json()["detail"] == unknown.json()["detail"]
    nobody = {"account": "nobody", "password": first_password(SECRET, "nobody")}
    assert client.post("/v1/session", json=nobody).status_code == 401


def test_guessing_is_slowed_down(client: TestClient) -> None:
    right = {"account": "sandun.acceptor.1", "password": first_password(SECRET, "sandun.acceptor.1")}
    for _ in range(ACCOUNT_FAILURES):
        assert client.post("/v1/session", json={**right, "password": "guess"}).status_code == 401
    answer = client.post("/v1/session", json=right)
    assert (answer.status_code, problem_code(answer)) == (429, "too-many-requests")
    assert 0 < int(answer.headers["retry-after"]) <= 301


def test_a_database_that_is_away_lets_nobody_in(client: TestClient, rows: NoRows) -> None:
    rows.away = True
    form = {"account": "sandun.acceptor.1", "password": first_password(SECRET, "sandun.acceptor.1")}
    answer = client.post("/v1/session", json=form)
    assert (answer.status_code, problem_code(answer)) == (503, "unavailable")


def test_unreadable_json_is_told_apart(client: TestClient) -> None:
    headers = {**bearer(), "Content-Type": "application/json"}
    for body, status in ((b"{", 400), (b'{"reason": "\xff"}', 400), (b"x" * 70_000, 413)):
        answer = client.post("/v1/cases/c1/return", content=body, headers=headers)
        assert answer.status_code == status
        assert json.loads(answer.content)["type"].startswith("urn:qipan:problem:")
