"""Strict bodies and problem documents, as every HTTP server of the district answers them."""

import asyncio
import json
from contextlib import suppress
from typing import Annotated

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient

from qipan.contracts.errors import Fault, IllegalTransition, Invalid, QipanError, Unavailable, UnknownMatter
from qipan.http import Answer, MalformedJson, NotUtf8, as_model, problems, read_json, serve
from qipan.http.language import preferred
from qipan.observability import metrics, tracing
from qipan.observability.health import Health


class Inner(BaseModel):
    note: Annotated[str, Field(max_length=4000)] = ""


class Form(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)

    text: Annotated[str, Field(min_length=1, max_length=4000)]
    lon: float = Field(ge=-180, le=180)
    inner: Inner | None = None


SEEN: list[Form] = []


def _app() -> FastAPI:
    app, health = FastAPI(), Health()

    async def post(request: Request) -> Response:
        form = await read_json(request, Form)
        SEEN.append(form)
        request.scope["qipan.tenant"] = "sandun"
        return Answer(form)

    async def fail(request: Request) -> Response:
        raise {
            "matter": UnknownMatter(faults=(Fault(where="matter", what="unknown", allowed="s:06010"),)),
            "step": IllegalTransition("A closed case cannot be closed.", stage="closed"),
            "away": Unavailable(),
            "bug": ZeroDivisionError("secret"),
        }[request.path_params["what"]]

    async def trace(request: Request) -> Response:
        return Response(tracing.current())

    app.add_api_route("/forms/{id}", post, methods=["POST"])
    app.add_api_route("/fail/{what}", fail, methods=["GET"])
    app.add_api_route("/trace", trace, methods=["GET"])
    serve(app, "test-http", health)
    return app


CLIENT = TestClient(_app(), raise_server_exceptions=False)
JSON = {"Content-Type": "application/json"}
GOOD = {"text": "井盖缺失", "lon": 120.1}


def _refused(body: bytes, headers: dict[str, str] | None = None) -> dict[str, object]:
    SEEN.clear()
    answer = CLIENT.post(
        "/forms/1", content=body, headers={**JSON, "Accept-Language": "en", **(headers or {})}
    )
    assert SEEN == []
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    return problem


def test_a_good_body_is_read_and_answered() -> None:
    answer = CLIENT.post("/forms/1", content=json.dumps(GOOD), headers=JSON)
    assert (answer.status_code, answer.json()) == (200, GOOD)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "malformed-json"),
        (b'{"text": "\xff\xfe", "lon": 1}', 400, "not-utf8"),
        (b"\xff", 400, "not-utf8"),
        ('{"text": "井"'.encode("gbk"), 400, "not-utf8"),
        (b'{"text": "\\ud800", "lon": 1}', 400, "malformed-json"),
        (b"[" * 100_00, 400, "malformed-json"),
        (b"[]", 422, "invalid"),
        (b"null", 422, "invalid"),
        (b"{}", 422, "invalid"),
        (b'{"text": "a", "lon": 1, "colour": 2}', 422, "unknown-field"),
        (b'{"text": "a", "lon": 1, "inner": {"colour": 2}}', 422, "unknown-field"),
        (json.dumps({"text": "长" * 4001, "lon": 1}).encode(), 422, "too-long"),
        (b'{"text": "a", "lon": NaN}', 422, "not-finite"),
        (b'{"text": "a", "lon": 1e999}', 422, "not-finite"),
        (b'{"text": "a", "lon": 181}', 422, "invalid"),
        (b'{"text": "a\\u0000b", "lon": 1}', 422, "invalid"),
        (b'{"text": "a", "lon": 1, "inner": {"note": "\\u0000"}}', 422, "invalid"),
        (b'{"text": "' + b"a" * 70_000 + b'"}', 413, "too-large"),
    ],
)
def test_bad_bodies_are_refused_with_their_own_type(body: bytes, status: int, code: str) -> None:
    problem = _refused(body)
    assert (problem["status"], problem["type"]) == (status, f"urn:qipan:problem:{code}")
    assert problem["faults"]
    assert problem["title"] == problems.TITLES[code].en


