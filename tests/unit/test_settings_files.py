"""Settings whose values lie in files, as secrets are mounted."""

from pathlib import Path

import pytest

from qipan.settings import Settings
from qipan.settings_files import LARGEST, UnreadableSettings, with_settings


def test_a_file_gives_a_setting_its_value_without_the_line_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "amqp").write_text("amqp://core:secret@broker/qipan\n")
    monkeypatch.setenv("QIPAN_AMQP_URL_FILE", str(tmp_path / "amqp"))
    assert Settings().amqp_url == "amqp://core:secret@broker/qipan"


def test_a_number_and_a_list_may_lie_in_files_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "port").write_text("8080")
    (tmp_path / "delays").write_text("[1, 2]\n")
    monkeypatch.setenv("QIPAN_PORT_FILE", str(tmp_path / "port"))
    monkeypatch.setenv("QIPAN_RETRY_DELAYS_MS_FILE", str(tmp_path / "delays"))
    assert (Settings().port, Settings().retry_delays_ms) == (8080, (1, 2))


def test_what_is_said_in_the_call_goes_before_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tenant").write_text("sandun")
    monkeypatch.setenv("QIPAN_TENANT_FILE", str(tmp_path / "tenant"))
    assert Settings(tenant="wenxin").tenant == "wenxin"
    assert Settings().tenant == "sandun"


def test_an_empty_name_names_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QIPAN_SMTP_URL_FILE", "")
    assert Settings().smtp_url == ""


def test_every_file_that_cannot_be_taken_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "large").write_bytes(b"x" * (LARGEST + 1))
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    monkeypatch.setenv("QIPAN_AMQP_URL_FILE", str(tmp_path / "missing"))
    monkeypatch.setenv("QIPAN_DATABASE_URL_FILE", str(tmp_path / "large"))
    monkeypatch.setenv("QIPAN_TOKEN_FILE", str(tmp_path / "bytes"))
    monkeypatch.setenv("QIPAN_VERIFY_KEY_FILE", str(tmp_path))
    monkeypatch.setenv("QIPAN_SMTP_URL", "mailto://a")
    monkeypatch.setenv("QIPAN_SMTP_URL_FILE", str(tmp_path / "mail"))
    with pytest.raises(UnreadableSettings) as refused:
        Settings()
    said = str(refused.value)
    for name in ("AMQP_URL", "DATABASE_URL", "TOKEN", "VERIFY_KEY", "SMTP_URL"):
        assert f"QIPAN_{name}_FILE" in said


def test_a_setting_that_is_said_takes_its_files_place() -> None:
    held = {"QIPAN_TENANT_FILE": "/run/qipan/tenant", "QIPAN_TOKEN_FILE": "/run/qipan/token", "A_FILE": "a"}
    assert with_settings(held, {"QIPAN_TENANT": "wenxin"}) == {
        "QIPAN_TENANT": "wenxin",
        "QIPAN_TOKEN_FILE": "/run/qipan/token",
        "A_FILE": "a",
    }
