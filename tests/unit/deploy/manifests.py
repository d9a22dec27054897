"""Kubernetes' objects as kustomize builds them, and what they are checked against; nothing is asked of a cluster.

Built-in kinds are checked by Kubernetes' own schemas (kubernetes-validate), strictly: a field that does not exist is
a fault. Custom resources are checked by the schemas in deploy/kubernetes/schemas, kept by hand.
"""

import json
import subprocess
import sysconfig
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import yaml

from tests.docs_pages import ROOT

KUBERNETES = ROOT / "deploy" / "kubernetes"
VERSIONS = ("1.32", "1.37")
"""The oldest and the newest Kubernetes that the manifests are checked for."""

Object = dict[str, Any]


@cache
def _text(overlay: str) -> str:
    kubectl = Path(sysconfig.get_path("scripts")) / "kubectl"
    done = subprocess.run(
        [str(kubectl), "kustomize", str(KUBERNETES / "overlays" / overlay)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def build(overlay: str) -> list[Object]:
    """The objects of an overlay; the caller's own to change."""
    return list(yaml.safe_load_all(_text(overlay)))


def faults(thing: Object, version: str = VERSIONS[-1]) -> list[str]:
    """What the schemas have against an object."""
    own = KUBERNETES / "schemas" / f"{thing['kind']}.json"
    try:
        if own.exists():
            schema = json.loads(own.read_text(encoding="utf-8"))
            jsonschema.Draft202012Validator(schema).validate(thing)
        else:
            kubernetes_validate.validate(thing, version, strict=True)
    except jsonschema.ValidationError as error:
        where = ".".join(str(step) for step in error.absolute_path)
        return [f"{name(thing)} {where}: {error.message[:300]}"]
    return []


def name(thing: Object) -> str:
    """Namespace, kind and name: what makes an object this one."""
    meta = thing["metadata"]
    return f"{meta.get('namespace', '')}/{thing['kind']}/{meta['name']}"


def pods(things: list[Object]) -> dict[str, Object]:
    """The pod templates of everything that makes pods."""
    return {name(thing): thing["spec"]["template"] for thing in things if "template" in thing.get("spec", {})}


def containers(pod: Object) -> list[Object]:
    """All of a pod template's containers."""
    spec: Object = pod["spec"]
    return [*spec.get("initContainers", []), *spec["containers"]]


def unrestricted(pod: Object) -> list[str]:
    """What of a pod the restricted standard forbids, and what we forbid beyond it."""
    spec, found = pod["spec"], []
    context = spec.get("securityContext", {})
    if context.get("runAsNonRoot") is not True or context.get("runAsUser", 0) == 0:
        found.append("may run as root")
    if context.get("seccompProfile", {}).get("type") not in {"RuntimeDefault", "Localhost"}:
        found.append("has no seccomp profile")
    if any(spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")):
        found.append("shares the host's namespaces")
    if spec.get("automountServiceAccountToken") is not False:
        found.append("holds a token of the cluster")
    allowed = {"configMap", "secret", "emptyDir", "persistentVolumeClaim", "projected", "downwardAPI"}
    for volume in spec.get("volumes", []):
        if kinds := set(volume) - {"name"} - allowed:
            found.append(f"volume {volume['name']} is a {', '.join(kinds)}")
        if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
            found.append(f"volume {volume['name']} may fill the node's disk")
    for container in containers(pod):
        mine = container.get("securityContext", {})
        if mine.get("allowPrivilegeEscalation") is not False or mine.get("privileged"):
            found.append(f"{container['name']} may gain rights")
        if mine.get("capabilities", {}).get("drop") != ["ALL"] or mine["capabilities"].get("add"):
            found.append(f"{container['name']} has capabilities")
        if mine.get("readOnlyRootFilesystem") is not True:
            found.append(f"{container['name']} can write to its image")
        if any("hostPort" in port for port in container.get("ports", [])):
            found.append(f"{container['name']} takes a port of the host")
        if set(container.get("resources", {})) != {"requests", "limits"}:
            found.append(f"{container['name']} has no requests or no limits")
    return found


def matches(selector: Object, labels: dict[str, str]) -> bool:
    """Whether a label selector takes something with these labels."""
    for key, value in selector.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for rule in selector.get("matchExpressions", []):
        inside = labels.get(rule["key"]) in rule.get("values", [])
        if rule["operator"] == "In" and not inside:
            return False
        if rule["operator"] == "NotIn" and inside:
            return False
    return True
