"""Who is sent to: a mail server, and an HTTP sink that takes, fails, hangs, takes half or sends elsewhere."""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from qipan.hosting.embedded.home import free_port
from services.notify.mail import KEY_HEADER

OUTSIDE, INSIDE = "127.0.0.2", "127.0.0.1"
"""Two loopback addresses: the one that the operator allows, and the one that nothing may reach."""


class Books:
    """What a peer took and was asked, by key, and in which order; `when`: monotonic time of each first taking."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()
        self.tried: Counter[str] = Counter()
        self.by_path: Counter[str] = Counter()
        self.inside = 0

    @property
    def doubled(self) -> int:
        """How often something was taken that had been taken."""
        return sum(self.taken.values()) - len(self.taken)


class HttpSink:
    """`/ok` takes everything, `/hang` never answers; `/faulty` misbehaves at the first attempt of about one in five.

    `hung` is set once somebody waits there.
    """

    def __init__(self) -> None:
        self.books = Books()
        self.url = ""
        self.hung = threading.Event()
        self._inside_url = ""
        self._started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "HttpSink":
        self._thread.start()
        self._started.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end)
        self._thread.join(30)

    def _end(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.call_soon(self._loop.stop)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        outer = self._loop.run_until_complete(asyncio.start_server(self._outside, OUTSIDE, 0))
        inner = self._loop.run_until_complete(asyncio.start_server(self._within, INSIDE, 0))
        self.url = f"http://{OUTSIDE}:{outer.sockets[0].getsockname()[1]}"
        self._inside_url = f"http://{INSIDE}:{inner.sockets[0].getsockname()[1]}"
        self._started.set()
        self._loop.run_forever()

    async def _within(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.books.inside += 1
        writer.close()

    async def _outside(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            path, key = await _request(reader)
            answer = await self._answer(path, key)
            if answer is not None:
                writer.write(answer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, path: str, key: str) -> bytes | None:
        """What to say; None: the connection is cut without a word."""
        books = self.books
        books.tried[key] += 1
        books.by_path[path] += 1
        if path == "/hang":
            self.hung.set()
            await asyncio.sleep(3600)
        if path == "/faulty" and books.tried[key] == 1:
            fault = int(key[:8], 16) % 100
            if fault < 8:
                return _said(500)
            if fault < 12:
                return _said(207)
            if fault < 16:
                return _said(307, f"Location: {self._inside_url}/metadata\r\n")
            if fault < 19:
                return None
            if fault < 20:
                await asyncio.sleep(3600)
        if path == "/robot" and books.tried[key] == 1 and int(key[:8], 16) % 10 == 0:
            return _said(200, body=b'{"errcode": 310000, "errmsg": "keywords not in content"}')
        books.taken[key] += 1
        return _said(200, body=b'{"errcode": 0}')


async def _request(reader: asyncio.StreamReader) -> tuple[str, str]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    lines = head.split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    await reader.readexactly(int(headers.get("content-length", "0")))
    return lines[0].split(" ")[1].partition("?")[0], headers["idempotency-key"]


def _said(status: int, headers: str = "", body: bytes = b"") -> bytes:
    return f"HTTP/1.1 {status} S\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


class MailSink:
    """A mail server that refuses one in ten for now, and counts what it took under which key."""

    def __init__(self) -> None:
        self.books = Books()
        self.url = ""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Take one, or put it off."""
        key = str(message_from_bytes(envelope.original_content or b"")[KEY_HEADER])
        self.books.tried[key] += 1
        if self.books.tried[key] == 1 and int(key[:8], 16) % 10 == 0:
            return "451 try later"
        self.books.taken[key] += 1
        return "250 OK"


@contextmanager
def mail_sink() -> Iterator[MailSink]:
    """A mail server while the block runs."""
    sink = MailSink()
    server = Controller(sink, hostname="127.0.0.1", port=free_port())
    server.start()
    sink.url = f"mailto://127.0.0.1:{server.port}"
    try:
        yield sink
    finally:
        server.stop()


def operators_file(http: HttpSink, mail: MailSink, *, hanging_seconds: float = 5.0) -> str:
    """The destinations of a run, as an operator writes them."""
    hooks = {"calm": "/ok", "faulty": "/faulty", "hanging": "/hang"}
    lines = [
        '[destinations.post]\nchannel = "mail"\ntenants = ["*"]',
        f"url = {json.dumps(mail.url)}\n",
        f'[destinations.robot]\nchannel = "dingtalk"\ntenants = ["*"]\nallow = ["{OUTSIDE}"]',
        f'url = "{http.url}/robot?access_token=x"\nsecret = "SECx"\ntimeout = 5\n',
    ]
    for name, path in hooks.items():
        seconds = hanging_seconds if name == "hanging" else 1.0
        lines += [
            f'[destinations.{name}]\nchannel = "webhook"\ntenants = ["*"]\nallow = ["{OUTSIDE}"]',
            f'url = "{http.url}{path}"\nsecret = "0123456789abcdef"\ntimeout = {seconds}\n',
        ]
    return "\n".join(lines)
