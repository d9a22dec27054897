"""`make deploy-test`: see docs/operate/deploy-test.md; writes var/deploy.json."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deploy.test import images, verdict, walls
from deploy.test.engine import Compose, NoEngine, compose_command, engine
from deploy.test.prober import Prober
from deploy.test.stack import Stack, deployed, health_of, service_of, wait_for
from qipan.hosting.embedded.home import free_port

TOWN = "sandun"
OWN = ("dispatch-sandun", "floodwatch-sandun")
REPORTS = 500
SECONDS = 420.0
DAY_SECONDS = 86_400
DOWN_SECONDS = 10.0
"""How long a killed server stays away."""
LEASE_SECONDS = 60.0
ENDING_SECONDS = 600.0
"""For the work's tail, and the books."""


def main() -> int:
    """Deploy, play, strike, upgrade, take down; 0 when every figure is as it must be, or when there is no engine."""
    options = _options()
    try:
        client = engine()
        command = compose_command()
    except NoEngine as none:
        _say(f"deploy-test skipped: {none}")
        return 0
    tags = {name: f"qipan:test-{os.getpid()}-{name}" for name in ("before", "now")}
    figures: dict[str, Any] = {
        "engine": client.version()["Version"],
        "compose": " ".join(command),
        "stand_ins": images.others(client, _say),
        "seconds": {},
        "longest_gap_seconds": {},
    }
    try:
        before, now = images.revisions()
        figures["upgraded"] = {"from": before.name, "to": now.name}
        images.build(client, before, tags["before"], _say)
        figures["image_bytes"] = images.build(client, now, tags["now"], _say)
        figures["compilers"] = _compilers(client, tags["now"])
        _deploy(client, tags, options, figures)
    finally:
        for tag in tags.values():
            _forget(client, tag)
    figures["broken"] = verdict.broken(figures)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(figures, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    _say(json.dumps({name: figures[name] for name in ("lost", "duplicate_effects", "accepted", "broken")}))
    _say(f"{'✗' if figures['broken'] else '✓'} {options.out}")
    return 1 if figures["broken"] else 0


def _deploy(client: Any, tags: dict[str, str], options: argparse.Namespace, figures: dict[str, Any]) -> None:
    project, port = f"qipan-deploy-test-{os.getpid()}", free_port()
    variables = {
        "DISTRICT_IMAGE": tags["before"],
        "GATEWAY_ADDRESS": f"127.0.0.1:{port}",
        "LOG_LEVEL": "WARNING",
    }
    compose = Compose(project, variables)
    with deployed(client, compose, [TOWN]) as stack:
        _say("compose up")
        figures["seconds"]["healthy"] = round(stack.up(), 1)
        _say(f"healthy after {figures['seconds']['healthy']} s; people arrive")
        visit = _visit(stack, tags["now"], options)
        with Prober(f"http://127.0.0.1:{port}") as prober:
            strikes = Strikes(stack, prober, visit, figures)
            strikes.all(tags["now"])
        _say("waiting for the visit's end")
        wait_for(
            lambda: health_of(visit) == "exited",
            ENDING_SECONDS + options.seconds,
            lambda: "the visit goes on",
        )
        said = visit.logs(stderr=False).decode()
        figures |= {"visit_exit_code": visit.attrs["State"]["ExitCode"]}
        figures.update(_books(json.loads(said.splitlines()[-1])))
        _say(f"taking it down; {figures['accepted']} accepted, {figures['lost']} lost")
    figures["left_behind"] = _left_behind(client, project)


class Strikes:
    """Everything that happens while people are at work, one thing after another."""

    def __init__(self, stack: Stack, prober: Prober, visit: Any, figures: dict[str, Any]) -> None:
        self._stack, self._prober, self._visit, self._figures = stack, prober, visit, figures
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
        _say(name.replace("_", " "))
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
            LEASE_SECONDS * 2,
            lambda: "the core does not serve the town",
        )
        self._figures["served_by_the_core"] = self._served_since(gone_at)

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


def _visit(stack: Stack, image: str, options: argparse.Namespace) -> Any:
    """People at work in a container beside the others, from the image that has today's players."""
    rate = str(DAY_SECONDS / options.seconds)
    arguments = ["--reports", str(options.reports), "--rate", rate]
    before = stack.compose.variables["DISTRICT_IMAGE"]
    stack.compose.variables["DISTRICT_IMAGE"] = image
    stack.compose("run", "--detach", "--no-deps", "demo", *arguments)
    stack.compose.variables["DISTRICT_IMAGE"] = before
    [visit] = stack.containers("demo")
    return visit


def _books(books: dict[str, Any]) -> dict[str, Any]:
    names = (
        "submitted",
        "accepted",
        "refused",
        "unanswered",
        "visible",
        "filed",
        "closed",
        "dead_letters",
        "lost",
    )
    told = {name: books[name] for name in (*names, "duplicate_effects", "doubts", "players", "real_seconds")}
    return told | {"invisible": books["tracked"].get("invisible", 0)}


def _resources(stack: Stack) -> dict[str, dict[str, float]]:
    """Memory in MB, without what the kernel would give back, and CPU seconds since its start, by container."""
    found = {}
    for each in stack.processes():
        stats = each.stats(stream=False)
        used = stats["memory_stats"].get("usage", 0) - stats["memory_stats"].get("stats", {}).get(
            "total_inactive_file", 0
        )
        cpu = stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9
        found[str(each.name).removeprefix(stack.compose.project).strip("_-")] = {
            "memory_mb": round(used / 1e6, 1),
            "cpu_seconds": round(cpu, 1),
        }
    return dict(sorted(found.items()))


def _compilers(client: Any, image: str) -> list[str]:
    command = "for d in $(echo $PATH | tr : ' '); do ls $d 2>/dev/null; done"
    said = client.containers.run(
        image, entrypoint=["sh", "-c", command], command=[], remove=True, network_mode="none"
    )
    return walls.compilers_of(said.decode().split())


def _left_behind(client: Any, project: str) -> list[str]:
    of_it = {"label": f"com.docker.compose.project={project}"}
    left = [each.name for each in client.containers.list(all=True, filters=of_it)]
    left += [each.name for each in client.networks.list(filters=of_it)]
    return left + [each.name for each in client.volumes.list(filters=of_it)]


def _forget(client: Any, tag: str) -> None:
    try:
        client.images.remove(tag, force=True)
    except images.ImageNotFound:
        return


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.test", description=__doc__)
    parser.add_argument(
        "--reports", type=int, default=REPORTS, help="submissions in all, faulty ones included"
    )
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help="real seconds over which they are sent"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("var/deploy.json"), help="where the figures are written"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
