import asyncio
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from exercise.players.client import HttpClient, NoAnswer, Refusal
from exercise.players.pace import Pace
from exercise.players.tally import Tally
from qipan.tenancy import Clocks


def client_of(*answers: httpx.Response | Exception, patience: float = 5.0) -> HttpClient:
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        following = left.pop(0)
        if isinstance(following, Exception):
            raise following
        return following

    return HttpClient("http://district", patience=patience, transport=httpx.MockTransport(answer))


def test_an_interruption_is_waited_for():
    fine = httpx.Response(200, json={"fine": True})
    client = client_of(httpx.ConnectError("refused"), httpx.Response(503, text="soon"), fine)
    assert asyncio.run(client.get("/v1/work")) == {"fine": True}


def test_patience_ends():
    client = client_of(httpx.Response(503), httpx.Response(503), patience=0.15)
    with pytest.raises(NoAnswer, match="503"):
        asyncio.run(client.get("/v1/work"))


def test_a_refusal_is_told_by_its_stable_word():
    problem = {"type": "urn:qipan:problem:key-reused", "code": "key-reused", "detail": "used"}
    client = client_of(httpx.Response(409, json=problem))
    with pytest.raises(Refusal) as refusal:
        asyncio.run(client.post("/v1/reports", {}))
    assert (refusal.value.status, refusal.value.code, refusal.value.detail) == (409, "key-reused", "used")


def test_a_file_is_taken_as_it_stands_and_a_refused_one_is_told():
    client = client_of(httpx.Response(503), httpx.Response(200, content=b"%PDF"))
    assert asyncio.run(client.file("/v1/report", token="t")) == b"%PDF"
    refused = client_of(httpx.Response(404, json={"code": "unknown-period", "detail": "no such period"}))
    with pytest.raises(Refusal, match="no such period"):
        asyncio.run(refused.file("/v1/report", token="t"))


def test_a_pace_and_the_services_clocks_agree():
    midnight = datetime(2026, 4, 21, tzinfo=UTC)
    pace = Pace.starting(midnight, 720.0, in_seconds=60)
    clocks = Clocks.from_json(pace.setting())
    assert abs(clocks.now("sandun") - pace.now()) < timedelta(hours=1)
    assert pace.now() < midnight
    assert 0 < pace.seconds_until(midnight) <= 60
    assert pace.seconds_until(midnight - timedelta(days=9)) == 0
    assert json.loads(pace.setting())["*"]["rate"] == 720.0


def test_a_tally_counts_by_role():
    tally = Tally()
    tally.add("handler", "accept")
    tally.add("handler", "accept", 2)
    assert tally.of("handler", "accept") == 3
    assert tally.of("handler", "dispose") == 0
    assert tally.to_dict() == {"handler": {"accept": 3}}
