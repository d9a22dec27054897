"""The manifests: built by kustomize, valid, restricted, and the same district that `qipan up` would run."""

import json
from collections import Counter
from pathlib import Path

import pytest
from manifests import (
    VERSIONS,
    Object,
    build,
    containers,
    faults,
    matches,
    name,
    pods,
    unrestricted,
)

from qipan.contracts.subscriptions import CORE_SERVICES
from qipan.hosting import http_main, processes
from qipan.hosting.credentials import Credentials
from qipan.hosting.plan import STEWARD, spec_of
from qipan.hosting.port import HTTP_SERVICES
from qipan.hosting.servers import Servers
from qipan.messaging import topology
from qipan.settings import Settings
from qipan.storage.database import STATEMENT_SECONDS
from qipan.tenancy import load_district
from services.gateway.routes import DOOR_ROUTES
from tests.docs_pages import ROOT
from tests.watch import rules

OVERLAYS = ("trial", "production", "town-sandun")
CORE = ("trial", "production")
XIHU = load_district(ROOT / "districts/xihu")
KIND, PROCESS, TENANT = "qipan/kind", "app.kubernetes.io/name", "qipan/tenant"


def _deployments(overlay: str) -> list[Object]:
    return [thing for thing in build(overlay) if thing["kind"] == "Deployment"]


def _of(overlay: str, kind: str) -> list[Object]:
    return [thing for thing in build(overlay) if thing["kind"] == kind]


