"""Files of reports and hotline calls at the door: a verdict for every row, each row stored once."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from qipan.access import Role, Verifier
from qipan.observability.health import Health
from qipan.testing import Databases
from services.intake import imports
from services.intake.imports import ImportLimits
from services.intake.photo_names import PhotoNames
from services.intake.web import create_app
from tests.integration.intake_here import CONTACTS, LIUXIA, SANDUN, Here, build_intake, opened

HEAD = "key,text,lon,lat,matter,channel,call_id,contact_name,contact_phone\n"
PLACE = f"{SANDUN['lon']},{SANDUN['lat']}"
THERE = f"{LIUXIA['lon']},{LIUXIA['lat']}"


@pytest.fixture
def here(database_url: Databases) -> Iterator[Here]:
    with opened(database_url(build_intake)) as door:
        yield door


def send(
    here: Here, content: str | bytes, *, media: str = "text/csv", who: dict[str, str] | None = None
) -> Any:
    body = content if isinstance(content, bytes) else content.encode()
    sender = here.token("sandun.acceptor.1", "sandun", Role.ACCEPTOR) if who is None else who
    return here.http.post("/v1/reports/import", content=body, headers={"Content-Type": media, **sender})


def test_every_row_has_its_verdict_and_the_good_ones_are_stored_once(here: Here) -> None:
    content = HEAD + "".join(
        [
            f"k1,路灯不亮,{PLACE},s:01037,hotline,call-7,王芳,+86 13800138000\n",
            "k2,海上,122.5,30.3,,,,,\n",
            f",没有键,{PLACE},,,,,\n",
            f"k3,=1+1,{PLACE},,,,,\n",
            f"k4,电话不对,{PLACE},s:99999,,,,abc\n",
            f"k5,别处,{THERE},,,,,\n",
            "k6,短\n",
            f"k1,另一件事,{PLACE},,,,,\n",
            f"k7,只有网格员,{PLACE},,grid,,,\n",
        ]
    )
    answer = send(here, content)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["rows"], told["accepted"], told["repeated"], told["refused"]) == (9, 2, 0, 7)
    seen = {
        row["line"]: (row["status"], row["problem"]["code"], {f["where"] for f in row["problem"]["faults"]})
        for row in told["results"]
        if row.get("problem")
    }
    assert seen == {
        3: (422, "outside-territory", {"lon, lat"}),
        4: (422, "invalid", {"key"}),
        5: (422, "invalid", {"text"}),
        6: (422, "invalid", {"contact_phone"}),
        8: (422, "invalid", {"(row)"}),
        9: (409, "key-reused", {"key"}),
        10: (422, "invalid", {"channel"}),
    }
    rows = {row.text: row for row in here.rows()}
    assert set(rows) == {"路灯不亮", "别处"}
    lamp = rows["路灯不亮"]
    assert (lamp.channel, lamp.call_id, lamp.client) == ("hotline", "call-7", "sandun.acceptor.1")
    assert CONTACTS.open(lamp.contact, "sandun", lamp.report_id).phone == "+86 13800138000"
    assert (rows["别处"].tenant, rows["别处"].channel) == ("liuxia", "import")
    again = send(here, content).json()
    assert (again["accepted"], again["repeated"], len(here.rows())) == (2, 2, 2)
    assert len(here.said()) == 2


def test_json_lines_are_taken_too(here: Here) -> None:
    lines = [{"key": f"k{n}", "text": f"报告 {n}", **SANDUN} for n in range(3)]
    lines[1]["colour"] = "red"
    content = "\n".join(json.dumps(line) for line in lines) + "\nnot json\n"
    told = send(here, content, media="application/jsonl; charset=utf-8").json()
    assert [row["status"] for row in told["results"]] == [201, 422, 201, 400]
    assert told["results"][1]["problem"]["faults"][0]["where"] == "colour"
    assert told["results"][3]["line"] == 4


def test_many_rows_go_in_transactions_of_bounded_size(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    store = here.door.store

    async def counted(reports: Any, trace: Any) -> Any:
        sizes.append(len(reports))
        return await store(reports, trace)

    monkeypatch.setattr(here.door, "store", counted)
    content = HEAD + "".join(f"k{n},报告 {n},{PLACE},,,,,\n" for n in range(450))
    assert send(here, content).json()["accepted"] == 450
    assert sizes == [200, 200, 50]
    assert max(sizes) == imports.ROWS_AT_ONCE
    assert len(here.rows()) == 450


@pytest.mark.parametrize(
    ("content", "media", "status", "code"),
    [
        ((HEAD + "k1,路灯,1,2,,,,,\n").encode("gb18030"), "text/csv", 400, "not-utf8"),
        (HEAD + f'k1,"x,{PLACE},,,,,\n', "text/csv", 400, "malformed-csv"),
        ("key,text\nk1,x\n", "text/csv", 422, "invalid"),
        ("", "text/csv", 422, "invalid"),
        ("\n\n", "application/jsonl", 422, "invalid"),
        (HEAD, "text/plain", 415, "unsupported-media-type"),
        ("x" * 5_000_000, "text/csv", 413, "too-large"),
    ],
)
def test_what_spoils_a_file_is_a_problem_document_and_nothing_is_stored(
    here: Here, content: str | bytes, media: str, status: int, code: str
) -> None:
    answer = send(here, content, media=media)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["faults"]
    assert here.rows() == []


def test_the_limits_are_settings(here: Here) -> None:
    limits = ImportLimits(body_bytes=10_000, rows=2)
    names = PhotoNames("secret")
    app = create_app(here.door, Verifier(here.verify_key), Health(), here.photos, names, limits)
    content = HEAD + "".join(f"k{n},报告 {n},{PLACE},,,,,\n" for n in range(3))
    headers = {"Content-Type": "text/csv", **here.token("a", "sandun", Role.ACCEPTOR)}
    answer = TestClient(app).post("/v1/reports/import", content=content.encode(), headers=headers)
    assert (answer.status_code, answer.json()["faults"][0]["where"]) == (413, "line 4")


def test_only_who_may_import_does(here: Here) -> None:
    content = HEAD + f"k1,路灯不亮,{PLACE},,,,,\n"
    assert send(here, content, who={}).status_code == 401
    for role in (Role.CITIZEN, Role.GRID_WORKER, Role.HANDLER, Role.MACHINE):
        assert send(here, content, who=here.token("x", "sandun", role)).status_code == 403
    department = here.token("traffic-police.dispatcher.1", "traffic-police", Role.DISPATCHER)
    assert send(here, content, who=department).json()["accepted"] == 1


def test_a_call_is_the_hotline_operators(here: Here) -> None:
    body = {"text": "路灯不亮", **SANDUN, "call_id": "c-1", "contact": {"phone": "0571-88888888"}}
    operator = here.token("sandun.acceptor.1", "sandun", Role.ACCEPTOR)
    assert here.http.post("/v1/reports", json=body, headers=operator).status_code == 201
    [row] = here.rows()
    assert (row.channel, row.call_id, row.client) == ("hotline", "c-1", "sandun.acceptor.1")
    assert "0571" not in json.dumps(here.said())
    for who in ({}, here.token("li", "sandun", Role.CITIZEN)):
        refused = here.http.post("/v1/reports", json={**body, "channel": "citizen"}, headers=who)
        assert refused.status_code == 422
        assert {fault["where"] for fault in refused.json()["faults"]} == {"call_id", "channel"}
    assert len(here.rows()) == 1
