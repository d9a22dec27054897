"""The players' HTTP client: keep-alive, bounded, patient with interruptions, plain about refusals."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from exercise.players.pace import Deadline

Params = Mapping[str, str | int | list[str]]

_PASSING = frozenset({429, 502, 503, 504})
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0


class Refusal(Exception):
    """The system said no. `code` is the problem document's stable one."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        self.status, self.code, self.detail = status, code, detail
        super().__init__(f"{status} {code}: {detail}")


class NoAnswer(Exception):
    """Nothing certain was heard within the patience given: it may or may not have been carried out."""


class HttpClient:
    """One pool of connections to one address, shared by all players, and the streams beside it.

    What is passing (a lost connection, 429, 502 to 504) is tried again with growing pauses for `patience`
    seconds; after that NoAnswer. Any other error status raises Refusal.
    """

    def __init__(
        self,
        url: str,
        *,
        connections: int = 16,
        patience: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._patience = patience
        # Streams keep their connection; apart from them a small pool is cheaper, for it is searched at each request.
        self._http = _client(url, connections, httpx.Timeout(15.0, pool=None), transport)
        self._streams = _client(url, None, httpx.Timeout(15.0, read=None), transport)

    async def get(self, path: str, *, token: str = "", params: Params | None = None) -> Any:
        """The JSON at `path`."""
        return await self.send("GET", path, token=token, params=params)

    async def post(
        self,
        path: str,
        body: Any = None,
        *,
        token: str = "",
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Any:
        """Post `body` as JSON (or `content` as it stands) and return the JSON answered."""
        return await self.send(
            "POST", path, token=token, params=params, body=body, headers=headers, content=content
        )

    async def send(
        self,
        method: str,
        path: str,
        *,
        token: str = "",
        params: Params | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Any:
        """One request, as often as patience allows; raises Refusal or NoAnswer."""
        return _read(await self._answer(method, path, token, params, body, headers, content))

    async def file(
        self, path: str, *, token: str, params: Params | None = None, language: str = "zh"
    ) -> bytes:
        """What is at `path`, as it stands, in this language where there is a choice; raises as `send`."""
        answer = await self._answer("GET", path, token, params, None, {"Accept-Language": language}, None)
        if not answer.is_success:
            _read(answer)
        return answer.content

    async def _answer(
        self,
        method: str,
        path: str,
        token: str,
        params: Params | None,
        body: Any,
        headers: Mapping[str, str] | None,
        content: bytes | None,
    ) -> httpx.Response:
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = f"Bearer {token}"
        request = self._http.build_request(
            method, path, params=params, json=body, content=content, headers=sent
        )
        deadline, pause, heard = Deadline(self._patience), _FIRST_PAUSE, "nothing"
        while True:
            try:
                response = await self._http.send(request)
            except httpx.TransportError as error:
                heard = repr(error)
            else:
                if response.status_code not in _PASSING:
                    return response
                heard = f"{response.status_code} {response.text[:500]}"
            if deadline.left < pause:
                raise NoAnswer(f"{method} {path}: {heard}")
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def events(
        self, path: str, *, token: str, params: Params | None = None
    ) -> AsyncIterator[tuple[str, str]]:
        """(event, data) of a stream of server-sent events until it ends; raises Refusal or NoAnswer."""
        headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
        try:
            async with self._streams.stream("GET", path, params=params, headers=headers) as answer:
                if not answer.is_success:
                    await answer.aread()
                    _read(answer)
                event = ""
                async for line in answer.aiter_lines():
                    name, _, value = line.partition(": ")
                    if name == "event":
                        event = value
                    elif name == "data":
                        yield event, value
        except httpx.TransportError as error:
            raise NoAnswer(f"{path}: {error!r}") from error

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()
        await self._streams.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _client(
    url: str, connections: int | None, timeout: httpx.Timeout, transport: httpx.AsyncBaseTransport | None
) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    return httpx.AsyncClient(
        base_url=url, limits=limits, timeout=timeout, trust_env=False, transport=transport
    )


def _read(response: httpx.Response) -> Any:
    if response.is_success:
        return response.json() if response.content else None
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    code = problem.get("code") or str(problem.get("type", "")).rstrip("/").rpartition("/")[2]
    raise Refusal(
        response.status_code, code or str(response.status_code), problem.get("detail") or response.text
    )
