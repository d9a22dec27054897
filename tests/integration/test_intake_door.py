"""The door over real HTTP machinery and a real database: what it stores, what it refuses, and when."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from qipan.access import Role
from qipan.hosting.embedded import EmbeddedPostgres
from qipan.storage import Work
from qipan.testing import Databases
from services.intake import accept as accepting
from services.intake.accept import Submission
from tests.integration.intake_here import CONTACTS, LIUXIA, NOON, SANDUN, Here, build_intake, opened, xihu


@pytest.fixture
def here(database_url: Databases) -> Iterator[Here]:
    with opened(database_url(build_intake)) as door:
        yield door


def test_a_report_is_stored_and_told_of_in_one_transaction(here: Here) -> None:
    answer = here.http.post("/v1/reports", json={"text": "路边垃圾成堆", **SANDUN})
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert (body["tenant"], body["status"]) == ("sandun", "received")
    [row] = here.rows()
    assert (row.report_id, row.channel, row.received_at) == (body["report_id"], "citizen", NOON)
    [said] = here.said()
    assert (said["type"], said["tenant"]) == ("report.received.v1", "sandun")
    assert said["data"]["report_id"] == body["report_id"]


def test_a_repeat_gets_the_first_answer_and_another_body_a_conflict(here: Here) -> None:
    key = {"Idempotency-Key": "abc-1"}
    first = here.http.post("/v1/reports", json={"text": "路灯不亮", **SANDUN}, headers=key)
    again = here.http.post("/v1/reports", json={**SANDUN, "text": " 路灯不亮 "}, headers=key)
    other = here.http.post("/v1/reports", json={"text": "路灯亮了", **SANDUN}, headers=key)
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 409)
    assert first.json() == again.json()
    assert other.json()["type"] == "urn:qipan:problem:key-reused"
    assert len(here.rows()) == len(here.said()) == 1


def test_a_key_is_the_clients_and_the_tenants(here: Here) -> None:
    key = {"Idempotency-Key": "k"}
    asked = {"text": "路灯不亮"}
    ids = {
        here.http.post("/v1/reports", json={**asked, **place}, headers={**key, **who}).json()["report_id"]
        for place in (SANDUN, LIUXIA)
        for who in ({}, here.token("li", "sandun", Role.CITIZEN))
    }
    assert len(ids) == 4


def test_twenty_at_once_with_one_key_are_one_report(here: Here) -> None:
    def post(_: int) -> Any:
        body = {"text": "井盖缺失", **SANDUN}
        return here.http.post("/v1/reports", json=body, headers={"Idempotency-Key": "race"})

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(post, range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert len(here.rows()) == len(here.said()) == 1


def test_without_a_key_the_same_words_are_another_report(here: Here) -> None:
    """The control of the two tests above: it is the key that makes one report of many requests."""

    def post(_: int) -> int:
        return here.http.post("/v1/reports", json={"text": "井盖缺失", **SANDUN}).status_code

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(post, range(20))) == {201}
    assert len(here.rows()) == len(here.said()) == 20


def test_two_doors_that_meet_in_the_same_keys_store_each_once(here: Here) -> None:
    lines = [{"text": f"报告 {n}", "key": f"k{n}", **SANDUN} for n in range(100)]
    url = here.database.engine.url.render_as_string(hide_password=False)
    with opened(url) as second, ThreadPoolExecutor(2) as pool:
        jobs = [(here.http, lines), (second.http, lines[::-1])]
        answers = list(pool.map(lambda job: job[0].post("/v1/reports/batch", json=job[1]), jobs))
    assert [answer.json()["accepted"] for answer in answers] == [100, 100]
    assert len(here.rows()) == len(here.said()) == 100


def test_a_batch_has_a_verdict_for_each_line_and_stores_the_good_ones(here: Here) -> None:
    here.http.post("/v1/reports", json={"text": "先来", **SANDUN}, headers={"Idempotency-Key": "taken"})
    lines = [
        {"text": "路灯不亮", **SANDUN},
        {"text": "海上", "lon": 122.5, "lat": 30.3},
        {"text": "", **SANDUN, "colour": "red"},
        {"text": "后到", **SANDUN, "key": "taken"},
        {"text": "先来", **SANDUN, "key": "taken"},
        "not a report",
    ]
    answer = here.http.post("/v1/reports/batch", json=lines).json()
    assert [line["status"] for line in answer["results"]] == [201, 422, 422, 409, 201, 422]
    assert (answer["accepted"], answer["refused"]) == (2, 4)
    codes = [line["problem"]["type"].rpartition(":")[2] for line in answer["results"] if "problem" in line]
    assert codes == ["outside-territory", "invalid", "key-reused", "invalid"]
    assert len(here.rows()) == 2


def bodies() -> list[Any]:
    good = {"text": "路灯不亮", **SANDUN}
    raw = json.dumps(good).encode()
    return [
        pytest.param(b"{", {}, 400, "malformed-json", id="malformed"),
        pytest.param(b'{"text":"\xff\xfe","lon":120.085,"lat":30.325}', {}, 400, "not-utf8", id="not-utf8"),
        pytest.param(raw, {"Content-Type": "text/plain"}, 415, "unsupported-media-type", id="media-type"),
        pytest.param(b" " * 70_000 + raw, {}, 413, "too-large", id="too-large"),
        pytest.param({**good, "colour": "red"}, {}, 422, "unknown-field", id="unknown-field"),
        pytest.param({**good, "text": "长" * 4001}, {}, 422, "too-long", id="too-long"),
        pytest.param({**good, "text": " "}, {}, 422, "invalid", id="blank"),
        pytest.param({**good, "text": "a\x00b"}, {}, 422, "invalid", id="nul"),
        pytest.param(b'{"text":"x","lon":NaN,"lat":30.3}', {}, 422, "not-finite", id="nan"),
        pytest.param(b'{"text":"x","lon":1e999,"lat":30.3}', {}, 422, "not-finite", id="infinite"),
        pytest.param(
            b'{"text":"\\ud800","lon":120.085,"lat":30.325}', {}, 400, "malformed-json", id="surrogate"
        ),
        pytest.param({**good, "lon": 181}, {}, 422, "invalid", id="no-longitude"),
        pytest.param({**good, "lon": 122.5}, {}, 422, "outside-territory", id="outside"),
        pytest.param({**good, "tenant": "liuxia"}, {}, 422, "wrong-tenant", id="another-town"),
        pytest.param({"text": "路灯不亮"}, {}, 422, "invalid", id="nowhere"),
        pytest.param({**good, "component": "L-0"}, {}, 422, "unknown-component", id="no-component"),
        pytest.param({**good, "component": "no id"}, {}, 422, "invalid", id="no-component-id"),
        pytest.param({"text": "路灯不亮", "lat": 30.3}, {}, 422, "invalid", id="half-a-point"),
        pytest.param(
            {"text": "路灯不亮", "address": "某某路1号"}, {}, 422, "unknown-place", id="unknown-address"
        ),
        pytest.param(
            {"text": "路灯不亮", "address": "浙江大学"}, {}, 422, "ambiguous-place", id="ambiguous-address"
        ),
        pytest.param(
            {"text": "路灯不亮", "address": "灵隐寺", "tenant": "sandun"},
            {},
            422,
            "unknown-place",
            id="not-there",
        ),
        pytest.param({**good, "tenant": "atlantis"}, {}, 422, "unknown-tenant", id="no-town"),
        pytest.param({**good, "matter": "s:99999"}, {}, 422, "unknown-matter", id="no-matter"),
        pytest.param({**good, "channel": "grid"}, {}, 422, "invalid", id="not-a-grid-worker"),
        pytest.param({**good, "self_disposed": True}, {}, 422, "invalid", id="not-on-the-spot"),
        pytest.param(good, {"Idempotency-Key": "k" * 129}, 422, "invalid", id="long-key"),
        pytest.param(good, {"Authorization": "Bearer nonsense"}, 401, "unauthenticated", id="forged"),
        pytest.param(good, {"Qipan-Shadow": "ex7"}, 403, "forbidden", id="no-part-in-the-exercise"),
    ]


@pytest.mark.parametrize(("body", "headers", "status", "code"), bodies())
def test_bad_input_is_a_problem_document_and_stores_nothing(
    here: Here, body: Any, headers: dict[str, str], status: int, code: str
) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Type": "application/json", **headers}
    answer = here.http.post("/v1/reports", content=content, headers=sent)
    assert (answer.status_code, answer.json().get("type")) == (status, f"urn:qipan:problem:{code}")
    assert answer.headers["content-type"] == "application/problem+json"
    assert here.rows() == here.said() == []


def test_all_faults_are_listed_at_once(here: Here) -> None:
    body = {"text": "", "lon": 500, "lat": "north", "colour": "red"}
    answer = here.http.post("/v1/reports", json=body, headers={"Idempotency-Key": "k" * 129})
    where = {fault["where"] for fault in answer.json()["faults"]}
    assert where == {"Idempotency-Key", "text", "lon", "lat", "colour"}


def test_what_is_wrong_with_place_matter_and_channel_is_said_together(here: Here) -> None:
    body = {"text": "x", **SANDUN, "tenant": "liuxia", "matter": "s:99999", "channel": "grid"}
    answer = here.http.post("/v1/reports", json=body).json()
    assert answer["type"] == "urn:qipan:problem:invalid"
    assert {fault["where"] for fault in answer["faults"]} == {"tenant", "matter", "channel"}


def test_an_exercises_reporter_reports_into_the_exercise_and_nowhere_else(here: Here) -> None:
    shadow = here.token("li", "sandun~ex7", Role.CITIZEN)
    inside = here.http.post("/v1/reports", json={"text": "演练", **SANDUN}, headers=shadow)
    outside = here.http.post("/v1/reports", json={"text": "演练", **LIUXIA}, headers=shadow)
    named = here.http.post(
        "/v1/reports", json={"text": "演练", **SANDUN}, headers={**shadow, "Qipan-Shadow": "ex7"}
    )
    assert [answer.status_code for answer in (inside, outside, named)] == [201, 422, 201]
    assert {row.tenant for row in here.rows()} == {"sandun~ex7"}
    assert {said["tenant"] for said in here.said()} == {"sandun~ex7"}


def test_coordinates_of_chinese_maps_are_stored_as_wgs84(here: Here) -> None:
    here.http.post("/v1/reports", json={"text": "x", **SANDUN, "coordinate_system": "gcj02"})
    [row] = here.rows()
    assert 0.003 < SANDUN["lon"] - row.lon < 0.006
    assert 0.001 < row.lat - SANDUN["lat"] < 0.004


def test_the_contact_is_stored_but_never_told(here: Here) -> None:
    contact = {"name": "王芳", "phone": "13800138000"}
    here.http.post("/v1/reports", json={"text": "路灯不亮", **SANDUN, "contact": contact})
    [row] = here.rows()
    kept = CONTACTS.open(row.contact, row.tenant, row.report_id)
    assert (kept.name, kept.phone) == ("王芳", "13800138000")
    assert "王芳" not in json.dumps(here.said(), ensure_ascii=False)
    assert "13800138000" not in json.dumps(here.said())


def test_only_the_tracking_token_opens_a_report(here: Here) -> None:
    report = here.http.post("/v1/reports", json={"text": "路灯不亮", **SANDUN}).json()
    other = here.http.post("/v1/reports", json={"text": "井盖缺失", **SANDUN}).json()
    mine = here.http.get(report["links"]["self"])
    assert (mine.status_code, mine.json()["status"]) == (200, "received")
    assert set(mine.json()["words"]) == {"zh", "en"}
    path = f"/v1/reports/{report['report_id']}"
    for token in ("", other["token"], report["token"][:-1], report["token"].replace("sandun", "liuxia"), "é"):
        assert here.http.get(path, params={"token": token}).status_code == 404
    assert (
        here.http.post(f"{path}/rating", params={"token": other["token"]}, json={"rating": 5}).status_code
        == 404
    )


def test_an_address_is_as_good_as_coordinates_and_how_it_was_found_is_kept(here: Here) -> None:
    landmark = xihu().gazetteer.find("黄龙体育中心", 1.0).meant.landmark
    answer = here.http.post("/v1/reports", json={"text": "路灯不亮", "address": "西湖区黄龙体育中心东门"})
    assert answer.status_code == 201, answer.text
    assert answer.json()["tenant"] == landmark.town
    [row] = here.rows()
    assert (row.lon, row.lat, row.address) == (*landmark.point, "西湖区黄龙体育中心东门")
    located = {"by": "gazetteer", "name": "黄龙体育中心", "confidence": 1.0, "metres": landmark.reach}
    assert row.located == located
    [said] = here.said()
    assert said["data"]["located"] == located


def test_coordinates_go_before_the_address(here: Here) -> None:
    body = {"text": "路灯不亮", **SANDUN, "address": "灵隐寺"}
    assert here.http.post("/v1/reports", json=body).json()["tenant"] == "sandun"
    [row] = here.rows()
    assert (row.located, row.address) == (None, "灵隐寺")


def test_an_ambiguous_address_is_refused_with_the_places_it_may_mean(here: Here) -> None:
    refused = here.http.post("/v1/reports", json={"text": "路灯不亮", "address": "浙大门口"}).json()
    [fault] = refused["faults"]
    assert fault["where"] == "address"
    for campus in ("紫金港", "玉泉", "西溪"):
        assert f"浙江大学{campus}校区" in fault["allowed"]
    assert here.rows() == []


def _close(here: Here, report_id: str) -> None:
    with here.database.begin() as work:
        work.conn.execute(
            text("UPDATE intake.reports SET status = 'closed', case_id = 'c1' WHERE report_id = :id"),
            {"id": report_id},
        )


def test_a_closed_report_is_rated_once(here: Here) -> None:
    report = here.http.post("/v1/reports", json={"text": "路灯不亮", **SANDUN}).json()
    rating = report["links"]["rating"]
    assert here.http.post(rating, json={"rating": 5}).status_code == 409
    _close(here, report["report_id"])
    first = here.http.post(rating, json={"rating": 2, "note": "慢，打13812345678"})
    again = here.http.post(rating, json={"rating": 2, "note": "慢，打13812345678"})
    other = here.http.post(rating, json={"rating": 5})
    assert [first.status_code, again.status_code, other.status_code] == [201, 201, 409]
    assert first.json() == again.json()
    [told] = [said for said in here.said() if said["type"] == "report.rated.v1"]
    assert (told["data"]["rating"], told["data"]["case_id"], told["tenant"]) == (2, "c1", "sandun")
    assert here.http.get(report["links"]["self"]).json()["rating"] == 2


def _closed(here: Here) -> dict[str, Any]:
    """A report whose case was closed at this moment of the town's."""
    report: dict[str, Any] = here.http.post("/v1/reports", json={"text": "路灯不亮", **SANDUN}).json()
    _close(here, report["report_id"])
    closed = int(here.clock.now("sandun").timestamp() * 1000)
    with here.database.begin() as work:
        work.conn.execute(
            text("UPDATE intake.reports SET stage_times = jsonb_build_object('closed', CAST(:at AS bigint))"),
            {"at": closed},
        )
    return report


