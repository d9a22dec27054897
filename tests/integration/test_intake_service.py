"""Intake as it runs: the door, a core process of the service, a real broker between it and the others."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import make_url

from qipan.access import Principal, Role
from qipan.contracts.commands import DecideReport, SubmitReport
from qipan.contracts.envelope import Header
from qipan.contracts.errors import Forbidden, KeyReused, Unauthenticated, WrongTenant
from qipan.contracts.events import Outcome, ReportTriaged
from qipan.contracts.queries import GetReport, ListHeld, TellReport
from qipan.messaging import topology
from qipan.messaging.client import Client
from qipan.messaging.wire import Wire
from qipan.testing import Broker, Databases
from tests.integration.intake_here import CONTACT_KEYS, LIUXIA, ROOT, SANDUN, Here, build_intake, opened


@dataclass
class Running:
    """The door, the service's process and an ear on what is told."""

    here: Here
    broker: Broker
    client: Client
    process: subprocess.Popen[bytes]
    heard: list[tuple[Header, dict[str, Any]]] = field(default_factory=list)

    def token(self, *roles: Role, tenant: str = "sandun") -> str:
        principal = Principal(sub=f"{tenant}.tester", name="x", tenant=tenant, roles=frozenset(roles))
        return self.here.signer.token(principal, 600)

    def post(self, words: str) -> str:
        answer = self.here.http.post("/v1/reports", json={"text": words, **SANDUN})
        assert answer.status_code == 201
        return str(answer.json()["report_id"])

    def status(self, report_id: str) -> str:
        query = GetReport(report_id=report_id)
        answer = self.client.call(query, tenant="sandun", principal=self.token(Role.SUPERVISOR))
        return str(answer.status)

    def outcome(self, report_id: str) -> str:
        """What is told of a report, once it is."""
        until(lambda: any(said["subject"] == report_id for _, said in self.heard))
        return next(said["data"]["outcome"] for _, said in self.heard if said["subject"] == report_id)


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for something to become true; the limit only ends a test that would never end."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("it did not come about")
        time.sleep(0.02)


@pytest.fixture
def running(broker: Broker, database_url: Databases) -> Iterator[Running]:
    url = database_url(build_intake)
    with opened(url) as here:
        environment = {
            **os.environ,
            "QIPAN_AMQP_URL": broker.url,
            "QIPAN_CORE_USER": str(make_url(broker.url).username),
            "QIPAN_DATABASE_URL": url,
            "QIPAN_DISTRICT": str(ROOT / "districts/xihu"),
            "QIPAN_CONTACT_KEYS": CONTACT_KEYS,
            "QIPAN_DOOR_SECRET": "of this test",
            "QIPAN_VERIFY_KEY": here.verify_key,
        }
        command = [sys.executable, "-m", "qipan.hosting.service_main", "intake"]
        wire = Wire(broker.url, "topology")
        topology.declare(wire.channel, topology.core_declarations())
        wire.close()
        process = subprocess.Popen(command, env=environment, cwd=ROOT)
        client = Client(broker.url, "test")
        found = Running(here, broker, client, process)
        client.listen(
            [f"*.{ReportTriaged.type}"], lambda header, body: found.heard.append((header, json.loads(body)))
        )
        client.start(10)
        try:
            until(lambda: served(found))
            yield found
        finally:
            client.stop()
            process.terminate()
            process.wait(30)


def served(running: Running) -> bool:
    """Whether the service answers."""
    try:
        running.client.call(ListHeld(), tenant="sandun", principal=running.token(Role.ACCEPTOR), timeout=1)
    except Exception:
        return False
    return True


def test_a_report_is_triaged_told_of_and_can_be_asked_about(running: Running) -> None:
    report_id = running.post("小区门口暴露垃圾无人清理")
    assert running.outcome(report_id) == Outcome.FILE
    [(header, said)] = running.heard
    assert (header.tenant, said["data"]["matter"]) == ("sandun", "s:06010")
    assert running.status(report_id) == "filed"
    story = running.client.call(
        TellReport(subject=report_id), tenant="sandun", principal=running.token(Role.SUPERVISOR)
    )
    assert [happening.what for happening in story.happenings] == ["received", "triaged"]


def test_a_held_report_waits_for_its_acceptor(running: Running) -> None:
    report_id = running.post("嗯嗯嗯")
    assert running.outcome(report_id) == Outcome.HOLD
    acceptor = running.token(Role.ACCEPTOR)
    page = running.client.call(ListHeld(limit=1), tenant="sandun", principal=acceptor)
    assert [held.report_id for held in page.reports] == [report_id]
    assert page.next is None
    decision = DecideReport(report_id=report_id, outcome=Outcome.FILE, matter="s:06010")
    for nobody, error in ((None, Unauthenticated), (running.token(Role.CITIZEN), Forbidden)):
        with pytest.raises(error):
            running.client.call(decision, tenant="sandun", principal=nobody)
    first = running.client.call(decision, tenant="sandun", principal=acceptor, id="d1")
    again = running.client.call(decision, tenant="sandun", principal=acceptor, id="d1")
    assert first == again
    assert first.status == "filed"
    until(lambda: len(running.heard) == 2)


def test_a_towns_service_reports_once_with_one_key(running: Running) -> None:
    service = running.token(Role.SERVICE)
    command = SubmitReport(key="gauge-1/7", text="河道水位超过警戒线", **SANDUN)
    first = running.client.call(command, tenant="sandun", principal=service)
    again = running.client.call(command, tenant="sandun", principal=service)
    assert first == again
    with pytest.raises(KeyReused):
        running.client.call(command.model_copy(update={"text": "别的"}), tenant="sandun", principal=service)
    with pytest.raises(WrongTenant):
        running.client.call(command.model_copy(update=LIUXIA), tenant="sandun", principal=service)
    [row] = running.here.rows()
    assert (row.channel, row.client) == ("sensor", "sandun.tester")


@pytest.mark.kills_broker
def test_the_door_stays_open_while_the_broker_is_down_and_nothing_is_lost(running: Running) -> None:
    running.broker.node.kill()
    try:
        during = [running.post(f"{number} 号楼前暴露垃圾") for number in range(20)]
        assert running.here.http.get("/readyz").status_code == 200
    finally:
        running.broker.node.restart()
    until(lambda: {row.report_id for row in running.here.rows() if row.status != "received"} >= set(during))
