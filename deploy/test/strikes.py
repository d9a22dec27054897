"""What happens to the deployed district while people are at work in it."""

import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any

from deploy.test import verdict, walls
from deploy.test.prober import Prober
from deploy.test.stack import Stack, health_of, service_of, wait_for

TOWN = "sandun"
OWN = ("dispatch-sandun", "floodwatch-sandun")
DOWN_SECONDS = 10.0
"""How long a killed server stays away."""
LEASE_SECONDS = 120.0


class Strikes:
    """Everything that happens while people are at work, one thing after another."""

    def __init__(
        self,
        stack: Stack,
        prober: Prober,
        visit: Any,
        figures: dict[str, Any],
        gateway: str,
        say: Callable[[str], None],
    ) -> None:
        self._stack, self._prober, self._visit, self._figures = stack, prober, visit, figures
        self._gateway, self._say = gateway, say
        figures["after_the_visit"] = []

    def all(self, image: str) -> None:
        """The whole of it; `image` is what the district is upgraded to."""
        self._one("town_added", self._add_town)
        self._one("scaled", self._scale)
        self._figures["holes"] = self._holes()
        self._figures["resources"] = _resources(self._stack)
        self._one("broker_killed", lambda: self._kill("broker"))
        self._one("database_killed", lambda: self._kill("database"))
        self._one("upgraded", lambda: self._upgrade(image))
        self._one("town_removed", self._remove_town)

    def _one(self, name: str, strike: Callable[[], None]) -> None:
        self._say(name.replace("_", " "))
        self._prober.longest()
        began = time.monotonic()
        strike()
        self._figures["seconds"][name] = round(time.monotonic() - began, 1)
        self._figures["longest_gap_seconds"][name] = round(self._prober.longest(), 1)
        if health_of(self._visit) == "exited":
            self._figures["after_the_visit"].append(name)

    def _add_town(self) -> None:
        self._stack.compose.towns.append(TOWN)
        self._stack.up()
        self._await_serving(1)

    def _scale(self) -> None:
        others = self._ids()
        self._stack.up("--no-deps", "--scale", f"{OWN[0]}={verdict.REPLICAS}", OWN[0])
        self._await_serving(verdict.REPLICAS)
        self._figures["replicas"] = self._stack.serving("dispatch", TOWN)
        if self._ids() != others:
            raise RuntimeError("scaling one town's service touched others")

    def _kill(self, server: str) -> None:
        self._stack.kill(server)
        time.sleep(DOWN_SECONDS)
        self._stack.start(server)

    def _upgrade(self, image: str) -> None:
        self._stack.compose.variables["DISTRICT_IMAGE"] = image
        self._stack.up("--scale", f"{OWN[0]}={verdict.REPLICAS}")
        wanted = self._stack.client.images.get(image).id
        self._figures["not_upgraded"] = [
            service_of(each)
            for each in self._stack.processes()
            if service_of(each) not in walls.CORE and each.image.id != wanted
        ]

    def _remove_town(self) -> None:
        self._figures["served_by_the_town"] = self._served(like=f"dispatch@{TOWN}%")
        self._stack.compose("rm", "--stop", "--force", *OWN)
        self._stack.compose.towns.remove(TOWN)
        wait_for(
            lambda: self._stack.serving("dispatch", TOWN) == 0,
            LEASE_SECONDS,
            lambda: "the town is still there",
        )
        gone_at = self._stack.rows("SELECT clock_timestamp()")[0][0]
        wait_for(
            lambda: self._served_since(gone_at) > 0,
            LEASE_SECONDS,
            lambda: "the core does not serve the town",
        )
        self._figures["served_by_the_core"] = self._served_since(gone_at)

    def _report_in_town(self) -> None:
        """One report more, beside those of the visit."""
        request = urllib.request.Request(
            f"{self._gateway}/v1/reports",
            data=json.dumps(
                {"text": "路边垃圾成堆", "lon": 120.085, "lat": 30.325, "matter": "s:06010"}
            ).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            answer.read()

    def _await_serving(self, wanted: int) -> None:
        def serving() -> int:
            return self._stack.serving("dispatch", TOWN)

        wait_for(
            lambda: serving() == wanted, LEASE_SECONDS, lambda: f"{serving()} serve {TOWN}, not {wanted}"
        )

    def _served(self, like: str) -> int:
        query = f"SELECT count(*) FROM dispatch.cases WHERE tenant = '{TOWN}' AND state ->> 'served_by' LIKE '{like}'"
        return int(self._stack.rows(query)[0][0])

    def _served_since(self, moment: str) -> int:
        """Cases that the core filed for the town since then."""
        query = (
            f"SELECT count(*) FROM dispatch.cases WHERE tenant = '{TOWN}' AND state ->> 'served_by' NOT LIKE '%@%'"
            f" AND (state ->> 'filed_at')::timestamptz > '{moment}'"
        )
        return int(self._stack.rows(query)[0][0])

    def _ids(self) -> set[str]:
        return {str(each.id) for each in self._stack.processes() if service_of(each) not in OWN}

    def _holes(self) -> list[str]:
        found, by_service = [], {}
        for each in self._stack.processes():
            each.reload()
            by_service[service_of(each)] = each.attrs
            found += walls.holes(service_of(each), each.attrs)
        for one, other in walls.SHOULD_NOT_REACH.items():
            if shared := walls.shared_networks(by_service[one], by_service[other]):
                found.append(f"{one} reaches {other} over {', '.join(sorted(shared))}")
        return found


def _resources(stack: Stack) -> dict[str, dict[str, float]]:
    """Memory in MB, without what the kernel would give back, and CPU seconds since its start, by container."""
    found = {}
    for each in stack.processes():
        stats = each.stats(stream=False, one_shot=True)
        used = stats["memory_stats"].get("usage", 0) - stats["memory_stats"].get("stats", {}).get(
            "total_inactive_file", 0
        )
        cpu = stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9
        found[str(each.name).removeprefix(stack.compose.project).strip("_-")] = {
            "memory_mb": round(used / 1e6, 1),
            "cpu_seconds": round(cpu, 1),
        }
    return dict(sorted(found.items()))