def test_a_closed_case_is_reopened_once_within_the_window(here: Here) -> None:
    report = _closed(here)
    path = report["links"]["rating"].replace("/rating?", "/reopen?")
    assert here.http.post(report["links"]["rating"], json={"rating": 1}).status_code == 201
    assert here.http.get(report["links"]["self"]).json()["reopen_until"] is not None
    here.clock.advance(timedelta(days=6))
    assert here.http.post(path, json={}).status_code == 422
    first = here.http.post(path, json={"reason": "又不亮了，打13812345678"})
    again = here.http.post(path, json={"reason": "又不亮了，打13812345678"})
    other = here.http.post(path, json={"reason": "还是不亮"})
    assert [first.status_code, again.status_code, other.status_code] == [201, 201, 409]
    assert first.json() == again.json()
    [told] = [said for said in here.said() if said["type"] == "report.reopened.v1"]
    assert (told["data"]["reason"], told["data"]["case_id"], told["tenant"]) == (
        "又不亮了，打***",
        "c1",
        "sandun",
    )
    assert "rating" not in here.http.get(report["links"]["self"]).json()
    assert here.http.post(path.replace("token=", "token=x"), json={"reason": "a"}).status_code == 404


def test_after_the_window_a_case_is_not_reopened_and_the_answer_says_until_when(here: Here) -> None:
    report = _closed(here)
    until = here.http.get(report["links"]["self"]).json()["reopen_until"]
    path = report["links"]["rating"].replace("/rating?", "/reopen?")
    here.clock.advance(timedelta(days=7, seconds=1))
    refused = here.http.post(path, json={"reason": "又不亮了，打13812345678"})
    assert refused.status_code == 409
    assert until[:10] in refused.json()["detail"]
    assert [said["type"] for said in here.said()] == ["report.received.v1"]


