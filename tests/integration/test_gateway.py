"""The gateway over HTTP, on a real broker and database; the services behind it answer from a script."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import uvicorn
from pydantic import BaseModel
from sqlalchemy import create_engine, text

from qipan.access import Principal, Role, Signer, Verifier, first_password, new_keys
from qipan.contracts import commands, queries
from qipan.contracts.base import requests
from qipan.contracts.case import CaseState, Place, Stage
from qipan.contracts.envelope import Envelope
from qipan.contracts.events import CaseAccepted, CaseClosed
from qipan.ids import new_id
from qipan.messaging import topology
from qipan.messaging.call_server import CallServer
from qipan.messaging.declaration import Exchange
from qipan.messaging.received import Received
from qipan.messaging.serving import Answering, carry_out
from qipan.messaging.wire import Outgoing, Wire
from qipan.observability import tracing
from qipan.observability.health import Health
from qipan.settings import Settings
from qipan.storage import migrate
from qipan.tenancy import District, load_district
from qipan.testing import Broker, Databases
from services.gateway.parts import Resources
from services.gateway.web import create_app
from tests.integration.intake_here import SANDUN, build_intake, opened

ROOT = Path(__file__).parents[2]
SECRET = "a test's secret"
SIGNING, VERIFY = new_keys()
WHEN = "2026-03-01T08:00:00Z"
DEAD_END = "amqp://guest:guest@127.0.0.1:9//"


def build_gateway(url: str) -> None:
    """The gateway's schema, migrated."""
    engine = create_engine(url)
    with engine.begin() as conn:
        conn.execute(text("CREATE SCHEMA gateway"))
    engine.dispose()
    migrate.migrate(url, "gateway", ROOT / "services")


def a_case(version: int = 1, **traits: Any) -> CaseState:
    return CaseState(
        **{
            "case_id": "c1",
            "report_id": "r1",
            "tenant": "sandun",
            "version": version,
            "stage": Stage.ACCEPTED,
            "matter": "s:06010",
            "place": Place(lon=120.1, lat=30.3, cells={"duty": "c1"}),
            "summary": "井盖",
            "channel": "citizen",
            "received_at": WHEN,
            "filed_at": WHEN,
            "unit": "sandun/sweep",
            **traits,
        }
    )


@dataclass
class Script:
    """Services behind the wrapper that every service has; each call is kept with what it brought."""

    district: District
    received: list[Received[Any]] = field(default_factory=list)

    def serve(self, url: str, service: str) -> CallServer:
        models = {type: kind for type, kind in requests().items() if kind.service == service}
        process: Any = SimpleNamespace(
            service=service, verifier=Verifier(VERIFY), district=self.district, database=None
        )
        answering = {type: Answering(kind, self._run) for type, kind in models.items()}

        def on_thread(envelope: Envelope[Any], answered: Any) -> None:
            def work() -> None:
                try:
                    answered(carry_out(process, answering, envelope))
                except Exception as error:
                    answered(error)

            threading.Thread(target=work, daemon=True).start()

        user = url.split("//")[1].split(":")[0]
        server = CallServer(url, service, models=models, serve=on_thread, core_user=user)
        server.start()
        return server

    def _run(self, _work: object, call: Received[Any]) -> BaseModel:
        self.received.append(call)
        call.grant.require(unit="sandun/sweep", cells=("c1",), owner=call.grant.sub)
        return ANSWERS[type(call.data).answer_model()]


ANSWERS: dict[type[BaseModel], BaseModel] = {
    commands.CaseAnswer: commands.CaseAnswer(case=a_case(4)),
    queries.CaseList: queries.CaseList(cases=(a_case(),)),
    queries.Messages: queries.Messages(messages=()),
    commands.Done: commands.Done(),
    queries.BoardAnswer: queries.BoardAnswer(standings=()),
}


@dataclass
class Gate:
    """A running gateway and what it stands before."""

    http: httpx.Client
    script: Script
    broker: Broker
    resources: Resources

    def bearer(self, *roles: Role, tenant: str = "sandun", seconds: float = 600) -> dict[str, str]:
        principal = Principal(
            sub="sandun.sweep.1",
            name="甲",
            tenant=tenant,
            roles=frozenset(roles),
            units=frozenset({"sandun/sweep"}),
        )
        return {"Authorization": f"Bearer {Signer(SIGNING).token(principal, seconds)}"}

    def tell(self, event: Any, tenant: str) -> None:
        """Publish an event as a service's relay does."""
        wire = Wire(self.broker.url, "test", confirm=True)
        body = Envelope.seal(event, id=new_id(), source="dispatch", tenant=tenant)
        wire.publish(Outgoing(topology.EVENTS, topology.key(tenant, event.type), body, {"type": event.type}))
        wire.close()


@contextmanager
def served(app: Any) -> Iterator[str]:
    """An application on a free port, in a thread; gives its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@contextmanager
def running(settings: Settings) -> Iterator[tuple[httpx.Client, Resources]]:
    """A gateway and a client of it."""
    health = Health()
    resources = Resources(settings, health)
    resources.start()
    with (
        served(create_app(lambda: resources.parts, health)) as url,
        httpx.Client(base_url=url, timeout=20, trust_env=False) as http,
    ):
        yield http, resources
    asyncio.run(resources.stop())


def until(condition: Any, seconds: float = 30.0) -> None:
    """Wait for something to become true; the limit only ends a test that would never end."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def settings(amqp: str, database: str, door: str = "http://127.0.0.1:9") -> Settings:
    return Settings(
        amqp_url=amqp,
        database_url=database,
        district=ROOT / "districts/xihu",
        signing_key=SIGNING,
        verify_key=VERIFY,
        account_secret=SECRET,
        door_url=door,
    )


@pytest.fixture(scope="module")
def xihu() -> District:
    return load_district(ROOT / "districts/xihu")


@pytest.fixture
def gate(broker: Broker, database_url: Databases, xihu: District) -> Iterator[Gate]:
    wire = Wire(broker.url, "test")
    exchanges = [one for one in topology.core_declarations() if isinstance(one, Exchange)]
    topology.declare(wire.channel, exchanges)
    wire.close()
    script = Script(xihu)
    servers = [script.serve(broker.url, service) for service in ("dispatch", "notify", "analytics")]
    until(lambda: all(server.ready()[0] for server in servers))
    with running(settings(broker.url, database_url(build_gateway))) as (http, resources):
        until(lambda: http.get("/readyz").status_code == 200)
        yield Gate(http, script, broker, resources)
    for server in servers:
        server.stop()


def test_a_person_signs_in_sees_the_work_and_takes_a_step(gate: Gate) -> None:
    form = {"account": "sandun.sweep.1", "password": first_password(SECRET, "sandun.sweep.1")}
    session = gate.http.post("/v1/session", json=form).json()
    signed_in = {"Authorization": f"Bearer {session['token']}"}
    parent = tracing.new()
    work = gate.http.get("/v1/work", headers={**signed_in, "traceparent": parent})
    assert work.json()["cases"][0]["case_id"] == "c1"
    step = gate.http.post(
        "/v1/cases/c1/accept", headers={**signed_in, "If-Match": '"3"', "Idempotency-Key": "k"}
    )
    assert (step.status_code, step.headers["etag"]) == (200, '"4"')
    asked, done = gate.script.received
    assert tracing.trace_id(asked.traceparent) == tracing.trace_id(parent)
    assert done.data == commands.AcceptTask(case_id="c1", expected_version=3)
    assert done.grant.sub == "sandun.sweep.1"


def test_the_service_that_acts_decides_about_rights(gate: Gate) -> None:
    refused = gate.http.post("/v1/cases/c1/close", headers=gate.bearer(Role.HANDLER))
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    elsewhere = gate.http.get("/v1/work?tenant=xixi", headers=gate.bearer(Role.SHIFT_LEADER))
    assert elsewhere.status_code == 403
    assert gate.script.received == []
    assert gate.http.post("/v1/cases/c1/close", headers=gate.bearer(Role.SHIFT_LEADER)).status_code == 200


def test_who_is_not_served_is_unavailable_at_once(gate: Gate) -> None:
    answer = gate.http.get("/v1/held", headers=gate.bearer(Role.ACCEPTOR))
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0


def test_a_changed_password_takes_the_first_ones_place(gate: Gate) -> None:
    login = "sandun.acceptor.1"
    first, new = first_password(SECRET, login), "一个新的而且够长的密码！"
    sign_in = {"account": login, "password": first}
    token = gate.http.post("/v1/session", json=sign_in).json()["token"]
    signed_in = {"Authorization": f"Bearer {token}"}
    wrong = gate.http.post(
        "/v1/password", json={"password": "not it", "new_password": new}, headers=signed_in
    )
    short = gate.http.post("/v1/password", json={"password": first, "new_password": "x"}, headers=signed_in)
    assert (wrong.status_code, short.status_code) == (401, 422)
    change = {"password": first, "new_password": new}
    assert gate.http.post("/v1/password", json=change, headers=signed_in).status_code == 204
    assert gate.http.post("/v1/session", json=sign_in).status_code == 401
    assert gate.http.post("/v1/session", json={**sign_in, "password": new}).status_code == 200
    again = {"password": new, "new_password": f"{new}{new}"}
    assert gate.http.post("/v1/password", json=again, headers=signed_in).status_code == 204
    assert gate.http.post("/v1/session", json={**sign_in, "password": new}).status_code == 401


def seen(
    gate: Gate, headers: dict[str, str], events: list[tuple[Any, str]], tenant: str = "sandun"
) -> list[str]:
    """The case ids that a live stream shows out of `events`, up to the one called `last`."""
    found: list[str] = []
    with gate.http.stream("GET", f"/v1/stream?tenant={tenant}", headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        lines = answer.iter_lines()
        until(lambda: gate.resources.parts.live.ready())
        for event, addressed in events:
            gate.tell(event, addressed)
        for line in lines:
            if line.startswith("data: {"):
                found.append(CaseState.model_validate_json(line.removeprefix("data: ")).case_id)
                if found[-1] == "last":
                    break
    return found


EVENTS = [
    (CaseAccepted(case=a_case(case_id="mine")), "sandun"),
    (CaseAccepted(case=a_case(case_id="anothers", unit="sandun/water")), "sandun"),
    (CaseAccepted(case=a_case(case_id="elsewhere", tenant="xixi")), "xixi"),
    (CaseAccepted(case=a_case(case_id="played", tenant="sandun~ex7")), "sandun~ex7"),
    (CaseClosed(case=a_case(case_id="last")), "sandun"),
]


def test_a_live_stream_shows_what_its_watcher_may_see(gate: Gate) -> None:
    assert seen(gate, gate.bearer(Role.HANDLER), EVENTS) == ["mine", "last"]
    assert seen(gate, gate.bearer(Role.TOWN_LEAD), EVENTS) == ["mine", "anothers", "last"]
    district = gate.bearer(Role.DISTRICT_LEAD, tenant="xihu")
    assert seen(gate, district, EVENTS, "xihu") == ["mine", "anothers", "elsewhere", "last"]


def test_a_live_stream_is_refused_to_whoever_may_not_watch(gate: Gate) -> None:
    assert gate.http.get("/v1/stream").status_code == 401
    assert gate.http.get("/v1/stream", headers=gate.bearer(Role.CITIZEN)).status_code == 403
    assert gate.http.get("/v1/stream?tenant=xixi", headers=gate.bearer(Role.TOWN_LEAD)).status_code == 403


def test_a_live_stream_ends_with_its_token(gate: Gate) -> None:
    with gate.http.stream("GET", "/v1/stream", headers=gate.bearer(Role.TOWN_LEAD, seconds=2)) as answer:
        text = "".join(answer.iter_text())
    assert "event: expired" in text


def test_without_a_broker_calls_are_unavailable_and_signing_in_goes_on(database_url: Databases) -> None:
    with running(settings(DEAD_END, database_url(build_gateway))) as (http, _):
        form = {"account": "sandun.sweep.1", "password": first_password(SECRET, "sandun.sweep.1")}
        token = http.post("/v1/session", json=form).json()["token"]
        answer = http.get("/v1/work", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert "retry-after" in answer.headers
        ready = http.get("/readyz")
        assert (ready.status_code, ready.json()["checks"]["database"]) == (503, "answers")
        assert http.get("/healthz").status_code == 200


def test_report_traffic_goes_to_the_door_and_back_unchanged(database_url: Databases) -> None:
    with (
        opened(database_url(build_intake)) as door,
        served(door.http.app) as door_url,
        running(settings(DEAD_END, database_url(build_gateway), door_url)) as (http, _),
    ):
        report = {"text": "路边垃圾成堆", **SANDUN}
        signed_in = door.token("p1", "sandun", Role.CITIZEN)
        headers = {**signed_in, "Idempotency-Key": "k1", "Accept-Language": "en"}
        first = http.post("/v1/reports", json=report, headers=headers)
        again = http.post("/v1/reports", json=report, headers=headers)
        other = http.post("/v1/reports", json={**report, "text": "另一件"}, headers=headers)
        assert (first.status_code, again.json(), other.status_code) == (201, first.json(), 409)
        assert other.json()["title"] == "Idempotency key reused"
        [row] = door.rows()
        assert row.client == "p1"
        found = http.get(f"/v1/reports/{row.report_id}", params={"token": first.json()["token"]})
        assert (found.status_code, found.json()["report_id"]) == (200, row.report_id)
        bad = http.post("/v1/reports", content=b"\xff", headers={"Content-Type": "application/json"})
        assert (bad.status_code, bad.json()["code"]) == (400, "not-utf8")
