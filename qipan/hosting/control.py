"""The socket through which `qipan ps|scale|retire|logs|reload` in another terminal act on the running host."""

import os
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, ValidationError

from qipan.hosting.guarded import StartError
from qipan.hosting.port import Host, Refused, Status
from qipan.hosting.servers import NotRunning
from qipan.tenancy import PackError

ANSWER_SECONDS = 120.0
"""Stopping gracefully takes its time."""

RELOAD_SECONDS = 600.0
"""Starting everything again takes its time, kind by kind."""

Reload = Callable[[], str]
"""Has everything read the pack anew; says what people noticed of it."""


class Ask(BaseModel):
    """One request."""

    do: Literal["ps", "scale", "retire", "logs", "reload"]
    service: str = ""
    tenant: str | None = None
    replicas: int = 0
    id: str = ""
    lines: int = Field(default=100, ge=1, le=10_000)


class Answer(BaseModel):
    """What came of it. `refused` says why not."""

    processes: tuple[Status, ...] = ()
    text: str = ""
    refused: str | None = None


class Control:
    """Answers on `<var>/run/control.sock` while the `with` block lasts. Only the same user can connect.

    `reload` has the host's processes read the pack anew.
    """

    def __init__(self, host: Host, var: Path, reload: Reload | None = None) -> None:
        self._var = var
        folder = _folder(var)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "control.sock").unlink(missing_ok=True)
        with _short_path(var) as path:
            self._server = _Server(path, _handler(host, reload))

    def __enter__(self) -> "Control":
        threading.Thread(target=self._server.serve_forever, name="control", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        (_folder(self._var) / "control.sock").unlink(missing_ok=True)


def ask(var: Path, request: Ask) -> Answer:
    """Ask the host that runs in `var`; NotRunning when there is none, Refused with its reason."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(RELOAD_SECONDS if request.do == "reload" else ANSWER_SECONDS)
        try:
            with _short_path(var) as path:
                connection.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            raise NotRunning(f"No Qipan runs in {var}: start one with `qipan up`.") from None
        connection.sendall(request.model_dump_json().encode() + b"\n")
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as file:
            answer = Answer.model_validate_json(file.read())
    if answer.refused is not None:
        raise Refused(answer.refused)
    return answer


def _carry_out(host: Host, request: Ask, reload: Reload | None) -> Answer:
    if request.do == "logs":
        return Answer(text=host.logs(request.id, request.lines))
    if request.do == "scale":
        host.scale(request.service, request.tenant, request.replicas)
    elif request.do == "retire":
        if request.tenant is None:
            raise Refused("Only a tenant's own service can be retired, e.g. dispatch@sandun.")
        host.retire(request.service, request.tenant)
    elif request.do == "reload":
        if reload is None:
            raise Refused("This host does not read its pack anew.")
        return Answer(text=reload(), processes=tuple(host.list()))
    return Answer(processes=tuple(host.list()))


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def server_bind(self) -> None:
        super().server_bind()
        os.chmod(str(self.server_address), 0o600)


def _handler(host: Host, reload: Reload | None) -> type[socketserver.StreamRequestHandler]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            try:
                answer = _carry_out(host, Ask.model_validate_json(self.rfile.readline(65_536)), reload)
            except (Refused, StartError, PackError) as error:
                answer = Answer(refused=str(error))
            except ValidationError:
                answer = Answer(refused="The host did not understand the request.")
            self.wfile.write(answer.model_dump_json().encode())

    return Handler


@contextmanager
def _short_path(var: Path) -> Iterator[str]:
    """The socket's path through /proc, for a Unix socket's path may have no more than 107 bytes."""
    try:
        folder = os.open(_folder(var), os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        raise NotRunning(f"No Qipan runs in {var}: start one with `qipan up`.") from None
    try:
        yield f"/proc/self/fd/{folder}/control.sock"
    finally:
        os.close(folder)


def _folder(var: Path) -> Path:
    return var / "run"