def reading(number: int) -> dict[str, Any]:
    return {
        "reading_id": f"r{number}",
        "device": "gauge-1",
        "quantity": "water-level",
        "value": 2.5,
        "unit": "m",
        **SANDUN,
    }


def test_readings_are_stored_once_and_only_from_devices(here: Here) -> None:
    device = here.token("gauge-1", "sandun", Role.MACHINE)
    two, three = [reading(1), reading(2)], [reading(1), reading(2), reading(3)]
    assert here.http.post("/v1/readings", json=two, headers=device).json() == {"stored": 2, "repeated": 0}
    assert here.http.post("/v1/readings", json=three, headers=device).json() == {"stored": 1, "repeated": 2}
    assert here.http.post("/v1/readings", json=two).status_code == 401
    citizen = here.token("li", "sandun", Role.CITIZEN)
    assert here.http.post("/v1/readings", json=two, headers=citizen).status_code == 403
    assert here.http.post("/v1/readings", json=[], headers=device).status_code == 422
    told = [said["data"]["reading_id"] for said in here.said()]
    assert sorted(told) == ["r1", "r2", "r3"]
    assert len(here.rows("readings")) == 3


def test_the_districts_device_reads_for_the_town_it_stands_in(here: Here) -> None:
    device = here.token("bus-9", "xihu", Role.MACHINE)
    answer = here.http.post("/v1/readings", json=[reading(1), {**reading(2), **LIUXIA}], headers=device)
    assert answer.status_code == 201
    assert {row.tenant for row in here.rows("readings")} == {"sandun", "liuxia"}


