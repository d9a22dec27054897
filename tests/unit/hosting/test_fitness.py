"""A process that lacks something says all of it and ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from qipan.access import new_keys
from qipan.hosting.fitness import Unfit, check_settings, settings_from_environment
from qipan.settings import Settings

ROOT = Path(__file__).parents[3]
SIGNING, VERIFYING = new_keys()
WHOLE = {
    "amqp_url": "amqp://core:x@127.0.0.1:5672/q",
    "database_url": "postgresql://qipan_intake:x@127.0.0.1/q",
    "verify_key": VERIFYING,
    "signing_key": SIGNING,
    "account_secret": "a",
    "door_secret": "d",
    "contact_keys": f"1:{'c3' * 32}",
    "door_url": "http://127.0.0.1:8000",
    "district": ROOT / "districts/xihu",
}
NEEDS = {
    "gateway": {
        "amqp_url",
        "database_url",
        "verify_key",
        "signing_key",
        "account_secret",
        "door_url",
        "district",
    },
    "door": {"database_url", "verify_key", "door_secret", "contact_keys", "district"},
    "intake": {"amqp_url", "database_url", "verify_key", "door_secret", "contact_keys", "district"},
    "dispatch": {"amqp_url", "database_url", "verify_key", "district"},
    "floodwatch": {"amqp_url", "verify_key", "district"},
}


@pytest.mark.parametrize("service", NEEDS)
def test_what_a_process_needs_is_enough_and_each_part_is_missed(service: str) -> None:
    whole = {name: WHOLE[name] for name in NEEDS[service]}
    check_settings(service, Settings(**whole))
    for name in NEEDS[service]:
        with pytest.raises(Unfit) as raised:
            check_settings(
                service, Settings(**{**whole, name: Path("nowhere") if name == "district" else ""})
            )
        assert len(raised.value.faults) == 1
        assert f"QIPAN_{name.upper()}" in raised.value.faults[0]


def test_all_that_is_wrong_is_listed_at_once() -> None:
    with pytest.raises(Unfit) as raised:
        check_settings("gateway", Settings(district=Path("nowhere"), clocks="{"))
    for name in [*NEEDS["gateway"], "clocks"]:
        assert f"QIPAN_{name.upper()}" in str(raised.value)


def test_what_cannot_be_read_is_listed_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QIPAN_BATCH_SIZE", "hunter2")
    monkeypatch.setenv("QIPAN_IMPORT_ROWS", "hunter2")
    with pytest.raises(Unfit) as raised:
        settings_from_environment()
    assert len(raised.value.faults) == 2
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("module", ["service_main dispatch", "http_main gateway"])
def test_the_process_ends_at_once_and_says_why(module: str) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("QIPAN_")}
    words = [sys.executable, "-m", *f"qipan.hosting.{module}".split()]
    done = subprocess.run(words, env=clean, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == os.EX_CONFIG
    for name in ("QIPAN_AMQP_URL", "QIPAN_DATABASE_URL", "QIPAN_VERIFY_KEY"):
        assert name in done.stderr
