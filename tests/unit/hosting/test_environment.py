"""The settings that all processes share."""

from pathlib import Path

import pytest

from qipan.hosting.environment import shared_environment
from qipan.settings import Settings

SECRETS = (
    "amqp_url",
    "database_url",
    "signing_key",
    "token",
    "door_secret",
    "contact_keys",
    "photos_url",
    "account_secret",
    "smtp_url",
)


def test_it_says_again_what_the_settings_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = Settings(
        var=tmp_path, district=Path("districts/xihu"), batch_size=7, retry_delays_ms=(1, 2), log="json"
    )
    for name, value in shared_environment(wanted).items():
        monkeypatch.setenv(name, value)
    read = Settings()
    assert (read.batch_size, read.retry_delays_ms, read.log) == (7, (1, 2), "json")
    assert read.district == Path("districts/xihu").absolute()


def test_it_hands_on_the_font_of_reports_if_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "QIPAN_REPORT_FONT" not in shared_environment(Settings())
    named = shared_environment(Settings(report_font=Path("fonts/han.ttc")))["QIPAN_REPORT_FONT"]
    assert named == str(Path("fonts/han.ttc").absolute())
    monkeypatch.setenv("QIPAN_REPORT_FONT", "")
    assert Settings().report_font is None


def test_it_holds_no_secret() -> None:
    secrets = {name: f"secret-{name}" for name in SECRETS}
    shared = shared_environment(Settings(**secrets))
    assert not any("secret-" in value for value in shared.values())
