import asyncio
import json
from pathlib import Path

import httpx

from exercise.ledger import Ledger, accounts
from exercise.players.client import HttpClient
from exercise.rows import Line, Unusable
from exercise.sending import BATCH, send


def a_line(number: int, **form: object) -> Line:
    return Line(
        number, f"k{number}", {"text": "Dirty alley", "lon": 1.0, "lat": 2.0, "channel": "app", **form}
    )


def door(request: httpx.Request) -> httpx.Response:
    """A door that refuses what lies at latitude 39."""
    results = []
    for number, line in enumerate(json.loads(request.content)):
        if line["lat"] == 39.0:
            fault = {"where": "lon, lat", "what": "lies outside every town"}
            problem = {"code": "outside-territory", "detail": "Outside.", "faults": [fault]}
            results.append({"line": number, "status": 422, "problem": problem})
        else:
            report = {"report_id": f"r-{line['key']}", "tenant": "t", "token": "t.x"}
            results.append({"line": number, "status": 201, "report": report})
    return httpx.Response(200, json={"results": results})


def test_every_row_ends_accepted_or_refused_and_the_ledger_agrees(tmp_path: Path):
    rows = [a_line(n, lat=39.0 if n % 10 == 0 else 2.0) for n in range(2, 2 + 2 * BATCH + 7)]
    rows.insert(5, Unusable(900, "", "no-id"))
    http = HttpClient("http://door", transport=httpx.MockTransport(door))
    with Ledger(tmp_path / "ledger.jsonl") as ledger:
        sent = asyncio.run(send(rows, http, ledger))
    assert sent.accepted + len(sent.refused) == len(rows)
    assert sent.by_reason() == {"outside-territory": 20, "no-id": 1}
    assert [refused.line for refused in sent.refused] == sorted(refused.line for refused in sent.refused)
    assert sent.refused[0].detail == "lon, lat: lies outside every town"
    told = accounts([ledger.path]).values()
    assert sum(account.accepted for account in told) == sent.accepted
    assert sum(account.refused for account in told) == len(sent.refused)


def test_a_batch_refused_as_a_whole_refuses_each_of_its_rows(tmp_path: Path):
    def closed(request: httpx.Request) -> httpx.Response:
        return httpx.Response(413, json={"code": "too-large", "detail": "Too large."})

    http = HttpClient("http://door", transport=httpx.MockTransport(closed))
    with Ledger(tmp_path / "ledger.jsonl") as ledger:
        sent = asyncio.run(send([a_line(2), a_line(3)], http, ledger))
    assert sent.by_reason() == {"too-large": 2}


def test_rows_that_nobody_answered_are_neither(tmp_path: Path):
    http = HttpClient(
        "http://door", patience=0.0, transport=httpx.MockTransport(lambda _: httpx.Response(503))
    )
    with Ledger(tmp_path / "ledger.jsonl") as ledger:
        sent = asyncio.run(send([a_line(2)], http, ledger))
    assert (sent.accepted, sent.refused, sent.unanswered) == (0, [], 1)
