"""Rules and dashboards as data, the figures that their queries name, and those that somebody exports."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from qipan.observability import metrics

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
GRAFANA = ROOT / "deploy" / "grafana"

OF_PROMETHEUS = frozenset({"up", "ALERTS"})
OF_THE_BROKER = frozenset(
    {
        "rabbitmq_alarms_free_disk_space_watermark",
        "rabbitmq_alarms_memory_used_watermark",
        "rabbitmq_channels",
        "rabbitmq_connections",
        "rabbitmq_detailed_queue_consumers",
        "rabbitmq_detailed_queue_messages",
        "rabbitmq_disk_space_available_bytes",
        "rabbitmq_disk_space_available_limit_bytes",
        "rabbitmq_global_messages_acknowledged_total",
        "rabbitmq_global_messages_delivered_total",
        "rabbitmq_global_messages_received_total",
        "rabbitmq_global_messages_unroutable_dropped_total",
        "rabbitmq_global_messages_unroutable_returned_total",
        "rabbitmq_process_resident_memory_bytes",
        "rabbitmq_raft_log_commit_index",
        "rabbitmq_raft_log_last_written_index",
        "rabbitmq_resident_memory_limit_bytes",
    }
)
"""What RabbitMQ's own plugin exports, as far as it is used; `make watch-test` finds each on a real node."""

_ENDS = {
    "counter": ("_total",),
    "histogram": ("_bucket", "_sum", "_count"),
    "info": ("_info",),
    "gauge": ("",),
}
_WITH_A_PROCESS = frozenset({"qipan_db_pool_connections", "qipan_relay_cpu_seconds_total"})
"""They appear when a process has a pool or a relay to watch."""

_KEYWORDS = frozenset(
    {"and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring", "inf", "nan"}
)


@dataclass(frozen=True, slots=True)
class Query:
    """One query, and where it stands."""

    where: str
    text: str


def exported() -> frozenset[str]:
    """Every series' name that Qipan's processes, the broker and Prometheus itself can export."""
    ours = {
        f"{family.name}{end}"
        for family in metrics.REGISTRY.collect()
        for end in _ENDS.get(family.type, ("",))
    }
    return frozenset(ours) | _WITH_A_PROCESS | OF_THE_BROKER | OF_PROMETHEUS


def rules() -> list[dict[str, Any]]:
    """Every rule of every file, alerts and recordings."""
    return [rule for file in rule_files() for group in read(file)["groups"] for rule in group["rules"]]


def rule_files() -> list[Path]:
    """Where they are."""
    return sorted((PROMETHEUS / "rules").glob("*.yml"))


def read(file: Path) -> Any:
    """A file of YAML."""
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def dashboards() -> dict[str, dict[str, Any]]:
    """The dashboards as Grafana gets them, by file name."""
    return {
        file.name: json.loads(file.read_text(encoding="utf-8"))
        for file in sorted((GRAFANA / "dashboards").glob("*.json"))
    }


def queries() -> Iterator[Query]:
    """Every query of rules and dashboards."""
    for rule in rules():
        yield Query(rule.get("alert") or rule["record"], rule["expr"])
    for name, dashboard in dashboards().items():
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                yield Query(f"{name}: {panel['title']}", target["expr"])


def named(query: str) -> set[str]:
    """The figures that a query names."""
    bare = re.sub(r'"[^"]*"|\'[^\']*\'', "", query)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", bare)
    bare = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", "", bare)
    words = re.findall(r"(?<![\w:.])([a-zA-Z_:][\w:]*)(?!\s*\(|[\w:])", bare)
    return {word for word in words if word not in _KEYWORDS}
