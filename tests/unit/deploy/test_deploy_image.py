"""The image: its packages are those that are tested, and its health check says what the process says."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from qipan.hosting.embedded.home import free_port
from qipan.observability.health import Health, OpsServer
from services.gateway.report_pdf import FONT

FOLDER = Path("deploy/image")
PIN = re.compile(r"^([a-z0-9.-]+)==([^ ;\\]+)(.*?) \\$", re.MULTILINE)


def pins(path: Path) -> set[tuple[str, str]]:
    return {(name, version) for name, version, _ in PIN.findall(path.read_text(encoding="utf-8"))}


def test_the_image_has_the_packages_that_are_tested_and_none_for_tests() -> None:
    ours, tested = pins(FOLDER / "requirements.lock"), pins(Path("requirements.lock"))
    assert ours <= tested
    names = {name for name, _ in ours}
    assert {"nameko", "psycopg-binary", "uvicorn", "s3fs"} <= names
    assert not {"pytest", "mypy", "ruff", "moto", "docker"} & names


def test_the_dockerfile_copies_what_the_ignore_file_lets_through() -> None:
    dockerfile = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
    ignored = Path(".dockerignore").read_text(encoding="utf-8").splitlines()
    let_through = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = {
        word
        for line in re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE)
        for word in line.split()
    }
    assert copied
    for path in copied:
        assert Path(path).exists(), path
        assert any(path == each or path.startswith(f"{each}/") for each in let_through), path


def test_the_font_of_reports_lies_where_they_look_for_it() -> None:
    dockerfile = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
    (made,) = re.findall(rf" (/\S+)/{re.escape(FONT.name)}", dockerfile)
    assert f"COPY --from=build {made} {FONT.parent}\n" in dockerfile


class Ready:
    """A process that is ready, or not."""

    def __init__(self) -> None:
        self.holds = True

    def check(self) -> tuple[bool, str]:
        return self.holds, "connected" if self.holds else "not connected"


@pytest.fixture
def process() -> Iterator[tuple[Ready, int]]:
    health, ready = Health(), Ready()
    health.add_check("broker", ready.check)
    server = OpsServer(health)
    server.start()
    yield ready, server.port
    server.stop()


def asked(**ports: int) -> tuple[int, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QIPAN_")}
    environment |= {name: str(port) for name, port in ports.items()}
    done = subprocess.run(
        [sys.executable, "-IS", str(FOLDER / "health.py")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_healthy_is_what_is_ready(process: tuple[Ready, int]) -> None:
    ready, port = process
    assert asked(QIPAN_OPS_PORT=port)[0] == 0
    ready.holds = False
    code, said = asked(QIPAN_OPS_PORT=port)
    assert code == 1
    assert "not connected" in said


def test_an_http_server_is_asked_at_its_own_port(process: tuple[Ready, int]) -> None:
    assert asked(QIPAN_OPS_PORT=free_port(), QIPAN_PORT=process[1])[0] == 0


def test_a_process_that_does_not_listen_yet_is_not_healthy() -> None:
    assert asked(QIPAN_OPS_PORT=free_port(), QIPAN_PORT=free_port()) == (1, "nobody listens yet")
    assert asked() == (1, "nobody listens yet")
