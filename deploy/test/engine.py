"""The engine that there is, or in words why there is none; and the compose command beside it."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import docker
from docker.errors import DockerException

COMPOSE = Path("deploy/compose")
ENGINE_SECONDS = 900
"""An image's build is one request."""


class NoEngine(Exception):
    """Nothing can be deployed here; the text says what is missing."""


def engine() -> docker.DockerClient:
    """A client of the engine that DOCKER_HOST names, or of this machine's; NoEngine."""
    try:
        client = docker.from_env(timeout=ENGINE_SECONDS)
        client.ping()
    except DockerException as error:
        where = os.environ.get("DOCKER_HOST", "this machine's socket")
        raise NoEngine(f"no Docker engine answers at {where} ({error})") from error
    return client


def compose_command() -> list[str]:
    """`docker compose`, or the older `docker-compose`; NoEngine when neither is installed."""
    if shutil.which("docker"):
        asked = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
        if asked.returncode == 0:
            return ["docker", "compose"]
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    raise NoEngine("neither `docker compose` nor `docker-compose` is installed")


class Compose:
    """One project: `compose("up", "--detach", towns=["sandun"])`. Its variables go before `.env`'s."""

    def __init__(self, project: str, variables: Mapping[str, str]) -> None:
        self.project = project
        self.variables = dict(variables)
        self.towns: list[str] = []
        self._command = compose_command()

    def __call__(self, *arguments: str, seconds: float = 900.0) -> str:
        """Run it with the files of the district and of the towns that there are now; what it printed.

        Raises RuntimeError with the end of what it said.
        """
        files = ["compose.yaml", *(f"towns/{town}.yaml" for town in self.towns)]
        return run([*self._command, *_each("--file", files), *arguments], self._environment(), seconds)

    def _environment(self) -> dict[str, str]:
        named = {"COMPOSE_PROJECT_NAME": self.project, "COMPOSE_FILE": "", "COMPOSE_PROFILES": ""}
        return {**os.environ, **named, **self.variables}


def run(command: Sequence[str], environment: Mapping[str, str], seconds: float) -> str:
    """One command in the folder of compose.yaml; RuntimeError when it fails."""
    done = subprocess.run(
        command,
        cwd=COMPOSE,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=seconds,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout[-4000:]}")
    return done.stdout


def _each(option: str, values: Sequence[str]) -> list[str]:
    return [word for value in values for word in (option, value)]
