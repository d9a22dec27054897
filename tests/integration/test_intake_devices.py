"""Devices: registered with keys of their own; their alarms in bulk, debounced, in a fixed number of statements."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event

from qipan.access import Role, api_key_digest, new_api_key
from qipan.contracts.devices import DeviceKind, ListDevices, RegisterDevice, RevokeDevice
from qipan.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from qipan.contracts.queries import ListHeld, TellReport
from qipan.hosting.embedded import EmbeddedPostgres
from qipan.testing import Databases
from services.intake.devices.desk import DEBOUNCE_MINUTES
from tests.integration.intake_counter import Counter
from tests.integration.intake_here import LIUXIA, SANDUN, build_intake, opened

LAMP = "s:01037"
OPERATOR = Role.OPERATOR


@pytest.fixture(scope="module")
def counter(postgres: EmbeddedPostgres, database_templates: dict[str, str]) -> Iterator[Counter]:
    databases = Databases(postgres, database_templates)
    with opened(databases(build_intake)) as here:
        yield Counter.open(here)
    databases.drop()


def register(counter: Counter, device_id: str, kind: str = "sensor", **fields: Any) -> str:
    """The new device's key; that of its hub is the hub's own."""
    tenant = fields.pop("tenant", "sandun")
    key = new_api_key(tenant)
    digest = None if "hub" in fields else api_key_digest(key)
    command = RegisterDevice(device_id=device_id, kind=DeviceKind(kind), digest=digest, **fields)
    counter.ask(command, OPERATOR, tenant=tenant, of=tenant)
    return key


def send(counter: Counter, key: str, *alarms: dict[str, Any]) -> Any:
    return counter.here.http.post("/v1/alarms", json=list(alarms), headers={"X-Device-Key": key})


def results(answer: Any) -> list[str | None]:
    assert answer.status_code == 200, answer.text
    return [line.get("result") for line in answer.json()["results"]]


def test_a_device_is_registered_listed_and_revoked(counter: Counter) -> None:
    key = register(counter, "lamp-1", matter=LAMP, **SANDUN)
    [row] = [row for row in counter.here.rows("devices") if row.device_id == "lamp-1"]
    assert row.digest == api_key_digest(key)
    assert key.partition(".")[2] not in str(row)
    with pytest.raises(Conflict):
        register(counter, "lamp-1", matter=LAMP, **SANDUN)
    listed = counter.ask(ListDevices(limit=1), OPERATOR)
    assert [one.device_id for one in listed.devices] == ["lamp-1"]
    assert results(send(counter, key, {"alarm_id": "a1"})) == ["reported"]
    assert counter.ask(RevokeDevice(device_id="lamp-1"), OPERATOR).revoked_by == "sandun.operator.1"
    refused = send(counter, key, {"alarm_id": "a2"})
    assert (refused.status_code, refused.json()["type"]) == (401, "urn:qipan:problem:unauthenticated")
    assert refused.headers["content-type"] == "application/problem+json"
    assert results(send(counter, register(counter, "lamp-1", matter=LAMP, **SANDUN), {"alarm_id": "a2"}))
    with pytest.raises(NotFound):
        counter.ask(RevokeDevice(device_id="nobody"), OPERATOR)
    with pytest.raises(Forbidden):
        counter.ask(ListDevices(), Role.ACCEPTOR)


@pytest.mark.parametrize("key", [None, "", "noise", "sandun.forged", "atlantis.forged"])
def test_a_key_of_no_device_opens_nothing(counter: Counter, key: str | None) -> None:
    headers = {} if key is None else {"X-Device-Key": key}
    answer = counter.here.http.post("/v1/alarms", json=[{"alarm_id": "a"}], headers=headers)
    assert answer.status_code == 401


def test_every_fault_of_a_registration_is_told(counter: Counter) -> None:
    wrong = RegisterDevice(device_id="x", kind=DeviceKind.HUB, hub="nobody", matter="s:99999", **LIUXIA)
    with pytest.raises(Invalid) as caught:
        counter.ask(wrong, OPERATOR)
    assert {fault.where for fault in caught.value.faults} == {"hub", "kind", "matter", "lon, lat"}


def test_repeated_alarms_join_the_report_that_stands(counter: Counter) -> None:
    key = register(counter, "lamp-2", matter=LAMP, **SANDUN)
    first = send(counter, key, {"alarm_id": "a1", "level": "high"}).json()["results"][0]
    counter.triage()
    counter.here.clock.advance(timedelta(minutes=DEBOUNCE_MINUTES))
    second = send(counter, key, {"alarm_id": "a2"}, {"alarm_id": "a1"}, {"alarm_id": "a2"})
    assert results(second) == ["joined", "repeated", "repeated"]
    assert {line["report_id"] for line in second.json()["results"]} == {first["report_id"]}
    assert second.json()["results"][0]["times"] == 2
    cleared = send(counter, key, {"alarm_id": "a2", "cleared": True})
    assert results(cleared) == ["cleared"]
    [told] = [one for one in counter.here.said() if one["type"] == "alarm.cleared.v1"]
    assert (told["subject"], told["data"]["device"]) == (first["report_id"], "lamp-2")
    story = counter.ask(TellReport(subject=first["report_id"]), Role.SUPERVISOR).happenings
    assert story[0].detail["level"] == "high"
    assert [(one.what, one.detail.get("times")) for one in story[-2:]] == [
        ("alarm repeated", "2"),
        ("alarm cleared", None),
    ]
    counter.here.clock.advance(timedelta(minutes=DEBOUNCE_MINUTES + 1))
    later = send(counter, key, {"alarm_id": "a3"})
    assert results(later) == ["reported"]
    assert later.json()["results"][0]["report_id"] != first["report_id"]


def test_a_hub_speaks_for_the_devices_behind_it_and_for_no_other(counter: Counter) -> None:
    key = register(counter, "nvr-1", "hub")
    register(counter, "cam-1", "camera", hub="nvr-1", **SANDUN)
    register(counter, "cam-2", "camera", hub="nvr-1", **SANDUN)
    register(counter, "cam-3", "camera", matter=LAMP, **SANDUN)
    counter.ask(RevokeDevice(device_id="cam-2"), OPERATOR)
    rubbish = {"matter": "s:06010", "text": "画面识别：暴露垃圾"}
    answer = send(
        counter,
        key,
        {"alarm_id": "1", "device": "cam-1", **rubbish},
        {"alarm_id": "2", "device": "cam-2", **rubbish},
        {"alarm_id": "3", "device": "cam-3", **rubbish},
        {"alarm_id": "4", **rubbish},
        {"alarm_id": "5", "device": "cam-1", "matter": "s:99999"},
        {"alarm_id": "6", "device": "cam-1", **rubbish, **LIUXIA},
        {"alarm": "7"},
    )
    assert results(answer) == ["reported", None, None, None, None, None, None]
    codes = [
        line.get("problem") and line["problem"]["type"].rpartition(":")[2]
        for line in answer.json()["results"]
    ]
    assert codes == [
        None,
        "forbidden",
        "forbidden",
        "invalid",
        "unknown-matter",
        "forbidden",
        "invalid",
    ]
    [row] = [row for row in counter.here.rows() if row.client == "device:sandun/cam-1"]
    assert (row.channel, row.text, row.tenant) == ("camera", "画面识别：暴露垃圾", "sandun")


def test_an_urgent_alarm_is_an_emergency_whatever_stands(counter: Counter) -> None:
    key = register(counter, "lamp-4", matter=LAMP, **SANDUN)
    answer = send(counter, key, {"alarm_id": "1"}, {"alarm_id": "2", "level": "urgent"})
    assert results(answer) == ["reported", "reported"]
    counter.triage()
    told = {one["subject"]: one["data"] for one in counter.here.said() if one["type"] == "report.triaged.v1"}
    urgent = told[answer.json()["results"][1]["report_id"]]
    assert (urgent["outcome"], urgent["reason"], urgent["level"]) == ("file", "emergency", "urgent")


def test_what_an_urgent_alarm_is_about_may_be_unknown_the_acceptor_sees_the_risk(counter: Counter) -> None:
    key = register(counter, "box-7", **SANDUN)
    answer = send(counter, key, {"alarm_id": "1", "level": "urgent", "text": "嗯嗯嗯"})
    counter.triage()
    held = {one.report_id: one for one in counter.ask(ListHeld(), Role.ACCEPTOR).reports}
    assert held[answer.json()["results"][0]["report_id"]].level == "urgent"


def test_a_districts_device_reports_where_it_is_and_an_exercises_stays_there(counter: Counter) -> None:
    key = register(counter, "drone", tenant="xihu", matter=LAMP)
    answer = send(counter, key, {"alarm_id": "1", **SANDUN}, {"alarm_id": "2", **LIUXIA}, {"alarm_id": "3"})
    assert results(answer) == ["reported", "reported", None]
    tenants = {row.tenant for row in counter.here.rows() if row.client == "device:xihu/drone"}
    assert tenants == {"sandun", "liuxia"}
    shadow = register(counter, "drone", tenant="sandun~ex7", matter=LAMP)
    assert results(send(counter, shadow, {"alarm_id": "1", **SANDUN})) == ["reported"]
    [row] = [row for row in counter.here.rows() if row.client == "device:sandun~ex7/drone"]
    assert row.tenant == "sandun~ex7"


def test_a_batch_costs_the_same_statements_however_large(counter: Counter) -> None:
    key = register(counter, "nvr-5", "hub")
    for number in range(20):
        register(counter, f"cam-5{number}", "camera", hub="nvr-5", matter=LAMP, **SANDUN)
    counts = []
    for size, first in ((2, 0), (80, 10)):
        statements: list[str] = []

        def note(_conn: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
            statements.append(statement)  # noqa: B023 - this round's list is meant

        event.listen(counter.here.database.engine, "before_cursor_execute", note)
        batch = [{"alarm_id": f"{size}-{n}", "device": f"cam-5{first + n % 10}"} for n in range(size)]
        assert send(counter, key, *batch).status_code == 200
        event.remove(counter.here.database.engine, "before_cursor_execute", note)
        # The gauge looks at the outbox every few seconds.
        counts.append(sum("max(seq)" not in statement for statement in statements))
    assert counts[0] == counts[1] <= 7, counts


def test_too_many_or_none_are_refused(counter: Counter) -> None:
    key = register(counter, "lamp-6", matter=LAMP, **SANDUN)
    assert send(counter, key).status_code == 422
    assert send(counter, key, *[{"alarm_id": str(n)} for n in range(1001)]).status_code == 422
