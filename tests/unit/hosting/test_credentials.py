"""What each process is told, and above all what it is not."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from qipan.access import Role, Verifier
from qipan.hosting.credentials import Credentials
from qipan.hosting.port import ProcessSpec
from qipan.hosting.servers import Servers
from qipan.settings import Settings

SERVERS = Servers(
    "amqp://root:rabbit-root@127.0.0.1:5672/qipan",
    "http://root:rabbit-root@127.0.0.1:15672",
    "postgresql+psycopg://root:pg-root@127.0.0.1:5432/qipan",
)
DOOR = ProcessSpec("door", None, 1, "intake")
GATEWAY = ProcessSpec("gateway", None, 1, "gateway")
INTAKE = ProcessSpec("intake", None, 1, "intake")
DISPATCH = ProcessSpec("dispatch", None, 1, "dispatch")
SANDUN = ProcessSpec("dispatch", "sandun", 1, "dispatch")
FLOODWATCH = ProcessSpec("floodwatch", "sandun", 1, None)
EVERYONE = (DOOR, GATEWAY, INTAKE, DISPATCH, SANDUN, FLOODWATCH)


@pytest.fixture(scope="module")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    return Credentials.kept_in(tmp_path_factory.mktemp("var"))


def told(credentials: Credentials, spec: ProcessSpec) -> dict[str, str]:
    return credentials.of_process(spec, SERVERS, Settings(), "xihu")


@pytest.mark.parametrize("spec", EVERYONE, ids=lambda spec: spec.id)
def test_no_process_learns_the_secret_or_an_administrators_password(
    credentials: Credentials, spec: ProcessSpec
) -> None:
    everything = " ".join(told(credentials, spec).values())
    assert credentials.secret not in everything
    assert "rabbit-root" not in everything
    assert "pg-root" not in everything


def test_only_the_gateway_can_sign_and_knows_accounts(credentials: Credentials) -> None:
    for spec in EVERYONE:
        holds = {"QIPAN_SIGNING_KEY", "QIPAN_ACCOUNT_SECRET"} & told(credentials, spec).keys()
        assert bool(holds) == (spec is GATEWAY), spec.id


def test_the_gateway_has_no_domain_database_and_the_door_no_broker(credentials: Credentials) -> None:
    assert "//qipan_gateway:" in told(credentials, GATEWAY)["QIPAN_DATABASE_URL"]
    assert "QIPAN_AMQP_URL" not in told(credentials, DOOR)
    assert "QIPAN_DATABASE_URL" not in told(credentials, FLOODWATCH)


def test_a_tenants_process_is_its_tenants_broker_user_and_its_shadow_too(credentials: Credentials) -> None:
    assert told(credentials, DISPATCH)["QIPAN_AMQP_URL"].startswith("amqp://core:")
    shadow = ProcessSpec("dispatch", "sandun~ex7", 1, "dispatch")
    for spec in (SANDUN, FLOODWATCH, shadow):
        assert told(credentials, spec)["QIPAN_AMQP_URL"].startswith("amqp://sandun:")


def test_a_process_is_a_service_of_its_tenant(credentials: Credentials) -> None:
    verifier = Verifier(credentials.verify_key)
    of_town = verifier.verify(told(credentials, SANDUN)["QIPAN_TOKEN"])
    of_core = verifier.verify(told(credentials, DISPATCH)["QIPAN_TOKEN"])
    assert (of_town.tenant, of_town.roles) == ("sandun", {Role.SERVICE})
    assert (of_core.tenant, of_core.roles) == ("xihu", {Role.SERVICE})


def test_only_intake_can_read_contacts(credentials: Credentials) -> None:
    for spec in EVERYONE:
        holds = {"QIPAN_CONTACT_KEYS", "QIPAN_DOOR_SECRET"} & told(credentials, spec).keys()
        assert bool(holds) == (spec.schema == "intake"), spec.id


def test_a_new_contact_key_is_added_and_the_old_ones_stay(tmp_path: Path) -> None:
    first = Credentials.kept_in(tmp_path)
    grown = first.with_new_contact_key(tmp_path)
    assert Credentials.kept_in(tmp_path) == grown
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert grown.contact_keys.split(",")[1:] == first.contact_keys.split(",")
    assert grown.contact_keys.startswith("2:")
    assert grown.door_secret == first.door_secret
    own = f"9:{'c3' * 32}"
    assert grown.intake_secrets(Settings(contact_keys=own))["QIPAN_CONTACT_KEYS"] == own


def test_a_secret_file_from_before_contact_keys_has_one(tmp_path: Path) -> None:
    kept = asdict(Credentials.kept_in(tmp_path))
    del kept["contact_generation"]
    (tmp_path / "secret").write_text(json.dumps(kept))
    assert Credentials.kept_in(tmp_path).contact_keys.startswith("1:")


def test_the_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first = Credentials.kept_in(tmp_path)
    assert Credentials.kept_in(tmp_path) == first
    assert Credentials.kept_in(tmp_path / "other") != first
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
