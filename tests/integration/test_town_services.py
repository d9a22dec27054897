"""Tenants' own services as processes on a real broker and database: they serve, leave and come back."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, create_engine, text

from qipan.access import Principal, Role, Signer
from qipan.contracts.base import Request
from qipan.contracts.case import CaseState, Place, Stage
from qipan.contracts.commands import AcceptTask, DisposeTask
from qipan.contracts.envelope import Envelope
from qipan.contracts.errors import Conflict
from qipan.contracts.events import Outcome, ReportTriaged
from qipan.contracts.queries import ListWork, TellCase
from qipan.hosting.embedded import EmbeddedBroker, EmbeddedPostgres
from qipan.hosting.plan import plan
from qipan.hosting.running import RunningDistrict, run_district
from qipan.ids import new_id
from qipan.messaging import topology
from qipan.messaging.client import Client
from qipan.messaging.provision import user_url
from qipan.messaging.publisher import Fate, Publisher
from qipan.messaging.wire import Outgoing
from qipan.settings import Settings

ROOT = Path(__file__).parents[2]
TUESDAY_NOON = datetime(2026, 6, 16, 4, tzinfo=UTC)
UNNEEDED = ("notify", "analytics", "gateway")
SANDUN, BEISHAN, SHUANGPU = (120.085, 30.325), (120.135, 30.270), (120.068, 30.093)


@dataclass
class Running:
    """The running district, with somebody to speak for everyone in it."""

    running: RunningDistrict
    client: Client
    engine: Engine
    amqp_url: str

    def ask(self, sub: str, request: Request[Any], tenant: str = "sandun") -> Any:
        person = next(person for person in self.running.district.people if person.id == sub)
        principal = Principal(
            sub=sub,
            name=sub,
            tenant=person.tenant,
            roles=frozenset(Role(role) for role in person.roles),
            units=frozenset({person.unit} if person.unit else ()),
            cells=frozenset(person.cells),
        )
        token = Signer(self.running.credentials.signing_key).token(principal, 600)
        return self.client.call(request, tenant=tenant, principal=token, timeout=10)

    def report(self, where: tuple[float, float], said: str, matter: str) -> str:
        lon, lat = where
        answer = httpx.post(
            f"{self.running.door_url}/v1/reports",
            json={"text": said, "matter": matter, "lon": lon, "lat": lat},
            timeout=20,
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["report_id"])

    def file(self, tenant: str, report_ids: list[str], matter: str, ids: list[str] | None = None) -> None:
        """Say directly, as the core does, that reports were triaged to be filed."""
        publisher = Publisher(self.amqp_url, "test")
        try:
            fates = publisher.publish_all(
                [
                    triaged(tenant, report_id, matter, id)
                    for report_id, id in zip(report_ids, ids or map(new_id_of, report_ids), strict=True)
                ]
            )
            assert set(fates) == {Fate.CONFIRMED}
        finally:
            publisher.close()

    def cases(self, tenant: str, report_ids: list[str] | None = None) -> list[CaseState]:
        with self.engine.connect() as conn:
            rows = conn.execute(
                text("SELECT state FROM dispatch.cases WHERE tenant = :tenant"), {"tenant": tenant}
            )
            found = [CaseState.model_validate(row.state) for row in rows]
        return [case for case in found if report_ids is None or case.report_id in report_ids]

    def case_of(self, tenant: str, report_id: str) -> CaseState:
        return until(lambda: next(iter(self.cases(tenant, [report_id])), None))


def new_id_of(_: str) -> str:
    return new_id()


def triaged(tenant: str, report_id: str, matter: str, id: str) -> Outgoing:
    report = ReportTriaged(
        report_id=report_id,
        outcome=Outcome.FILE,
        matter=matter,
        place=Place(lon=120.1, lat=30.2),
        summary="路边垃圾成堆",
        channel="app",
        received_at=TUESDAY_NOON,
        triaged_at=TUESDAY_NOON,
    )
    body = Envelope.seal(report, id=id, source="intake", tenant=tenant, subject=report_id, traceparent=None)
    return Outgoing(
        topology.EVENTS,
        topology.key(tenant, report.type),
        body,
        {"type": report.type, "delivery_mode": 2, "user_id": "core"},
    )


def until(found: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What `found` gives, once it gives something; the limit only ends a test that would never end."""
    end = time.monotonic() + seconds
    while not (value := found()):
        if time.monotonic() > end:
            raise AssertionError("it did not come about")
        time.sleep(0.1)
    return value


