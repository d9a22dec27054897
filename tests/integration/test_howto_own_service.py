"""The how-to's commands, run as they stand, in a copy of the tree: a town gets a service of its own."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from qipan.hosting.embedded import EmbeddedBroker, EmbeddedPostgres
from qipan.ids import new_id

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/howto/own-service.md"
LONG_RUNNING = "qipan up"
SECONDS = 120.0


@dataclass
class Step:
    """One command of the page and what it says; `…` in a line stands for anything, parts in any order."""

    command: str
    says: list[str] = field(default_factory=list)

    def missing(self, output: str) -> list[str]:
        """The lines of which some part is not in the output."""
        return [
            line
            for line in self.says
            if not any(all(part in found for part in line.split(" … ")) for found in output.splitlines())
        ]


def steps(page: str) -> Iterator[Step]:
    for block in re.findall(r"^```console\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
        step: Step | None = None
        for line in block.splitlines():
            if line.startswith("$ "):
                if step is not None:
                    yield step
                step = Step(line[2:])
            else:
                assert step is not None, f"a console block must begin with a command, not {line!r}"
                step.says.append(line)
        if step is not None:
            yield step


class Terminal:
    """A shell that keeps its variables from one command to the next."""

    def __init__(self, cwd: Path, env: dict[str, str], seconds: float = SECONDS) -> None:
        self._cwd, self._env, self._seconds = cwd, env, seconds
        self._set = ""

    def run(self, step: Step) -> None:
        """Run a command until it says what the page says; only asking is repeated."""
        if re.match(r"[A-Z]+=", step.command):
            self._set += step.command + "\n"
        end = time.monotonic() + self._seconds
        while True:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", self._set + step.command],
                cwd=self._cwd,
                env=self._env,
                capture_output=True,
                text=True,
                timeout=self._seconds,
                check=False,
            )
            missing = step.missing(done.stdout)
            if done.returncode == 0 and not missing:
                return
            asking = re.match(r"(qipan (who|ps|logs)|psql)\b", step.command)
            said = f"{step.command} did not say {missing} but\n{done.stdout}\n{done.stderr}"
            assert asking, said
            assert time.monotonic() < end, said
            time.sleep(2)


def walk(page: Path, tree: Path, env: dict[str, str], seconds: float = SECONDS) -> None:
    """Run a page's commands in order; the district that it starts runs on beside the others, and ends in order."""
    terminal = Terminal(tree, env, seconds)
    up: subprocess.Popen[str] | None = None
    log = tree / "up.log"
    try:
        for step in steps(page.read_text(encoding="utf-8")):
            if step.command != LONG_RUNNING:
                terminal.run(step)
                continue
            with log.open("w") as out:
                up = subprocess.Popen(
                    step.command.split(), cwd=tree, env=env, stdout=out, stderr=subprocess.STDOUT, text=True
                )
            end = time.monotonic() + seconds
            while step.missing(log.read_text()):
                assert up.poll() is None, log.read_text()
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.2)
        assert up is not None, "the page never starts the district"
    finally:
        if up is not None:
            up.terminate()
            up.wait(60)
    assert up.returncode == 0, log.read_text()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What the page's commands act on: copies of the packs and the docs, beside the services.

    Other tenants' own services are left out: a small machine needs half a minute more for them.
    """
    for folder in ("districts", "docs"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for pack in (tmp_path / "districts").rglob("*.toml"):
        own = pack.read_text(encoding="utf-8")
        pack.write_text(re.sub(r"\[\[services\]\]\n(.+\n)+", "", own), encoding="utf-8")
    (tmp_path / "services").symlink_to(ROOT / "services")
    return tmp_path


@pytest.fixture
def env(broker_node: EmbeddedBroker, postgres: EmbeddedPostgres, tree: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "200",
        "QIPAN_AMQP_URL": broker_node.create_vhost(f"howto-{new_id()}"),
        "QIPAN_AMQP_MANAGEMENT_URL": broker_node.admin_url,
        "QIPAN_DATABASE_URL": postgres.create_database(f"howto_{new_id().replace('-', '')}"),
        "QIPAN_VAR": str(tree / "var"),
    }


@pytest.mark.timeout(600)
def test_the_page_takes_its_reader_from_a_template_to_a_running_service(
    tree: Path, env: dict[str, str]
) -> None:
    walk(PAGE, tree, env)


def test_every_link_of_the_page_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", PAGE.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (PAGE.parent / link).exists()] == []
