"""Makes the Prometheus operator's object from deploy/prometheus/rules, for deploy/kubernetes.

`python -m scripts.prometheus_rule` writes it, `--check` only says whether it is what it would be. Kustomize reads
nothing from outside a component's folder, and the rules are to be written once.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

DEPLOY = Path(__file__).parents[1] / "deploy"
RULES = DEPLOY / "prometheus" / "rules"
OBJECT = DEPLOY / "kubernetes" / "components" / "monitoring" / "rules.yaml"

_HEAD = """\
# Made by `python -m scripts.prometheus_rule` from deploy/prometheus/rules; do not edit.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: qipan
spec:
  groups:
"""


def rendered() -> str:
    """The object, with every group of every file of rules as it is written there."""
    groups = []
    for file in sorted(RULES.glob("*.yml")):
        _, _, body = file.read_text(encoding="utf-8").partition("groups:\n")
        groups += [f"  {line}".rstrip() for line in body.splitlines()]
    return _HEAD + "\n".join(groups) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the file, or with `--check` compare it; returns an exit status."""
    if "--check" not in arguments:
        OBJECT.write_text(rendered(), encoding="utf-8")
        return 0
    if OBJECT.read_text(encoding="utf-8") == rendered():
        return 0
    sys.stderr.write(f"{OBJECT.name}: run `python -m scripts.prometheus_rule`\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
