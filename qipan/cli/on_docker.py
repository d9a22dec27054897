"""`--on docker`: which commands act on containers, and the host that they then act on."""

from typing import TYPE_CHECKING, Annotated

import typer

from qipan.hosting.port import Refused

if TYPE_CHECKING:
    from qipan.hosting.containers import ContainerHost

On = Annotated[str, typer.Option(help="docker: containers; empty: what `qipan up` runs here.")]
Project = Annotated[
    str, typer.Option(envvar="COMPOSE_PROJECT_NAME", help="Compose's project, with --on docker.")
]


def containers(on: str, project: str) -> "ContainerHost":
    """The host of compose's project on the engine; Refused without the SDK, NotRunning without an engine."""
    if on != "docker":
        raise typer.BadParameter(f"{on!r} is none; there is docker", param_hint="--on")
    try:
        from qipan.hosting.containers import ContainerHost  # an operator's extra, not in every installation
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "docker":
            raise
        raise Refused("--on docker needs the extra `deploy`: pip install 'qipan[deploy]'") from None
    return ContainerHost.here(project)
