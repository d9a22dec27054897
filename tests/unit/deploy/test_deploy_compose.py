"""What the compose files say, read as data: the plan's processes, their secrets, their walls."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from qipan.contracts.subscriptions import CORE_SERVICES
from qipan.hosting.plan import plan
from qipan.hosting.port import HTTP_SERVICES, ProcessSpec
from qipan.settings import Settings
from qipan.tenancy import District, load_district
from services.notify.operator_file import outlets

FOLDER = Path("deploy/compose")
TOWNS = sorted((FOLDER / "towns").glob("*.yaml"))
JOBS = {"volumes", "secrets", "roles", "migrate", "provision"}


def read(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def xihu() -> District:
    return load_district(Path("districts/xihu"))


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    """Every service of every file, with what it extends merged as compose does."""
    common = read(FOLDER / "common.yaml")["services"]
    found = {}
    for path in (FOLDER / "compose.yaml", *TOWNS):
        for name, service in read(path)["services"].items():
            if name not in found:
                found[name] = merged(service, common)
    return found


def merged(service: dict[str, Any], common: dict[str, Any]) -> dict[str, Any]:
    if "extends" not in service:
        return service
    below = merged(common[service["extends"]["service"]], common)
    both = {**below, **service}
    both["environment"] = {**below.get("environment", {}), **service.get("environment", {})}
    both["volumes"] = [*below.get("volumes", []), *service.get("volumes", [])]
    return both


def serves(service: dict[str, Any]) -> str | None:
    """What a service runs, as people call it."""
    words = service.get("command", [])
    if words[:1] != ["run"]:
        return None
    return words[1] if len(words) == 2 else f"{words[1]}@{words[3]}"


def test_they_run_what_the_plan_says(xihu: District, services: dict[str, dict[str, Any]]) -> None:
    runs = {serves(service): service.get("scale", 1) for service in services.values() if serves(service)}
    wanted: dict[str, int] = {}
    for spec in plan(xihu):
        wanted[spec.serves] = wanted.get(spec.serves, 0) + 1
    assert runs == wanted


def test_only_the_gateway_has_a_port_and_on_loopback(services: dict[str, dict[str, Any]]) -> None:
    assert {name: service["ports"] for name, service in services.items() if service.get("ports")} == {
        "gateway": ["${GATEWAY_ADDRESS:-127.0.0.1:8080}:8080"]
    }


def test_each_process_mounts_its_own_secrets_and_no_others(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        mounted = {
            volume.partition(":")[0] for volume in service.get("volumes", []) if volume.startswith("secrets-")
        }
        if serves(service):
            assert mounted == {f"secrets-{name}"}, name
        if serves(service):
            assert not any(volume.startswith("installation:") for volume in service["volumes"]), name


def test_every_secret_that_is_mounted_is_written(xihu: District) -> None:
    for path in (FOLDER / "compose.yaml", *TOWNS):
        file = read(path)
        written = {each.partition(":")[0]: each.partition(":/secrets/")[2] for each in file["x-secrets"]}
        for name, service in file["services"].items():
            if serves(service):
                assert written[f"secrets-{name}"] == serves(service)
        assert {name for name in written if name.startswith("secrets-")} <= set(file["volumes"])


def test_every_file_that_a_setting_names_is_one_that_is_written(services: dict[str, dict[str, Any]]) -> None:
    settings = {f"QIPAN_{name.upper()}" for name in Settings.model_fields}
    for name, service in services.items():
        for variable, value in (service.get("environment") or {}).items():
            if variable.startswith("QIPAN_"):
                assert variable.removesuffix("_FILE") in settings, name
            if variable.endswith("_FILE") and variable.startswith("QIPAN_"):
                setting = variable.removeprefix("QIPAN_").removesuffix("_FILE").lower()
                assert value == f"/run/qipan/{setting}", name


def test_the_operators_file_is_mounted_for_notify_and_for_operators_and_for_nobody_else(
    services: dict[str, dict[str, Any]],
) -> None:
    variable, path = "QIPAN_DESTINATIONS", "/etc/qipan/destinations.toml"
    default = "${DESTINATIONS:-./no-destinations.toml}"
    told = {
        name: service["environment"][variable]
        for name, service in services.items()
        if variable in service.get("environment", {})
    }
    mounted = {
        name: volume
        for name, service in services.items()
        for volume in service.get("volumes", [])
        if f":{path}:" in volume
    }
    assert told == dict.fromkeys(("notify", "operator"), path)
    assert mounted == dict.fromkeys(("notify", "operator"), f"{default}:{path}:ro")
    assert outlets(FOLDER / "no-destinations.toml", "", {}).by_name == {}


def test_who_writes_to_reporters_and_who_asks_them_know_the_public_address(
    services: dict[str, dict[str, Any]],
) -> None:
    for name in ("door", "notify"):
        assert services[name]["environment"]["QIPAN_PUBLIC_URL"] == "${PUBLIC_URL:-}", name


def test_networks_keep_apart_what_must_not_meet(xihu: District, services: dict[str, dict[str, Any]]) -> None:
    specs = {spec.serves: spec for spec in plan(xihu)}
    for name, service in services.items():
        spec = specs.get(serves(service) or "")
        if spec is None:
            continue
        assert ("data" in service["networks"]) == (spec.schema is not None), name
        assert ("broker" in service["networks"]) == (spec.service != "door"), name
    networks = read(FOLDER / "compose.yaml")["networks"]
    assert {name for name, network in networks.items() if not network.get("internal")} == {"edge", "outside"}
    assert [name for name, service in services.items() if "edge" in service.get("networks", [])] == [
        "gateway"
    ]
    assert [name for name, service in services.items() if "outside" in service.get("networks", [])] == [
        "notify"
    ]


def test_what_is_ours_has_no_rights(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        if not serves(service):
            continue
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service, name
        assert service["user"] == "10001:10001", name
        assert not any("docker.sock" in str(volume) for volume in service["volumes"]), name


def test_starts_are_ordered(services: dict[str, dict[str, Any]]) -> None:
    def after(name: str) -> set[str]:
        found: set[str] = set()
        for other in services[name].get("depends_on", {}):
            found |= {other} | after(other)
        return found

    for name, service in services.items():
        if serves(service):
            assert {"migrate", "secrets", "database"} <= after(name), name
        if serves(service) and name not in ("steward", "door"):
            assert {"steward", "provision", "broker"} <= after(name), name


def test_the_env_file_brings_up_every_tenants_services() -> None:
    line = next(
        line
        for line in (FOLDER / ".env").read_text(encoding="utf-8").splitlines()
        if line.startswith("COMPOSE_FILE=")
    )
    assert line.partition("=")[2].split(":") == ["compose.yaml", *(f"towns/{path.name}" for path in TOWNS)]


def test_the_core_is_all_there(services: dict[str, dict[str, Any]]) -> None:
    assert {"steward", *CORE_SERVICES, *HTTP_SERVICES} <= set(services)
    assert ProcessSpec("steward").serves == "steward"


@pytest.mark.parametrize(
    "path", [*TOWNS, Path("docs/howto/deploy-compose/wenxin.yaml")], ids=lambda path: path.stem
)
def test_a_towns_file_adds_only_what_is_its_own(path: Path) -> None:
    """What it changed of the others' would be made anew by compose, and whoever depends on that, too."""
    town = read(path)
    assert all(name.endswith(f"-{path.stem}") for name in (*town["services"], *town["volumes"]))
    assert not set(town["services"]) & set(read(FOLDER / "compose.yaml")["services"])
