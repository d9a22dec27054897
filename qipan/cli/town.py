"""`qipan town add|remove`: a town comes into the district, or leaves it."""

from pathlib import Path
from typing import Annotated

import typer

from qipan.cli.console import stdout
from qipan.hosting.town_steps import Place, adding, removing, run
from qipan.settings import Settings
from qipan.tenancy.new_town import NewTown
from qipan.tenancy.town_desk import Archive, TownRefused

commands = typer.Typer(help="The district's towns.", no_args_is_help=True)

Town = Annotated[str, typer.Argument(help="The town's id, such as sandun.")]


@commands.command()
def add(
    name: Town,
    zh: Annotated[str, typer.Option("--name-zh", help="Its name in Chinese.")] = "",
    en: Annotated[str, typer.Option("--name-en", help="Its name in English.")] = "",
    code: Annotated[str, typer.Option(help="Its code, nine digits in China.")] = "",
    population: Annotated[int, typer.Option(min=0, help="How many people live there.")] = 0,
    outline: Annotated[Path | None, typer.Option(help="GeoJSON (WGS-84): the ground that it gets.")] = None,
    cells: Annotated[
        list[str] | None, typer.Option(help="LAYER=FILE: its cells of a layer, instead of derived ones.")
    ] = None,
    service: Annotated[
        list[str] | None, typer.Option(help="A core service that it shall run itself, e.g. dispatch.")
    ] = None,
    archive: Annotated[Path | None, typer.Option("--from", help="What `town remove` kept of it.")] = None,
) -> None:
    """Add a town: its pack, its roles, its broker user with rights and queues. Run it again after an interruption."""
    place = Place.of(Settings())
    if archive is not None:
        kept = Archive(archive)
        if kept.town != name:
            raise TownRefused(f"{archive} is of {kept.town}, not of {name}.")
        run(adding(place, name, lambda desk: desk.restore(kept), kept), _say)
        return
    needed = {
        "--name-zh": zh,
        "--name-en": en,
        "--code": code,
        "--population": population,
        "--outline": outline,
    }
    missing = [option for option, value in needed.items() if not value]
    if missing or outline is None:
        raise typer.BadParameter(
            f"a new town needs {', '.join(missing)}; or --from, for one that was removed"
        )
    town = NewTown(name, code, zh, en, population, tuple(service or ()))
    own = dict(map(_layer_and_file, cells or ()))
    run(adding(place, name, lambda desk: desk.add(town, outline, own), None), _say)


@commands.command()
def remove(
    name: Town,
    to: Annotated[str, typer.Option(help="The town whose its ground becomes.")],
    archive: Annotated[
        Path | None, typer.Option(help="Keep it in this file, and remove it although something is open.")
    ] = None,
) -> None:
    """Remove a town that has nothing open. What it did stays in the tables. Run it again after an interruption."""
    settings = Settings()
    file = archive or settings.var / "towns" / f"{name}.zip"
    run(removing(Place.of(settings), name, to, file, anyway=archive is not None), _say)


def _layer_and_file(text: str) -> tuple[str, Path]:
    layer, sign, file = text.partition("=")
    if not sign:
        raise typer.BadParameter(f"{text!r} is not LAYER=FILE", param_hint="--cells")
    return layer, Path(file)


def _say(line: str) -> None:
    stdout.print(line, markup=False, highlight=False)
