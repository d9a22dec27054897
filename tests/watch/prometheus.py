"""A real Prometheus with our rules, for which an hour is a minute: every duration in them is divided by `FASTER`."""

import json
import re
import shutil
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import yaml

from qipan.hosting.embedded.home import free_port
from qipan.hosting.guarded import Guarded
from tests.watch import rules

FASTER = 60
"""So a rule's five minutes are five seconds; scraped every second, that is as often as fifteen seconds are in four."""

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"(\d+)([smhd])")


def shortened(text: str) -> str:
    """A duration of Prometheus', `FASTER` times as short; a second at least."""
    seconds = sum(int(count) * _SECONDS[unit] for count, unit in _DURATION.findall(text))
    return f"{max(1, round(seconds / FASTER))}s"


def hastened(file: Path) -> str:
    """A file of rules with every `for` and every window shortened; names and limits stay as they are."""
    read = rules.read(file)
    for group in read["groups"]:
        for rule in group["rules"]:
            rule["expr"] = re.sub(r"\[(\w+)\]", lambda found: f"[{shortened(found[1])}]", rule["expr"])
            if "for" in rule:
                rule["for"] = shortened(rule["for"])
    return yaml.safe_dump(read, sort_keys=False)


class Prometheus:
    """Scrapes what runs under `var` every second. `with Prometheus(base, var) as p: p.query("up")`."""

    def __init__(self, base: Path, var: Path) -> None:
        self._base, self._var = base, var
        self._port = free_port()
        self._server: Guarded | None = None

    def __enter__(self) -> Self:
        binary = shutil.which("prometheus")
        assert binary is not None, "prometheus is not installed: `scripts/setup prometheus` brings it"
        (self._base / "rules").mkdir(parents=True)
        for file in rules.rule_files():
            (self._base / "rules" / file.name).write_text(hastened(file), encoding="utf-8")
        config = rules.read(rules.PROMETHEUS / "beside-up.yml")
        config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        for job in config["scrape_configs"]:
            for found in job["file_sd_configs"]:
                found["files"] = [str(self._var / "run" / Path(file).name) for file in found["files"]]
                found["refresh_interval"] = "1s"
        (self._base / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
        self._server = Guarded.start(
            [
                binary,
                f"--config.file={self._base / 'prometheus.yml'}",
                f"--storage.tsdb.path={self._base / 'data'}",
                f"--web.listen-address=127.0.0.1:{self._port}",
            ],
            log=self._base / "prometheus.log",
            cwd=self._base,
        )
        self.wait_for(lambda: bool(self.query("up")), 60, "Prometheus has scraped nothing")
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.stop()

    def query(self, query: str) -> list[dict[str, Any]]:
        """What a query answers now; nothing while Prometheus does not answer."""
        return self._get("query", query=query)

    def over(self, query: str, seconds: float) -> list[dict[str, Any]]:
        """What a query answered over the last `seconds`, in steps of two."""
        now = time.time()
        return self._get("query_range", query=query, start=f"{now - seconds:.0f}", end=f"{now:.0f}", step="2")

    def firing(self) -> set[str]:
        """The alerts that fire now."""
        return {each["metric"]["alertname"] for each in self.query('ALERTS{alertstate="firing"}')}

    def wait_for(self, condition: Callable[[], bool], seconds: float, complaint: str) -> None:
        """Until something holds; TimeoutError."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(complaint)
            time.sleep(0.25)

    def _get(self, what: str, **parameters: str) -> list[dict[str, Any]]:
        url = f"http://127.0.0.1:{self._port}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
                return found
        except OSError:
            return []
