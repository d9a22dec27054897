"""The images that the district is deployed from: ours of two revisions, and those of others or their stand-ins."""

import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import APIError, BuildError, ImageNotFound

DOCKERFILE = "deploy/image/Dockerfile"
STANDINS = Path(__file__).parent / "standins"
LABEL = "qipan.stand-in"
ROOT = "debian:trixie-slim"
SUITE = "trixie"
TRUST = Path("/etc/ssl/certs/ca-certificates.crt")

OTHERS = {
    "python:3.13-slim-trixie": ("python", "python3 --version"),
    "rabbitmq:4": ("rabbitmq", "dpkg-query -W -f ${Version}\n rabbitmq-server"),
    "postgres:17": ("postgres", "postgres --version"),
    "prom/prometheus:v2.53.3": ("prometheus", "dpkg-query -W -f ${Version}\n prometheus"),
}
"""What compose.yaml names: its stand-in, and the command that tells a stand-in's version."""


@dataclass(frozen=True, slots=True)
class Revision:
    """What an image is built from; `name` is for people."""

    name: str
    tar: bytes


def build(client: docker.DockerClient, revision: Revision, tag: str, say: Callable[[str], None]) -> int:
    """Build ours; its size in bytes. RuntimeError with the end of the build's log."""
    say(f"building {tag} from {revision.name}")
    arguments = {"REVISION": revision.name}
    index = _pip_index()
    if index:
        arguments["PIP_INDEX_URL"] = index
    try:
        image, _ = client.images.build(
            fileobj=io.BytesIO(revision.tar),
            custom_context=True,
            dockerfile=DOCKERFILE,
            tag=tag,
            buildargs=arguments,
            rm=True,
            forcerm=True,
        )
    except BuildError as error:
        said = "".join(str(line.get("stream") or line.get("error") or "") for line in error.build_log)
        raise RuntimeError(f"{tag} cannot be built:\n{said[-4000:]}") from error
    return int(image.attrs["Size"])


def revisions() -> tuple[Revision, Revision]:
    """The one before and the one to deploy: the last commit and what differs from it, or the last two commits."""
    dirty = bool(_git("status", "--porcelain").strip())
    if dirty:
        return _commit("HEAD"), Revision(f"{_short('HEAD')} and changes", _work_tree())
    before = "HEAD^" if _has(f"HEAD^:{DOCKERFILE}") and _has("HEAD^:qipan/settings_files.py") else "HEAD"
    return _commit(before), _commit("HEAD")


def others(client: docker.DockerClient, say: Callable[[str], None]) -> dict[str, str]:
    """See to it that every image of others is there; the stand-ins among them → their versions."""
    for name in OTHERS:
        if not _present(client, name) and not _pulled(client, name, say):
            _stand_in(client, name, say)
    return {
        name: _version(client, name, command)
        for name, (_, command) in OTHERS.items()
        if LABEL in (client.images.get(name).labels or {})
    }


def _present(client: docker.DockerClient, name: str) -> bool:
    try:
        client.images.get(name)
    except ImageNotFound:
        return False
    return True


def _pulled(client: docker.DockerClient, name: str, say: Callable[[str], None]) -> bool:
    say(f"pulling {name}")
    try:
        client.images.pull(name)
    except (APIError, ImageNotFound) as error:
        say(f"  cannot be pulled: {str(error)[:120]}")
        return False
    return True


def _stand_in(client: docker.DockerClient, name: str, say: Callable[[str], None]) -> None:
    if not _present(client, ROOT):
        _root(client, say)
    short, _ = OTHERS[name]
    say(f"making a stand-in for {name} from the distribution's packages")
    try:
        client.images.build(
            path=str(STANDINS),
            dockerfile=f"{short}.Dockerfile",
            tag=name,
            labels={LABEL: short},
            rm=True,
            forcerm=True,
        )
    except BuildError as error:
        said = "".join(str(line.get("stream") or line.get("error") or "") for line in error.build_log)
        raise RuntimeError(f"the stand-in for {name} cannot be built:\n{said[-4000:]}") from error


def _root(client: docker.DockerClient, say: Callable[[str], None]) -> None:
    """A minimal Debian that trusts whom this machine trusts."""
    if not shutil.which("debootstrap"):
        raise RuntimeError("no image can be pulled here; for stand-ins, apt-get install debootstrap")
    if os.geteuid() != 0:
        raise RuntimeError("no image can be pulled here; stand-ins need root, for debootstrap")
    say(f"making {ROOT} by debootstrap")
    with tempfile.TemporaryDirectory(prefix="qipan-rootfs-") as folder:
        root = Path(folder) / "root"
        command = ["debootstrap", "--variant=minbase", "--include=ca-certificates", SUITE, str(root)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"debootstrap failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        if TRUST.is_file():
            shutil.copyfile(TRUST, root / TRUST.relative_to("/"))
        shutil.rmtree(root / "var/cache/apt/archives", ignore_errors=True)
        packed = Path(folder) / "root.tar"
        with tarfile.open(packed, "w") as tar:
            tar.add(root, arcname=".", filter=_without_devices)
        repository, _, tag = ROOT.partition(":")
        client.api.import_image_from_file(
            str(packed), repository=repository, tag=tag, changes=[f"LABEL {LABEL}=debian", 'CMD ["bash"]']
        )


def _without_devices(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if member.isdev() and not member.isreg() else member


def _version(client: docker.DockerClient, name: str, command: str) -> str:
    said = client.containers.run(
        name, entrypoint=command.split(), command=[], remove=True, network_mode="none"
    )
    return str(said.decode().strip())


def _pip_index() -> str:
    """Where this machine's pip looks, if it was told."""
    asked = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"],
        capture_output=True,
        text=True,
        check=False,
    )
    return os.environ.get("PIP_INDEX_URL", "") or asked.stdout.strip()


def _commit(name: str) -> Revision:
    archive = subprocess.run(["git", "archive", "--format=tar", name], capture_output=True, check=True)
    return Revision(_short(name), archive.stdout)


def _work_tree() -> bytes:
    packed = io.BytesIO()
    listed = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name in sorted(filter(None, listed)):
            if Path(name).exists():
                tar.add(name, recursive=False)
    return packed.getvalue()


def _short(name: str) -> str:
    return _git("rev-parse", "--short", name).strip()


def _has(thing: str) -> bool:
    return subprocess.run(["git", "cat-file", "-e", thing], capture_output=True, check=False).returncode == 0


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout
