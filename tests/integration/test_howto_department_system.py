"""The how-to's client, as a department would run it: over HTTP at the gateway and the door, on a real database."""

import importlib.util
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from qipan.access import Role, Verifier, first_password
from qipan.contracts.base import Request
from qipan.contracts.case import CaseState, Place, Stage
from qipan.contracts.commands import AcceptTask, CaseAnswer
from qipan.contracts.errors import Forbidden, Invalid, NotFound, QipanError
from qipan.contracts.events import CaseAccepted, CaseEvent, CaseFiled
from qipan.contracts.feed import GetFeed, NoteReference
from qipan.hosting.embedded import EmbeddedPostgres
from qipan.observability.health import Health
from qipan.storage.timers import take_due
from qipan.tenancy import District
from qipan.testing import Databases
from services.gateway.accounts import Accounts
from services.gateway.door import Door
from services.gateway.live import Live
from services.gateway.parts import Parts
from services.gateway.sessions import Sessions
from services.gateway.web import create_app
from services.intake import feed
from services.intake.feed import FORGET_DUE, Readers, Told
from tests.integration.intake_counter import Counter
from tests.integration.intake_here import NOON, ROOT, SANDUN, build_intake, opened, xihu

POLICE, LAMP, PARKING = "traffic-police", "s:01037", "s:09009"
SECRET = "a test's secret"


def script() -> ModuleType:
    """The how-to's own file."""
    spec = importlib.util.spec_from_file_location("client", ROOT / "docs/howto/department-system/client.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CLIENT = script()


def with_feed() -> District:
    """Xihu, whose traffic police keep a feed."""
    district = xihu()
    parts = district.parts[POLICE]
    settings = {**parts.settings, "feed.kept": True, "feed.days": 2}
    return replace(district, parts={**district.parts, POLICE: replace(parts, settings=settings)})


@dataclass
class InProcess:
    """A caller that asks intake here; what goes to other services is remembered."""

    counter: Counter
    asked: list[dict[str, Any]] = field(default_factory=list)

    def submit(
        self,
        request: Request[Any],
        *,
        tenant: str,
        principal: str | None = None,
        timeout: float,
        id: str | None,
    ) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            if request.service == "intake":
                future.set_result(self.counter.carry(request, principal, tenant, id))
            else:
                self.asked.append({"request": request, "tenant": tenant, "id": id})
                future.set_result(CaseAnswer(case=case("r", 2, Stage.ACCEPTED)))
        except QipanError as error:
            future.set_exception(error)
        return future


@dataclass
class OneAddress:
    """The gateway, and behind it the door: as the department sees it, one address."""

    gateway: TestClient
    door: TestClient

    def request(self, method: str, path: str, **request: Any) -> httpx.Response:
        behind = self.door if (method, path) == ("POST", "/v1/reports") else self.gateway
        return behind.request(method, path, **request)

    def post(self, path: str, **request: Any) -> httpx.Response:
        return self.request("POST", path, **request)


@dataclass
class Office:
    """Everything at hand: the department's client, and the services that it talks to."""

    qipan: Any
    counter: Counter
    calls: InProcess


class NoChangedPasswords:
    """A database in which nobody has changed a password."""

    @property
    def engine(self) -> "NoChangedPasswords":
        return self

    def connect(self) -> "NoChangedPasswords":
        return self

    def __enter__(self) -> "NoChangedPasswords":
        return self

    def __exit__(self, *_: object) -> None: ...

    def execute(self, _query: object) -> "NoChangedPasswords":
        return self

    def scalar_one_or_none(self) -> None:
        return None


@pytest.fixture(scope="module")
def office(postgres: EmbeddedPostgres, database_templates: dict[str, str]) -> Iterator[Office]:
    databases, district = Databases(postgres, database_templates), with_feed()
    with opened(databases(build_intake), district=district) as here:
        counter = Counter.open(here, district=district)
        calls = InProcess(counter)
        accounts: Any = Accounts(district, NoChangedPasswords(), SECRET)  # type: ignore[arg-type]
        parts = Parts(
            district=district,
            verifier=Verifier(here.verify_key),
            sessions=Sessions(accounts, here.signer, 60),
            caller=calls,  # type: ignore[arg-type]
            door=Door("http://127.0.0.1:9"),
            live=Live(lambda: None),  # type: ignore[arg-type, return-value]
            inbox=None,  # type: ignore[arg-type]
        )
        with TestClient(create_app(lambda: parts, Health()), raise_server_exceptions=False) as gateway:
            password = first_password(SECRET, f"{POLICE}.its")
            http: Any = OneAddress(gateway, here.http)
            yield Office(CLIENT.Qipan(http, f"{POLICE}.its", password), counter, calls)
    databases.drop()


def case(report_id: str, version: int, stage: Stage, department: str = POLICE) -> CaseState:
    return CaseState(
        case_id=f"c-{report_id}",
        report_id=report_id,
        tenant="sandun",
        version=version,
        stage=stage,
        matter=PARKING,
        place=Place(**SANDUN),
        summary="x",
        channel="citizen",
        received_at=NOON,
        filed_at=NOON,
        department=department,
        unit="sandun/traffic",
        stage_times={stage: NOON + timedelta(minutes=version)},
    )


def reported(office: Office, words: str) -> str:
    body = {"text": words, "matter": PARKING, **SANDUN}
    return str(office.counter.here.http.post("/v1/reports", json=body).json()["report_id"])


def moved(office: Office, kind: type[CaseEvent], state: CaseState) -> None:
    office.counter.follow(kind(case=state))


def newest(office: Office, report_id: str) -> list[tuple[str, str | None]]:
    found = [entry for entry in office.qipan.changes(None) if entry["report_id"] == report_id]
    return [(entry["status"], entry.get("reference")) for entry in found]


def test_a_report_is_pushed_once_by_its_reference_and_followed_in_the_feed(office: Office) -> None:
    first = office.qipan.report("JJ-2026-1", "路灯被撞断", **SANDUN, matter=LAMP)
    assert office.qipan.report("JJ-2026-1", "路灯被撞断", **SANDUN, matter=LAMP) == first
    with pytest.raises(httpx.HTTPStatusError) as other:
        office.qipan.report("JJ-2026-1", "另一件事", **SANDUN, matter=LAMP)
    assert (other.value.response.status_code, other.value.response.json()["code"]) == (409, "key-reused")
    office.counter.triage()
    moved(office, CaseFiled, case(first["report_id"], 1, Stage.FILED, "housing-construction"))
    assert newest(office, first["report_id"]) == [("filed", "JJ-2026-1"), ("filed", "JJ-2026-1")]


def test_only_a_tenants_own_system_sends_a_number(office: Office) -> None:
    body = {"text": "路灯不亮", "reference": "X1", **SANDUN}
    answer = office.counter.here.http.post("/v1/reports", json=body)
    assert (answer.status_code, answer.json()["faults"][0]["where"]) == (422, "reference")


def test_it_hears_of_the_cases_it_is_given_and_of_no_other(office: Office) -> None:
    ours, theirs = reported(office, "占道停车"), reported(office, "暴露垃圾在别处")
    office.counter.triage()
    moved(office, CaseFiled, case(ours, 1, Stage.OFFERED))
    moved(office, CaseFiled, case(theirs, 1, Stage.OFFERED, "sanitation"))
    assert (newest(office, ours), newest(office, theirs)) == ([("offered", None)], [])
    office.qipan.note("sandun", ours, "JJ-7")
    moved(office, CaseAccepted, case(ours, 2, Stage.ACCEPTED))
    assert newest(office, ours) == [("offered", None), ("accepted", "JJ-7")]
    with pytest.raises(httpx.HTTPStatusError) as refused:
        office.qipan.note("sandun", theirs, "JJ-8")
    assert refused.value.response.status_code == 403


def test_it_takes_a_step_of_its_task_once(office: Office) -> None:
    for _ in range(2):
        office.qipan.step("sandun", "c-1", "accept", key="JJ-7/accept")
    first, again = office.calls.asked[-2:]
    assert (first["request"], first["tenant"]) == (AcceptTask(case_id="c-1"), "sandun")
    assert first["id"] == again["id"]


def test_what_was_not_dealt_with_comes_again(office: Office, tmp_path: Path) -> None:
    cursor, seen = tmp_path / "cursor", []
    for number in range(5):
        moved(office, CaseFiled, case(reported(office, f"占道停车 {number}"), 1, Stage.OFFERED))

    def deal_with(entry: Any) -> None:
        if len(seen) == 3:
            seen.append("crash")
            raise RuntimeError
        seen.append(entry["cursor"])

    with pytest.raises(RuntimeError):
        CLIENT.catch_up(office.qipan, cursor, deal_with)
    CLIENT.catch_up(office.qipan, cursor, deal_with)
    seen.remove("crash")
    every = [entry["cursor"] for entry in office.qipan.changes(None)]
    assert seen == every
    assert [entry["cursor"] for entry in office.qipan.changes(None, page=2)] == every
    assert CLIENT.catch_up(office.qipan, cursor, deal_with) == 0


@dataclass(frozen=True)
class Changed:
    """A report whose status changed."""

    tenant: str = "sandun"
    report_id: str = "r"
    client: str = "anonymous"
    reference: str | None = None


def test_an_entry_that_is_committed_late_is_not_passed_over(office: Office) -> None:
    database, readers = office.counter.here.database, office.counter.service.desk.readers
    [*_, last] = office.qipan.changes(None)

    def seen() -> list[str]:
        return [entry["report_id"] for entry in office.qipan.changes(last["cursor"])]

    told = Told("offered", NOON, "c", PARKING, POLICE)
    with database.begin() as slow:
        feed.write(slow, readers, [(Changed(report_id="slow"), told)])
        with database.begin() as quick:
            feed.write(quick, readers, [(Changed(report_id="quick"), told)])
        assert seen() == []
    assert seen() == ["slow", "quick"]


def test_nobody_reads_anothers_feed_or_one_that_is_not_kept(office: Office) -> None:
    police = {"of": POLICE, "sub": f"{POLICE}.its"}
    with pytest.raises(Forbidden):
        office.counter.ask(GetFeed(), Role.SERVICE, tenant="sandun", **police)
    with pytest.raises(Forbidden):
        office.counter.ask(GetFeed(), Role.ACCEPTOR)
    with pytest.raises(NotFound):
        office.counter.ask(GetFeed(), Role.SERVICE)
    with pytest.raises(Invalid):
        office.counter.ask(GetFeed(after="1; DROP"), Role.SERVICE, tenant=POLICE, **police)
    note = NoteReference(report_id="nobody", reference="x")
    with pytest.raises(NotFound):
        office.counter.ask(note, Role.SERVICE, **police)


def test_an_exercise_is_heard_of_in_the_exercise_only() -> None:
    readers = Readers.of(with_feed())
    told = Told("offered", NOON, department=POLICE)
    assert readers.hears(Changed("sandun~ex7"), told) == [f"{POLICE}~ex7"]
    pushed = Changed("liuxia", client=f"{POLICE}.its", reference="JJ-1")
    assert readers.hears(pushed, Told("declined", NOON)) == [POLICE]
    assert readers.hears(Changed(), Told("offered", NOON, department="sanitation")) == []
    assert Readers.of(xihu()).days == {}


def test_what_is_old_is_forgotten(office: Office) -> None:
    here = office.counter.here
    assert here.rows("feed")
    here.clock.advance(timedelta(days=2))
    with here.database.begin() as work:
        assert take_due(work.conn, "intake", FORGET_DUE, here.clock.now(POLICE)) == []
    here.clock.advance(timedelta(days=2))
    with here.database.begin() as work:
        office.counter.service.forget_entries(
            work, take_due(work.conn, "intake", FORGET_DUE, here.clock.now(POLICE))
        )
    assert here.rows("feed") == []