def test_all_faults_are_listed_at_once() -> None:
    problem = _refused(b'{"lon": NaN, "colour": 1, "inner": {"note": 5}}')
    assert {fault["where"] for fault in problem["faults"]} == {"text", "lon", "colour", "inner.note"}
    assert problem["type"] == "urn:qipan:problem:invalid"


def test_a_body_that_grows_past_the_limit_unannounced_is_refused() -> None:
    async def send() -> None:
        chunks = iter([b"x" * 60_000] * 3)

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": next(chunks), "more_body": True}

        scope = {"type": "http", "headers": [(b"content-type", b"application/json")]}
        with pytest.raises(QipanError) as refused:
            await read_json(Request(scope, receive), Form)
        assert refused.value.status == 413

    asyncio.run(send())


@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""]
)
def test_a_wrong_content_type_is_refused(media: str) -> None:
    assert _refused(json.dumps(GOOD).encode(), {"Content-Type": media})["status"] == 415


def test_titles_and_faults_follow_the_readers_language() -> None:
    chinese = _refused(b'{"text": "a", "lon": 1, "x": 1}', {"Accept-Language": "zh-CN,zh;q=0.9"})
    assert chinese["title"] == "请求含有未知字段"
    assert chinese["faults"][0]["what"] == "未知字段"


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("", "zh-CN"),
        ("en", "en"),
        ("en-GB,zh;q=0.5", "en"),
        ("zh-TW, en;q=0.9", "zh-CN"),
        ("fr", "zh-CN"),
        ("en;q=x", "zh-CN"),
        ("*", "zh-CN"),
    ],
)
def test_the_preferred_language(accept: str, language: str) -> None:
    assert preferred(accept) == language


@pytest.mark.parametrize(
    ("what", "status", "code"),
    [
        ("matter", 422, "unknown-matter"),
        ("step", 409, "illegal-transition"),
        ("away", 503, "unavailable"),
        ("bug", 500, "internal"),
    ],
)
def test_every_error_is_a_problem(what: str, status: int, code: str) -> None:
    answer = CLIENT.get(f"/fail/{what}")
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:qipan:problem:{code}")
    assert "secret" not in answer.text
    assert ("retry-after" in answer.headers) == (status == 503)


def test_unknown_addresses_and_methods_are_problems() -> None:
    assert CLIENT.get("/nowhere").json()["type"] == "urn:qipan:problem:not-found"
    answer = CLIENT.put("/forms/1")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["type"] == "urn:qipan:problem:method-not-allowed"


def test_every_kind_of_error_has_a_title() -> None:
    kinds, codes = [QipanError], set()
    while kinds:
        kind = kinds.pop()
        codes.add(kind.code)
        kinds.extend(kind.__subclasses__())
    assert codes <= set(problems.TITLES)


def test_the_trace_goes_on() -> None:
    parent = tracing.new()
    answer = CLIENT.get("/trace", headers={"traceparent": parent})
    assert tracing.trace_id(answer.text) == tracing.trace_id(parent)


def test_figures_name_the_route_not_the_path() -> None:
    CLIENT.post("/forms/42", content=json.dumps(GOOD), headers=JSON)
    CLIENT.get("/nowhere/42")
    page = metrics.page().decode()
    assert 'method="POST /forms/{id}",outcome="ok",service="test-http",tenant="sandun"' in page
    assert "/42" not in page


def test_the_operations_paths_are_served() -> None:
    assert CLIENT.get("/healthz").status_code == CLIENT.get("/readyz").status_code == 200
    assert CLIENT.get("/metrics").text.startswith("#")


@given(st.binary(max_size=200))
def test_no_bytes_whatever_break_the_reader(body: bytes) -> None:
    with suppress(MalformedJson, NotUtf8, Invalid):
        as_model(body, Form)


@given(st.text(max_size=50))
def test_a_nul_is_refused_and_an_escaped_backslash_is_not(text: str) -> None:
    body = json.dumps({"text": "x" + text, "lon": 1}).encode()
    if "\x00" in text:
        with pytest.raises(QipanError):
            as_model(body, Form)
    else:
        assert as_model(body, Form).text == "x" + text
    assert as_model(b'{"text": "\\\\u0000", "lon": 1}', Form).text == "\\u0000"
