"""One HTTP POST to a system outside: only to where it may go, within a time that is its whole, read a little."""

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpcore

from services.notify.channel import NotAccepted, Refused
from services.notify.reach import Network, reachable

SECONDS = 10.0
MOST_BYTES = 65_536
MOST_REDIRECTS = 3
_TAKEN = frozenset({200, 201, 202, 204})
_REPEATED = frozenset({307, 308})
_LATER = frozenset({408, 425, 429})
_DOOR_SHUT = frozenset({401, 403, 404, 405, 407, 410})


@dataclass(frozen=True, slots=True)
class Answered:
    """What a system answered that took a message."""

    status: int
    body: bytes


def post(
    url: str,
    headers: Mapping[str, str],
    content: bytes,
    allowed: Sequence[Network] = (),
    *,
    seconds: float = SECONDS,
    redirects: int = MOST_REDIRECTS,
) -> Answered:
    """Post, and return when it was taken (200, 201, 202, 204).

    The name is resolved once for each connection, and the addresses that were checked are those connected to; a
    redirect (307, 308) is followed on the same host only, and checked the same way. What is not encrypted goes to
    `allowed` networks alone. `seconds` is for all of it. Raises NotAccepted and Refused.
    """
    end = time.monotonic() + seconds
    for _ in range(redirects + 1):
        answer = _once(url, headers, content, allowed, end)
        if answer.status not in _REPEATED or "location" not in answer.headers:
            return _judged(answer)
        url = _beside(url, answer.headers["location"])
    raise NotAccepted(f"it redirects more than {redirects} times")


def trouble_with(url: str, allowed: Sequence[Network]) -> str | None:
    """What is wrong with an address that the operator writes; None when nothing is."""
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        return "it is no https:// address"
    if parts.username or parts.password:
        return "no user or password belongs into it: `secret` is for that"
    if parts.scheme == "http" and not allowed:
        return "http:// is for the networks of `allow` only; elsewhere it is https://"
    return None


def _beside(url: str, location: str) -> str:
    """Where a redirect leads; NotAccepted for another host, which the operator did not name."""
    try:
        there = urljoin(url, location)
        same = urlsplit(there).hostname == urlsplit(url).hostname
    except ValueError:
        raise NotAccepted("it redirects to no address") from None
    if not same:
        raise NotAccepted("it redirects to another host")
    return there


@dataclass(frozen=True, slots=True)
class _Raw:
    status: int
    headers: Mapping[str, str]
    body: bytes


def _once(
    url: str, headers: Mapping[str, str], content: bytes, allowed: Sequence[Network], end: float
) -> _Raw:
    wrong = trouble_with(url, allowed)
    if wrong is not None:
        raise NotAccepted(f"it may not be sent there: {wrong}")
    backend = _Checked(allowed, end, public=urlsplit(url).scheme == "https")
    timeout = dict.fromkeys(("connect", "read", "write", "pool"), max(end - time.monotonic(), 0.001))
    try:
        with (
            httpcore.ConnectionPool(ssl_context=_trust(), network_backend=backend) as pool,
            pool.stream(
                "POST",
                url,
                headers=[*headers.items(), *_framing(url, content)],
                content=content,
                extensions={"timeout": timeout},
            ) as answer,
        ):
            body = b""
            for piece in answer.iter_stream():
                body += piece
                if len(body) >= MOST_BYTES:
                    break
            found = {name.decode("latin-1").lower(): v.decode("latin-1") for name, v in answer.headers}
            return _Raw(answer.status, found, body[:MOST_BYTES])
    except httpcore.TimeoutException:
        raise NotAccepted("no answer in time") from None
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise NotAccepted(f"the connection failed: {type(error).__name__}") from None
    except httpcore.UnsupportedProtocol:
        raise NotAccepted("it may not be sent there: it is no https:// address") from None


def _judged(answer: _Raw) -> Answered:
    status = answer.status
    if status in _TAKEN:
        return Answered(status, answer.body)
    said = f"it answered {status}"
    if status == 207:
        raise NotAccepted(f"{said}: it took only part of it", of_message=True)
    if status in _LATER or status >= 500:
        raise NotAccepted(said, retry_after=_seconds(answer.headers.get("retry-after")))
    if status in _DOOR_SHUT or 300 <= status < 400:
        raise NotAccepted(said)  # the address or its key is wrong, not the message
    raise Refused(said)


def _seconds(written: str | None) -> float | None:
    return float(written) if written is not None and written.isascii() and written.isdigit() else None


def _framing(url: str, content: bytes) -> list[tuple[str, str]]:
    return [("Host", urlsplit(url).netloc), ("Content-Length", str(len(content))), ("Connection", "close")]


@cache
def _trust() -> ssl.SSLContext:
    return ssl.create_default_context()


class _Checked(httpcore.NetworkBackend):
    """Connects to addresses that are allowed, and to none that was not looked at; `public`: whether to public ones."""

    def __init__(self, allowed: Sequence[Network], end: float, *, public: bool) -> None:
        self._allowed = allowed
        self._end = end
        self._public = public
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        found = _resolved(host, port)
        fit = [
            address
            for address in found
            if reachable(ipaddress.ip_address(address), self._allowed, public=self._public)
        ]
        if not fit:
            kind = "is not public and that" if self._public else "is not to be reached over http://, as"
            raise NotAccepted(f"it leads to an address that {kind} the operator does not allow")
        # Where there is no IPv6, names often have such addresses all the same.
        *others, last = sorted(fit, key=lambda address: ":" in address)
        for tried, address in enumerate(others):
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return self._connected(address, port, self._left() / (len(fit) - tried), socket_options)
        return self._connected(last, port, self._left(), socket_options)

    def _connected(
        self, address: str, port: int, seconds: float, options: Iterable[Any] | None
    ) -> httpcore.NetworkStream:
        return _Hurried(self._plain.connect_tcp(address, port, seconds, None, options), self._end)

    def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.NetworkStream:
        raise NotAccepted("it may not be sent there: it is no https:// address")

    def sleep(self, seconds: float) -> None:
        self._plain.sleep(seconds)

    def _left(self) -> float:
        return max(self._end - time.monotonic(), 0.001)


class _Hurried(httpcore.NetworkStream):
    """A connection that ends with the whole time, however often a little comes over it."""

    def __init__(self, stream: httpcore.NetworkStream, end: float) -> None:
        self._stream = stream
        self._end = end

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._left(httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._left(httpcore.ConnectTimeout)
        return _Hurried(self._stream.start_tls(ssl_context, server_hostname, left), self._end)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def _left(self, over: type[Exception]) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise over
        return left


def _resolved(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotAccepted("its name is not known at present") from None
    return [str(row[4][0]).partition("%")[0] for row in found]