@pytest.fixture(scope="module")
def here(
    broker_node: EmbeddedBroker, postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    vhost = f"towns-{new_id()}"
    now = datetime.now(UTC).isoformat()
    noon = TUESDAY_NOON.isoformat()
    clocks = {
        "*": {"domain": noon, "real": now, "rate": 1},
        "shuangpu": {"domain": noon, "real": now, "rate": 3600},
    }
    settings = Settings(
        amqp_url=broker_node.create_vhost(vhost),
        amqp_management_url=broker_node.admin_url,
        database_url=postgres.create_database(f"towns_{new_id().replace('-', '')}"),
        district=ROOT / "districts/xihu",
        clocks=json.dumps(clocks),
        var=tmp_path_factory.mktemp("towns"),
    )
    with run_district(
        settings,
        say=lambda text: None,
        processes=lambda district: [spec for spec in plan(district) if spec.service not in UNNEEDED],
    ) as running:
        core_url = user_url(settings.amqp_url, "core", running.credentials.secret)
        client = Client(core_url, "test")
        client.start(seconds=10)
        engine = create_engine(settings.database_url)
        yield Running(running, client, engine, core_url)
        engine.dispose()
        client.stop()
    broker_node.delete_vhost(vhost)


def test_a_gauge_that_stands_too_high_becomes_a_case_for_the_towns_own_team(here: Running) -> None:
    token = here.running.credentials.token("gauge", "sandun", Role.MACHINE)
    lon, lat = SANDUN
    reading = {
        "reading_id": "1",
        "device": "gauge-1",
        "quantity": "water-level",
        "value": 3.9,
        "unit": "m",
        "lon": lon,
        "lat": lat,
    }
    answer = httpx.post(
        f"{here.running.door_url}/v1/readings",
        json=[reading, {**reading, "reading_id": "2"}],
        headers={"Authorization": f"Bearer {token}"},
        timeout=20,
    )
    assert answer.is_success, answer.text
    [case] = until(lambda: here.cases("sandun"))
    assert (case.matter, case.channel, case.unit) == ("x-xihu:em:00002", "sensor", "sandun/rescue")
    assert case.served_by == "dispatch@sandun"
    told = here.ask("sandun.supervisor.1", TellCase(subject=case.case_id)).happenings
    assert "Sandun's own emergency team" in told[0].detail["why"]


def test_the_traffic_polices_own_service_takes_its_tasks_in_a_town_that_the_core_serves(
    here: Running,
) -> None:
    report_id = here.report(BEISHAN, "路边违停", "s:09009")
    case = here.case_of("beishan", report_id)
    assert case.served_by == "dispatch"
    case = until(
        lambda: next((c for c in here.cases("beishan", [report_id]) if c.stage is Stage.ACCEPTED), None)
    )
    assert case.worker == "beishan.traffic.1"
    told = here.ask("beishan.supervisor.1", TellCase(subject=report_id), "beishan").happenings
    assert [(h.what, h.who) for h in told] == [("file", "system"), ("accept", "squad@traffic-police")]
    done = here.ask(
        "beishan.traffic.1", DisposeTask(case_id=case.case_id, evidence=("photo:1",)), "beishan"
    ).case
    assert done.stage is Stage.DISPOSED


def test_a_message_told_again_and_again_is_one_case(here: Running) -> None:
    reports = [new_id() for _ in range(20)]
    ids = [new_id() for _ in reports]
    for _ in range(3):
        here.file("sandun", reports, "s:06010", ids)
    here.file("sandun", reports, "s:06010")  # and once as other messages about the same reports
    last = new_id()
    here.file("sandun", [last], "s:06010")
    here.case_of("sandun", last)
    cases = here.cases("sandun", reports)
    assert len(cases) == 20
    assert {case.version for case in cases} == {1}


def test_of_many_who_accept_over_the_broker_one_wins(here: Running) -> None:
    report_id = new_id()
    here.file("sandun", [report_id], "s:06010")
    case = here.case_of("sandun", report_id)

    def accept(number: int) -> str:
        try:
            here.ask(f"sandun.sweep.{number}", AcceptTask(case_id=case.case_id))
        except Conflict:
            return ""
        return f"sandun.sweep.{number}"

    with ThreadPoolExecutor(8) as pool:
        [winner] = filter(None, pool.map(accept, range(1, 9)))
    assert here.case_of("sandun", report_id).worker == winner


def test_two_replicas_tell_of_each_clock_once(here: Running) -> None:
    """Shuangpu runs the core's dispatch twice for itself; an hour of its time is a second here."""
    reports = [new_id() for _ in range(40)]
    here.file("shuangpu", reports, "s:06010")
    until(lambda: len([c for c in here.cases("shuangpu", reports) if c.counters.overdue]) == len(reports))
    marker = new_id()
    here.file("shuangpu", [marker], "s:06010")
    until(lambda: here.case_of("shuangpu", marker).counters.overdue)
    cases = here.cases("shuangpu", reports)
    assert {(case.counters.overdue, case.version, case.served_by) for case in cases} == {
        (1, 2, "dispatch@shuangpu")
    }
    with here.engine.connect() as conn:
        told = conn.execute(
            text("SELECT count(*) FROM dispatch.history WHERE tenant = 'shuangpu' AND what = 'overdue'")
        ).scalar_one()
    assert told == len(reports) + 1


def test_when_a_towns_own_service_leaves_the_core_serves_and_when_it_comes_back_it_serves(
    here: Running,
) -> None:
    def filed_by() -> str:
        report_id = new_id()
        here.file("sandun", [report_id], "s:06010")
        here.ask("sandun.sweep.1", ListWork(limit=1))
        return here.case_of("sandun", report_id).served_by

    assert filed_by() == "dispatch@sandun"
    here.running.host.retire("dispatch", "sandun")
    assert filed_by() == "dispatch"
    here.running.host.scale("dispatch", "sandun", 1)
    assert until(lambda: filed_by() == "dispatch@sandun")
