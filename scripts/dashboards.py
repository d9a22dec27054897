"""Makes Grafana's dashboards from deploy/grafana/dashboards.toml.

`python -m scripts.dashboards` writes them, `--check` only says whether they are what they would be: JSON as Grafana
exports it cannot be reviewed, a table of queries can.
"""

import json
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "deploy" / "grafana"
SOURCE = {"type": "prometheus", "uid": "qipan-prometheus"}
"""As deploy/grafana/provisioning/datasources names it."""

WIDTH, HEIGHT = 12, 8
"""Of a panel; Grafana's grid is 24 wide."""


def dashboards() -> list[dict[str, Any]]:
    """The tables as they are written."""
    read: list[dict[str, Any]] = tomllib.loads((FOLDER / "dashboards.toml").read_text(encoding="utf-8"))[
        "dashboards"
    ]
    return read


def rendered(dashboard: Mapping[str, Any]) -> dict[str, Any]:
    """One dashboard as Grafana reads it from a file."""
    return {
        "uid": dashboard["uid"],
        "title": dashboard["title"],
        "tags": ["qipan"],
        "timezone": "browser",
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [_variable(*dashboard["variable"])] if "variable" in dashboard else []},
        "links": [{"type": "dashboards", "tags": ["qipan"], "title": "Qipan", "asDropdown": True}],
        "panels": list(_panels(dashboard["panels"])),
    }


def _variable(label: str, metric: str) -> dict[str, Any]:
    """A choice among the values that a metric's label has."""
    query = f'label_values({metric}{{{label}!=""}}, {label})'
    return {
        "name": label,
        "label": label,
        "type": "query",
        "datasource": SOURCE,
        "definition": query,
        "query": {"query": query, "refId": label},
        "refresh": 2,
        "sort": 1,
    }


def _panels(panels: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for number, panel in enumerate(panels):
        row, column = divmod(number, 2)
        yield {
            "id": number + 1,
            "type": "timeseries",
            "title": panel["title"],
            "description": panel.get("says", ""),
            "datasource": SOURCE,
            "gridPos": {"h": HEIGHT, "w": WIDTH, "x": WIDTH * column, "y": HEIGHT * row},
            "fieldConfig": {"defaults": {"unit": panel.get("unit", "short"), "min": 0}, "overrides": []},
            "options": {"legend": {"displayMode": "list", "placement": "bottom"}},
            "targets": [
                {"refId": chr(65 + index), "datasource": SOURCE, "expr": query, "legendFormat": words}
                for index, (query, words) in enumerate(panel["lines"])
            ],
        }


def main(arguments: Sequence[str]) -> int:
    """Write the files, or with `--check` compare them; returns an exit status."""
    stale = []
    for dashboard in dashboards():
        file = FOLDER / "dashboards" / f"{dashboard['uid'].removeprefix('qipan-')}.json"
        wanted = json.dumps(rendered(dashboard), ensure_ascii=False, indent=1) + "\n"
        if "--check" not in arguments:
            file.write_text(wanted, encoding="utf-8")
        elif not file.exists() or file.read_text(encoding="utf-8") != wanted:
            stale.append(file.name)
    if stale:
        sys.stderr.write(f"{', '.join(stale)}: run `python -m scripts.dashboards`\n")
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
