"""`qipan grid list|check|import|diff|publish`: a district's grids as versions of the pack's files."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from qipan.cli.console import stdout, table
from qipan.settings import Settings
from qipan.tenancy import Clocks
from qipan.tenancy.grid_desk import GridDesk, GridRefused
from qipan.territory.coordinates import System
from qipan.territory.grid_change import grid_change
from qipan.territory.seams import Seam, SeamKind

commands = typer.Typer(help="Grids, as versions that hold from a day on.", no_args_is_help=True)

MOST_SHOWN = 50
"""Rows of a table; how many there are in all is told."""

Layer = Annotated[str, typer.Option(help="A layer of the pack, e.g. duty.")]
Allow = Annotated[
    list[SeamKind] | None, typer.Option(help="Take the cells although they have such seams; may be repeated.")
]
Tolerance = Annotated[
    float | None, typer.Option(min=0.0, help="Seams up to so many m² count as none; else the pack's setting.")
]


@commands.command("list")
def list_versions() -> None:
    """List the layers' versions and drafts."""
    shown = table("layer", "file", "begins", "")
    for each in _desk().versions():
        begins = "" if each.begins is None else each.begins.isoformat()
        shown.add_row(each.layer, each.file, begins, "draft" if each.draft else "")
    stdout.print(shown)


@commands.command()
def check(layer: Layer = "", tolerance: Tolerance = None) -> None:
    """Show the gaps and overlaps of the cells that hold today; exit code 1 when there are any."""
    desk = _desk()
    found = False
    for id in [layer] if layer else list(desk.district.territory.layers):
        cells = desk.cells_on(id, desk.today)
        open_seams = desk.seams(id, cells, desk.today, tolerance)
        stdout.print(f"{id}: {len(cells)} cells, {len(open_seams)} seams that do not fit")
        _show(open_seams)
        found = found or bool(open_seams)
    if found:
        raise typer.Exit(1)


@commands.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="GeoJSON with the layer's cells.")],
    layer: Layer,
    valid_from: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day it begins; else tomorrow.")
    ] = None,
    town: Annotated[str, typer.Option(help="The file has this town's cells only; the others' stay.")] = "",
    coordinates: Annotated[System, typer.Option(help="What the file's coordinates are.")] = System.WGS84,
    tolerance: Tolerance = None,
    allow: Allow = None,
) -> None:
    """Draft a layer's next version. Gaps, overlaps and cells beyond their town are refused unless allowed."""
    desk = _desk()
    day = None if valid_from is None else valid_from.date()
    try:
        draft, found = desk.draft(
            layer,
            file,
            day,
            town=town or None,
            system=coordinates,
            tolerance=tolerance,
            allow=frozenset(allow or ()),
        )
    except GridRefused as refused:
        _show(refused.seams)
        raise
    _show(found)
    name = Path(draft).name.removesuffix(".geojson")
    stdout.print(f"Drafted as {draft}: {len(desk.read(draft))} cells.")
    stdout.print(f"Look at it: qipan grid diff {layer} {name}   Publish it: qipan grid publish {name}")


@commands.command()
def diff(
    before: Annotated[str, typer.Argument(help="duty (today's), duty.2026-07-01, or a file.")],
    after: Annotated[str, typer.Argument(help="The same.")],
    tolerance: Annotated[float, typer.Option(min=0.0, help="Ground up to so many m² is not shown.")] = 1.0,
) -> None:
    """Show which cells came, went or changed, and whose ground became whose."""
    desk = _desk()
    change = grid_change(desk.read(before), desk.read(after), tolerance)
    if not change:
        stdout.print("Nothing differs.")
        return
    cells = table("cell", "what", "m²", "")
    for each in change.cells[:MOST_SHOWN]:
        cells.add_row(each.code, each.kind, _metres(each.square_metres), each.detail)
    ground = table("from", "to", "m²")
    for moved in change.ground[:MOST_SHOWN]:
        ground.add_row(moved.before, moved.after, _metres(moved.square_metres))
    stdout.print(cells)
    stdout.print(ground)
    stdout.print(f"{len(change.cells)} changes of cells, {len(change.ground)} of ground.")


@commands.command()
def publish(
    version: Annotated[str, typer.Argument(help="A draft, e.g. duty.2026-07-01.")],
    tolerance: Tolerance = None,
    allow: Allow = None,
) -> None:
    """Make a draft a version of the pack. Processes read it when they next start."""
    try:
        file, begins = _desk().publish(version, tolerance=tolerance, allow=frozenset(allow or ()))
    except GridRefused as refused:
        _show(refused.seams)
        raise
    stdout.print(f"Published as {file}; it holds from {begins}.")
    stdout.print("Processes read the pack when they start: restart them before that day begins.")


def _desk() -> GridDesk:
    settings = Settings()
    return GridDesk(settings.district, Clocks.from_json(settings.clocks))


def _show(seams: Sequence[Seam]) -> None:
    if not seams:
        return
    shown = table("seam", "cells", "town", "m²", "at")
    for seam in seams[:MOST_SHOWN]:
        lon, lat = seam.at
        shown.add_row(
            seam.kind, ", ".join(seam.cells), seam.town, _metres(seam.square_metres), f"{lon}, {lat}"
        )
    stdout.print(shown)
    if len(seams) > MOST_SHOWN:
        stdout.print(f"… and {len(seams) - MOST_SHOWN} more, all smaller.")


def _metres(area: float) -> str:
    return f"{area:,.1f}"
