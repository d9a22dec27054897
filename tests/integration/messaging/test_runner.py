"""A service's process: it ends when its service dies, for only then does its host start it anew."""

import os
import subprocess
import sys
from pathlib import Path

from sqlalchemy import make_url

from qipan.access import new_keys
from qipan.testing import Broker

ROOT = Path(__file__).resolve().parents[3]

DYING = """
import eventlet
eventlet.monkey_patch()
import sys
from nameko.extensions import Entrypoint
from qipan.messaging.runner import run
from qipan.settings import Settings

class Dies(Entrypoint):
    def start(self):
        self.container.spawn_managed_thread(self._die)

    def _die(self):
        raise RuntimeError("nobody foresaw this")

class Service:
    name = "notify"

    @Dies.decorator
    def anything(self):
        pass

sys.exit(run(Service, Settings()))
"""


def test_a_process_ends_when_its_service_dies(broker: Broker) -> None:
    environment = {
        **os.environ,
        "PSYCOPG_WAIT_FUNC": "wait_select",
        "QIPAN_AMQP_URL": broker.url,
        "QIPAN_CORE_USER": str(make_url(broker.url).username),
        "QIPAN_DISTRICT": str(ROOT / "districts/xihu"),
        "QIPAN_VERIFY_KEY": new_keys()[1],
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DYING],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == os.EX_SOFTWARE, done.stderr
    assert "nobody foresaw this" in done.stderr


WAITING = "import qipan.hosting.service_main, psycopg.waiting as w; print(w.wait.__name__)"
WRONG = DYING.replace("import eventlet\n", "import psycopg, eventlet\n", 1)


def test_a_service_waits_for_a_lock_on_one_greenlet_only() -> None:
    """Else whoever holds the lock cannot go on either: it waits in the same process."""
    done = _run(WAITING)
    assert done.stdout.strip() == "wait_select"


def test_a_process_whose_waiting_would_stop_every_greenlet_does_not_start() -> None:
    done = _run(WRONG)
    assert done.returncode != os.EX_OK
    assert "psycopg was imported before" in done.stderr


def _run(program: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name != "PSYCOPG_WAIT_FUNC"}
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env=clean,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
