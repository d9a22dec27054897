"""`make deploy-test`: see docs/operate/containers.md; writes var/deploy.json."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from deploy.test import images, verdict, walls
from deploy.test.engine import Compose, NoEngine, compose_command, engine
from deploy.test.prober import Prober
from deploy.test.stack import Stack, deployed, health_of, wait_for
from deploy.test.strikes import TOWN, Strikes
from qipan.hosting.embedded.home import free_port

REPORTS = 500
SECONDS = 420.0
DAY_SECONDS = 86_400
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
        figures["broken"] = verdict.broken(figures)
    except RuntimeError as error:  # a run cut short leaves what it found
        _say(str(error))
        figures["broken"] = [f"ended early: {str(error)[:500]}", *verdict.broken(figures)]
    finally:
        for tag in tags.values():
            _forget(client, tag)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(figures, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    _say(
        json.dumps({name: figures.get(name) for name in ("accepted", "lost", "duplicate_effects", "broken")})
    )
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
    gateway = f"http://127.0.0.1:{port}"
    with deployed(client, compose, [TOWN]) as stack:
        _say("compose up")
        figures["seconds"]["healthy"] = round(stack.up(), 1)
        _say(f"healthy after {figures['seconds']['healthy']} s; people arrive")
        visit = _visit(stack, tags["now"], options)
        with Prober(gateway) as prober:
            Strikes(stack, prober, visit, figures, gateway, _say).all(tags["now"])
        _say("waiting for the visit's end")
        wait_for(
            lambda: health_of(visit) == "exited",
            ENDING_SECONDS + options.seconds,
            lambda: "the visit goes on",
        )
        figures["visit_exit_code"] = visit.attrs["State"]["ExitCode"]
        figures.update(_books(visit.logs(stderr=False).decode(), visit.logs(tail=20).decode()))
        _say(f"taking it down; {figures['accepted']} accepted, {figures['lost']} lost")
    figures["left_behind"] = _left_behind(client, project)


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


def _books(said: str, end: str) -> dict[str, Any]:
    """What the visit found when it read the books."""
    try:
        books = json.loads(said.splitlines()[-1])
    except (IndexError, ValueError):
        raise RuntimeError(f"the visit ended without books:\n{end}") from None
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