@pytest.mark.parametrize("overlay", OVERLAYS)
class TestEveryOverlay:
    @pytest.mark.parametrize("version", VERSIONS)
    def test_is_what_the_schemas_allow(self, overlay: str, version: str) -> None:
        assert [fault for thing in build(overlay) for fault in faults(thing, version)] == []

    def test_names_nothing_twice(self, overlay: str) -> None:
        assert [each for each, count in Counter(map(name, build(overlay))).items() if count > 1] == []

    def test_runs_restricted(self, overlay: str) -> None:
        assert {
            each: found for each, pod in pods(build(overlay)).items() if (found := unrestricted(pod))
        } == {}
        for space in _of(overlay, "Namespace"):
            assert space["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"

    def test_is_ready_by_readyz_and_alive_by_healthz(self, overlay: str) -> None:
        for thing in _deployments(overlay):
            (container,) = containers(thing["spec"]["template"])
            assert container["readinessProbe"]["httpGet"]["path"] == "/readyz", name(thing)
            assert container["livenessProbe"]["httpGet"]["path"] == "/healthz", name(thing)
            assert container["startupProbe"]["httpGet"]["path"] == "/healthz", name(thing)

    def test_has_time_to_finish_what_it_holds(self, overlay: str) -> None:
        for thing in _deployments(overlay):
            pod = thing["spec"]["template"]
            grace = pod["spec"]["terminationGracePeriodSeconds"]
            if pod["metadata"]["labels"][KIND] == "http":
                pause = containers(pod)[0]["lifecycle"]["preStop"]["sleep"]["seconds"]
                assert grace > pause + http_main.GRACE + 2 * STATEMENT_SECONDS
            else:
                assert grace > processes.GRACE + 3 * STATEMENT_SECONDS

    def test_may_be_drained_one_by_one_and_is_spread(self, overlay: str) -> None:
        budgets = _of(overlay, "PodDisruptionBudget")
        for thing in _deployments(overlay):
            template = thing["spec"]["template"]
            labels = template["metadata"]["labels"]
            assert matches(thing["spec"]["selector"], labels)
            mine = [each for each in budgets if matches(each["spec"]["selector"], labels)]
            assert [each["spec"]["maxUnavailable"] for each in mine] == [1], name(thing)
            spread = template["spec"]["topologySpreadConstraints"]
            assert {each["topologyKey"] for each in spread} == {
                "kubernetes.io/hostname",
                "topology.kubernetes.io/zone",
            }
            assert all(matches(each["labelSelector"], labels) for each in spread)

    def test_denies_by_default(self, overlay: str) -> None:
        closed = {
            policy["metadata"]["namespace"]
            for policy in _of(overlay, "NetworkPolicy")
            if policy["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
        }
        assert closed == {space["metadata"]["name"] for space in _of(overlay, "Namespace")}

    def test_tells_each_process_exactly_its_own_secrets(self, overlay: str) -> None:
        for thing in _deployments(overlay):
            labels = thing["spec"]["template"]["metadata"]["labels"]
            spec = spec_of(XIHU, labels[PROCESS], labels.get(TENANT))
            (container,) = containers(thing["spec"]["template"])
            files = {
                entry["name"].removesuffix("_FILE"): entry["value"]
                for entry in container["env"]
                if entry["name"].endswith("_FILE")
            }
            given = _credentials().of_process(spec, _SERVERS, Settings(), XIHU.id)
            assert set(files) == set(given), name(thing)
            for variable, path in files.items():
                assert path == f"/run/secrets/qipan/{variable.removeprefix('QIPAN_').lower()}"

    def test_asks_for_the_memory_that_was_measured_and_has_room(self, overlay: str) -> None:
        measured = json.loads((ROOT / "docs/figures/watch.json").read_text(encoding="utf-8"))["memory_mb"]
        for thing in _deployments(overlay):
            template = thing["spec"]["template"]
            labels = template["metadata"]["labels"]
            serves = labels[PROCESS] + (f"@{labels[TENANT]}" if TENANT in labels else "")
            resources = containers(template)[0]["resources"]
            asked, most = (
                int(resources[kind]["memory"].removesuffix("Mi")) for kind in ("requests", "limits")
            )
            assert measured[serves] <= asked <= 2 * measured[serves], serves
            assert most >= 2 * measured[serves], serves

    def test_sets_only_what_is_a_setting(self, overlay: str) -> None:
        known = {f"QIPAN_{field.upper()}" for field in Settings.model_fields}
        named = {
            entry["name"].removesuffix("_FILE")
            for pod in pods(build(overlay)).values()
            for container in containers(pod)
            for entry in container.get("env", [])
            if entry["name"].startswith("QIPAN_")
        }
        for settings in _of(overlay, "ConfigMap"):
            named |= {key for key in settings["data"] if key.startswith("QIPAN_")}
        assert named - known == set()


_SERVERS = Servers("amqp://broker/qipan", "", "postgresql://database/qipan")


def _credentials() -> Credentials:
    from qipan.access import new_keys

    return Credentials("a secret", *new_keys())


@pytest.mark.parametrize("overlay", CORE)
class TestTheCore:
    def test_runs_what_the_plan_asks_for(self, overlay: str) -> None:
        run = {
            thing["metadata"]["name"]: containers(thing["spec"]["template"])[0]["args"]
            for thing in _deployments(overlay)
        }
        assert run == {service: ["run", service] for service in (STEWARD, *CORE_SERVICES, *HTTP_SERVICES)}

    def test_lets_nobody_in_but_by_the_ingress_to_the_doors(self, overlay: str) -> None:
        pods_ = [pod["metadata"]["labels"] for pod in pods(build(overlay)).values()]
        for policy in _of(overlay, "NetworkPolicy"):
            for rule in policy["spec"].get("ingress", []):
                assert rule["from"], name(policy)
                assert rule["ports"], name(policy)
                for peer in rule["from"]:
                    outside = "namespaceSelector" in peer and not peer["namespaceSelector"]
                    assert not outside, name(policy)
        (front,) = [
            each for each in _of(overlay, "NetworkPolicy") if each["metadata"]["name"] == "from-ingress"
        ]
        reached = {labels[PROCESS] for labels in pods_ if matches(front["spec"]["podSelector"], labels)}
        assert reached == set(HTTP_SERVICES)

    def test_the_door_is_kept_from_the_broker_and_every_other_process_is_not(self, overlay: str) -> None:
        (policy,) = [
            each for each in _of(overlay, "NetworkPolicy") if each["metadata"]["name"] == "to-broker"
        ]
        reaches = {
            thing["metadata"]["name"]
            for thing in _deployments(overlay)
            if matches(policy["spec"]["podSelector"], thing["spec"]["template"]["metadata"]["labels"])
        }
        assert reaches == {STEWARD, *CORE_SERVICES, "gateway"}

    def test_only_notify_mails_and_posts_to_anywhere(self, overlay: str) -> None:
        labels = {
            thing["metadata"]["name"]: thing["spec"]["template"]["metadata"]["labels"]
            for thing in _deployments(overlay)
        }
        anywhere: dict[str, set[int]] = {}
        for policy in _of(overlay, "NetworkPolicy"):
            for rule in policy["spec"].get("egress", []):
                if "to" not in rule:
                    for each, mine in labels.items():
                        if matches(policy["spec"]["podSelector"], mine):
                            anywhere.setdefault(each, set()).update(port["port"] for port in rule["ports"])
        assert anywhere == {"notify": {25, 443, 465, 587}, "door": {443}, "intake": {443}}

    def test_tells_everybody_where_the_district_is_reached_from_outside(self, overlay: str) -> None:
        (settings,) = [
            each for each in _of(overlay, "ConfigMap") if each["metadata"]["name"] == "qipan-settings"
        ]
        fronts = [
            f"https://{rule['host']}" for each in _of(overlay, "Ingress") for rule in each["spec"]["rules"]
        ]
        assert settings["data"]["QIPAN_PUBLIC_URL"] == (fronts[0] if fronts else "")


class TestProduction:
    def test_gives_notify_the_operators_file_and_nobody_else(self) -> None:
        for thing in _deployments("production"):
            (container,) = containers(thing["spec"]["template"])
            told = {entry["name"]: entry.get("value", "") for entry in container["env"]}
            mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
            secrets = {
                volume["secret"]["secretName"]: volume["name"]
                for volume in thing["spec"]["template"]["spec"]["volumes"]
                if "secret" in volume
            }
            mine = thing["metadata"]["name"] == "notify"
            assert ("QIPAN_DESTINATIONS" in told) == ("destinations" in secrets) == mine
            if mine:
                folder = mounts[secrets["destinations"]]
                assert folder["readOnly"] is True
                assert told["QIPAN_DESTINATIONS"] == f"{folder['mountPath']}/destinations.toml"

    def test_scales_each_service_by_its_own_queue(self) -> None:
        scaled = {thing["metadata"]["name"]: thing["spec"] for thing in _of("production", "ScaledObject")}
        assert set(scaled) == set(CORE_SERVICES)
        for service, spec in scaled.items():
            assert spec["scaleTargetRef"]["name"] == service
            queue, cpu = spec["triggers"]
            assert f'queue="{topology.core_queue(service)}"' in queue["metadata"]["query"]
            assert rules.named(queue["metadata"]["query"]) <= rules.exported()
            assert cpu["type"] == "cpu"

    def test_leaves_the_number_to_whoever_scales(self) -> None:
        scaled = {thing["metadata"]["name"] for thing in _of("production", "ScaledObject")}
        scaled |= {thing["metadata"]["name"] for thing in _of("production", "HorizontalPodAutoscaler")}
        for thing in _deployments("production"):
            assert ("replicas" in thing["spec"]) == (thing["metadata"]["name"] not in scaled)

    def test_has_a_majority_of_broker_nodes_on_different_machines(self) -> None:
        (broker,) = _of("production", "RabbitmqCluster")
        assert broker["spec"]["replicas"] == 3
        (rule,) = broker["spec"]["affinity"]["podAntiAffinity"][
            "requiredDuringSchedulingIgnoredDuringExecution"
        ]
        assert rule["topologyKey"] == "kubernetes.io/hostname"
        assert "cluster_partition_handling = pause_minority" in broker["spec"]["rabbitmq"]["additionalConfig"]

    def test_acknowledges_only_what_two_databases_have(self) -> None:
        (database,) = _of("production", "Cluster")
        assert database["spec"]["instances"] >= 3
        assert database["spec"]["postgresql"]["synchronous"]["dataDurability"] == "required"

    def test_sends_reports_straight_to_the_door(self) -> None:
        (ingress,) = _of("production", "Ingress")
        (rule,) = ingress["spec"]["rules"]
        paths = {each["path"]: each["backend"]["service"]["name"] for each in rule["http"]["paths"]}
        for _, address in DOOR_ROUTES:
            (longest, *_) = sorted(
                (path for path in paths if address.startswith(path)), key=len, reverse=True
            )
            assert paths[longest] == "door", address


class TestATown:
    def test_adds_only_its_own_objects(self) -> None:
        own = build("town-sandun")
        assert {name(thing) for thing in own} & {name(thing) for thing in build("production")} == set()
        for thing in own:
            meta = thing["metadata"]
            space = meta["name"] if thing["kind"] == "Namespace" else meta["namespace"]
            assert space == "qipan-sandun", name(thing)
            assert meta["labels"][TENANT] == "sandun", name(thing)

    def test_runs_what_its_pack_says(self) -> None:
        run = {
            thing["metadata"]["name"]: containers(thing["spec"]["template"])[0]["args"]
            for thing in _deployments("town-sandun")
        }
        named = [spec.service for spec in XIHU.services if spec.tenant == "sandun"]
        assert run == {service: ["run", service, "--tenant", "sandun"] for service in named}

    def test_reaches_the_broker_and_the_database_and_nothing_else(self) -> None:
        peers = [
            (peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"], port["port"])
            for policy in _of("town-sandun", "NetworkPolicy")
            for rule in policy["spec"].get("egress", [])
            for peer in rule["to"]
            for port in rule["ports"]
        ]
        assert set(peers) == {("qipan", 5671), ("qipan", 5672), ("qipan", 5432), ("kube-system", 53)}

    def test_is_let_in_by_the_core(self) -> None:
        (space,) = _of("town-sandun", "Namespace")
        labels = space["metadata"]["labels"]
        for door in ("broker", "database"):
            (policy,) = [
                each for each in _of("production", "NetworkPolicy") if each["metadata"]["name"] == door
            ]
            peers = policy["spec"]["ingress"][0]["from"]
            assert any(
                matches(peer["namespaceSelector"], labels) for peer in peers if "namespaceSelector" in peer
            )


class TestWhatIsWrongIsNoticed:
    """The controls: a sound object with one thing spoiled."""

    @pytest.mark.parametrize(
        ("kind", "path", "value"),
        [
            ("Deployment", ("spec", "replica"), 2),
            ("Deployment", ("spec", "template", "spec", "containers", 0, "livenessProb"), {}),
            ("NetworkPolicy", ("spec", "policyType"), ["Ingress"]),
            ("Deployment", ("spec", "template", "spec", "terminationGracePeriodSeconds"), "long"),
            ("RabbitmqCluster", ("spec", "replica"), 3),
            ("RabbitmqCluster", ("spec", "replicas"), "three"),
            ("Cluster", ("spec", "postgresql", "synchronous", "number"), 0),
            ("ScaledObject", ("spec", "triggers", 0, "metadata", "threshold"), 500),
            ("ScaledObject", ("spec", "triggers", 0, "metadata", "treshold"), "500"),
            ("PodMonitor", ("spec", "podMetricsEndpoints"), []),
            ("PrometheusRule", ("spec", "groups", 0, "rules", 0, "exp"), "up"),
        ],
    )
    def test_by_the_schemas(self, kind: str, path: tuple[str | int, ...], value: object) -> None:
        thing = next(each for each in build("production") if each["kind"] == kind)
        assert faults(thing) == []
        at = thing
        for step in path[:-1]:
            at = at[step]  # type: ignore[index]
        at[path[-1]] = value  # type: ignore[index]
        assert faults(thing) != []

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda pod: pod["spec"]["securityContext"].pop("runAsNonRoot"),
            lambda pod: pod["spec"]["securityContext"].pop("seccompProfile"),
            lambda pod: pod["spec"].update(hostNetwork=True),
            lambda pod: pod["spec"].pop("automountServiceAccountToken"),
            lambda pod: pod["spec"]["volumes"].append({"name": "x", "hostPath": {"path": "/"}}),
            lambda pod: pod["spec"]["volumes"].append({"name": "x", "emptyDir": {}}),
            lambda pod: containers(pod)[0]["securityContext"].update(allowPrivilegeEscalation=True),
            lambda pod: containers(pod)[0]["securityContext"].update(readOnlyRootFilesystem=False),
            lambda pod: containers(pod)[0]["securityContext"]["capabilities"].update(add=["NET_ADMIN"]),
            lambda pod: containers(pod)[0]["resources"].pop("limits"),
        ],
    )
    def test_by_the_restricted_standard(self, spoil: object) -> None:
        pod = next(iter(pods(_deployments("trial")).values()))
        assert unrestricted(pod) == []
        spoil(pod)  # type: ignore[operator]
        assert len(unrestricted(pod)) == 1


def test_every_folder_of_overlays_is_tested() -> None:
    assert {
        path.parent.name for path in Path(ROOT).glob("deploy/kubernetes/overlays/*/kustomization.yaml")
    } == set(OVERLAYS)
