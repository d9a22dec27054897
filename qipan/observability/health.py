"""Health: alive while it answers, ready when every check holds; a small server for processes without HTTP."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from qipan.observability import metrics

OPS_PATHS = frozenset({"/metrics", "/healthz", "/readyz"})

Check = Callable[[], tuple[bool, str]]


ASKED_SECONDS = 2.0
"""How long a scrape waits for the checks: one that asks a server which hangs must not make the process look dead."""


class Health:
    """The checks of this process. A check answers at once: (whether it holds, what a person should know).

    `service` is whose figures `qipan_ready` are.
    """

    def __init__(self, service: str = "") -> None:
        self._service = service
        self._checks: dict[str, Check] = {}
        self._asking = threading.Lock()
        self._asked = ""

    def add_check(self, name: str, check: Check) -> None:
        """Let readiness depend on `check`; a second check of the same name takes the first one's place."""
        self._checks[name] = check

    def report(self) -> tuple[bool, dict[str, str]]:
        """Whether the process is ready, and what each check says. A check that raises does not hold."""
        ready, said = True, {}
        for name, check in list(self._checks.items()):
            holds, text = _asked(check)
            ready = ready and holds
            said[name] = text
        return ready, said

    def measure(self, seconds: float = ASKED_SECONDS) -> None:
        """Bring `qipan_ready` up to date; a check that does not answer within `seconds` does not hold.

        It is not asked again before it has answered.
        """
        if self._asking.acquire(blocking=False):
            done = threading.Event()
            threading.Thread(target=self._measure, args=(done,), name="checks", daemon=True).start()
            if done.wait(seconds):
                return
        if name := self._asked:
            metrics.READY.labels(self._service, name).set(0)

    def _measure(self, done: threading.Event) -> None:
        try:
            for name, check in list(self._checks.items()):
                self._asked = name
                metrics.READY.labels(self._service, name).set(_asked(check)[0])
        finally:
            self._asked = ""
            self._asking.release()
            done.set()

    def answer(self, path: str) -> tuple[int, str, bytes] | None:
        """Status, content type and body for `/metrics`, `/healthz` or `/readyz`; None for any other path."""
        if path == "/metrics":
            self.measure()
            return 200, metrics.CONTENT_TYPE, metrics.page()
        if path == "/healthz":
            return 200, "application/json", b'{"alive":true}'
        if path == "/readyz":
            ready, said = self.report()
            body = json.dumps({"ready": ready, "checks": said}, ensure_ascii=False).encode()
            return (200 if ready else 503), "application/json", body
        return None


def _asked(check: Check) -> tuple[bool, str]:
    try:
        return check()
    except Exception as error:  # noqa: BLE001 - a broken check must show, not take the process down
        return False, f"the check failed: {type(error).__name__}"


class OpsServer:
    """Serves a process's `/metrics`, `/healthz` and `/readyz` from a thread. Port 0 takes any free one."""

    def __init__(self, health: Health, port: int = 0, host: str = "127.0.0.1") -> None:
        self._server = ThreadingHTTPServer((host, port), _handler(health))
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]

    def start(self) -> None:
        """Begin to serve; returns at once."""
        threading.Thread(target=self._server.serve_forever, name="ops", daemon=True).start()

    def stop(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()


def _handler(health: Health) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = health.answer(self.path.partition("?")[0])
            status, content_type, body = answer or (404, "text/plain", b"")
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Scrapes come every few seconds; they are not news."""

    return Handler
