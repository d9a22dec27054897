"""Secrets as files: each folder gets what its process gets, and nothing else."""

import json
import stat
from pathlib import Path

import pytest

from qipan.access import Verifier
from qipan.hosting import secret_files
from qipan.hosting.credentials import Credentials
from qipan.hosting.port import Refused
from qipan.settings import Settings
from qipan.tenancy import District, load_district

SETTINGS = Settings(
    amqp_url="amqp://broker:5672/qipan",
    amqp_management_url="http://broker:15672",
    database_url="postgresql+psycopg://database:5432/qipan",
)


@pytest.fixture(scope="module")
def xihu() -> District:
    return load_district(Path("districts/xihu"))


@pytest.fixture
def credentials(tmp_path: Path) -> Credentials:
    return Credentials.kept_in(tmp_path / "var")


def filled(root: Path, xihu: District, credentials: Credentials, *names: str) -> Path:
    for name in names:
        (root / name).mkdir(parents=True)
    secret_files.fill(root, xihu, credentials, SETTINGS)
    return root


def test_a_folder_has_what_its_process_is_told(
    tmp_path: Path, xihu: District, credentials: Credentials
) -> None:
    root = filled(tmp_path / "s", xihu, credentials, "dispatch", "floodwatch@sandun", "door", "notify")
    assert {path.name for path in (root / "dispatch").iterdir()} == {
        "amqp_url",
        "database_url",
        "verify_key",
        "token",
    }
    assert {path.name for path in (root / "floodwatch@sandun").iterdir()} == {
        "amqp_url",
        "verify_key",
        "token",
    }
    assert (root / "floodwatch@sandun/amqp_url").read_text().startswith("amqp://sandun:")
    assert not (root / "door/amqp_url").exists()
    assert (root / "notify/smtp_url").read_text() == ""
    verifier = Verifier((root / "dispatch/verify_key").read_text())
    assert verifier.verify((root / "floodwatch@sandun/token").read_text()).tenant == "sandun"


def test_no_folder_of_a_process_has_the_secret_or_an_administrators_password(
    tmp_path: Path, xihu: District, credentials: Credentials
) -> None:
    processes = (
        "steward",
        "door",
        "gateway",
        "intake",
        "dispatch",
        "notify",
        "analytics",
        "squad@traffic-police",
    )
    root = filled(tmp_path / "s", xihu, credentials, *processes, "operator", "database")
    forbidden = {
        credentials.secret,
        (root / "database/password").read_text(),
        (root / "operator/amqp_url").read_text(),
    }
    for name in processes:
        told = " ".join(path.read_text() for path in (root / name).iterdir())
        assert not any(secret in told for secret in forbidden), name
        assert "//qipan:" not in told


def test_files_of_processes_are_their_owners_alone(
    tmp_path: Path, xihu: District, credentials: Credentials
) -> None:
    root = filled(tmp_path / "s", xihu, credentials, "dispatch", "operator")
    for path in [*(root / "dispatch").iterdir(), *(root / "operator").iterdir()]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o400


def test_the_broker_gets_definitions_with_an_administrator(
    tmp_path: Path, xihu: District, credentials: Credentials
) -> None:
    found = json.loads(
        (filled(tmp_path / "s", xihu, credentials, "broker") / "broker/definitions.json").read_text()
    )
    tags = {user["name"]: user["tags"] for user in found["users"]}
    assert tags["qipan"] == ["administrator"]
    assert tags["sandun"] == []
    assert found["vhosts"] == [{"name": "qipan"}]


def test_repeating_it_changes_nothing_but_tokens(
    tmp_path: Path, xihu: District, credentials: Credentials
) -> None:
    root = filled(tmp_path / "s", xihu, credentials, "dispatch", "broker", "database")
    before = {path: path.read_text() for path in root.rglob("*") if path.is_file() and path.name != "token"}
    secret_files.fill(root, xihu, credentials, SETTINGS)
    assert {path: path.read_text() for path in before} == before


@pytest.mark.parametrize("name", ["disptach", "dispatch@nowhere", "floodwatch@wenxin"])
def test_a_folder_that_nothing_is_named_like_is_refused_before_anything_is_written(
    tmp_path: Path, xihu: District, credentials: Credentials, name: str
) -> None:
    root = tmp_path / "s"
    with pytest.raises(Refused):
        filled(root, xihu, credentials, "dispatch", name)
    assert list((root / "dispatch").iterdir()) == []


def test_without_folders_or_addresses_it_says_what_to_do(
    tmp_path: Path, xihu: District, credentials: Credentials
) -> None:
    with pytest.raises(Refused, match="make one for each process"):
        secret_files.fill(tmp_path / "nothing", xihu, credentials, SETTINGS)
    with pytest.raises(Refused, match="QIPAN_AMQP_URL"):
        secret_files.fill(tmp_path, xihu, credentials, Settings(amqp_url="", database_url=""))
