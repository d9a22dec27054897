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