def test_what_spoils_a_shared_transaction_costs_only_itself(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt = "不可存储"
    store_all = accepting.accept

    def accept(work: Work, submissions: list[Submission]) -> Any:
        verdicts = store_all(work, submissions)
        if any(report.text == spoilt for submission in submissions for report in submission.reports):
            work.conn.execute(text("SELECT 1 / 0"))
        return verdicts

    monkeypatch.setattr("services.intake.door.accept", accept)

    def post(number: int) -> int:
        body = {"text": spoilt if number == 7 else f"报告 {number}", **SANDUN}
        return here.http.post("/v1/reports", json=body).status_code

    with ThreadPoolExecutor(20) as pool:
        codes = list(pool.map(post, range(20)))
    assert codes == [500 if number == 7 else 201 for number in range(20)]
    assert len(here.rows()) == len(here.said()) == 19


def test_the_database_away_is_503_and_then_the_door_opens_again(
    here: Here, postgres: EmbeddedPostgres
) -> None:
    body = {"text": "路灯不亮", **SANDUN}
    key = {"Idempotency-Key": "through-the-outage"}
    assert here.http.get("/readyz").status_code == 200
    postgres.kill()
    try:
        refused = here.http.post("/v1/reports", json=body, headers=key)
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:qipan:problem:unavailable")
        assert int(refused.headers["Retry-After"]) > 0
        assert here.http.get("/readyz").status_code == 503
        assert here.http.get("/v1/reports/x", params={"token": "y"}).status_code == 404
    finally:
        postgres.restart()
    accepted = here.http.post("/v1/reports", json=body, headers=key)
    assert accepted.status_code == 201
    assert len(here.rows()) == len(here.said()) == 1


def test_a_full_outbox_is_503_before_the_disk_is_full(database_url: Databases) -> None:
    with opened(database_url(build_intake), outbox_limit=2) as here:
        lines = [{"text": f"报告 {number}", **SANDUN} for number in range(5)]
        assert here.http.post("/v1/reports/batch", json=lines).status_code == 200
        here.database.room._next_look = 0.0
        refused = here.http.post("/v1/reports", json=lines[0])
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:qipan:problem:outbox-full")
        assert refused.headers["retry-after"]
        assert len(here.rows()) == 5
        assert "wait for the broker" in here.http.get("/readyz").text


def test_one_towns_full_queue_keeps_no_other_town_out(database_url: Databases) -> None:
    with opened(database_url(build_intake), outbox_limit=8) as here:
        lines = [{"text": f"报告 {number}", **SANDUN} for number in range(6)]
        assert here.http.post("/v1/reports/batch", json=lines).status_code == 200
        here.database.room._next_look = 0.0
        elsewhere = {"text": "路灯不亮", "lon": 120.095, "lat": 30.289}
        assert here.http.post("/v1/reports", json=elsewhere).status_code == 201
        refused = here.http.post("/v1/reports", json=lines[0])
        assert (refused.status_code, refused.json()["code"]) == (503, "outbox-full")
        assert "sandun" in refused.json()["detail"]


def test_messages_that_left_take_no_room(database_url: Databases) -> None:
    """One that waits for long, behind which everybody else's came and went, fills nothing."""
    with opened(database_url(build_intake), outbox_limit=8) as here:
        lines = [{"text": f"报告 {number}", **SANDUN} for number in range(8)]
        for _ in range(3):
            assert here.http.post("/v1/reports/batch", json=lines).status_code == 200
            with here.database.begin() as work:
                work.conn.execute(
                    text("DELETE FROM intake.outbox WHERE seq > (SELECT min(seq) FROM intake.outbox)")
                )
            here.database.room._next_look = 0.0
