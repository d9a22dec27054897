"""What a new town's pack says, and the ground that it gets: from its outline and the district's own measure. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import shapely

from qipan.tenancy.district import District
from qipan.tenancy.own_service import scaffold
from qipan.tenancy.toml import to_toml
from qipan.territory.carve import carved
from qipan.territory.cell import DUTY_LAYER, TOWN_LAYER, Cell
from qipan.territory.derive import COMMUNITY_LAYER, SQUAD_LAYER, Counts, TownSeed, derive_layers
from qipan.territory.partition import Area

METRES = 6
"""Digits of a coordinate that mean something."""


@dataclass(frozen=True)
class NewTown:
    """What must be known of a town; all else it has from the district's `[town]` until its pack says otherwise.

    `services` are core services that it shall run itself.
    """

    id: str
    code: str
    zh: str
    en: str
    population: int
    services: tuple[str, ...] = ()


def town_files(town: NewTown, ground: Area) -> dict[str, str]:
    """The files of its folder, by their names there. PackError for a service that there is not."""
    centre = shapely.point_on_surface(ground)
    pack: dict[str, object] = {
        "id": town.id,
        "code": town.code,
        "name": {"zh": town.zh, "en": town.en},
        "centre": [round(centre.x, METRES), round(centre.y, METRES)],
        "population": town.population,
    }
    files: dict[str, str] = {}
    services = []
    for service in dict.fromkeys(town.services):
        entry, own = scaffold(town.id, town.en, service)
        services.append(entry)
        files |= own
    if services:
        pack["services"] = services
    return {"town.toml": to_toml(pack), **files}


def ground_of(
    district: District,
    town: NewTown,
    outline: Area,
    layers: Mapping[str, Sequence[Cell]],
    given: Mapping[str, Sequence[Cell]],
) -> dict[str, list[Cell]]:
    """The layers as they are once the town has its outline; `layers` are the cells that hold now.

    Cells are as many for its people as elsewhere in the district and are labelled synthetic, but for those `given`.
    A layer that is neither given nor derived stays as it is.
    """
    elsewhere = max(1, sum(each.population for each in district.towns))

    def many(layer: str) -> int:
        return max(1, round(len(layers.get(layer, ())) * town.population / elsewhere))

    centre = shapely.point_on_surface(outline)
    seed = TownSeed(town.id, town.code, town.zh, town.en, (centre.x, centre.y), town.population)
    counts = Counts(many(DUTY_LAYER), many(COMMUNITY_LAYER), many(SQUAD_LAYER))
    own: dict[str, Sequence[Cell]] = {**derive_layers(outline, [seed], counts, 0), **given}
    if TOWN_LAYER not in given:
        own[TOWN_LAYER] = [
            Cell(town.code, town.id, outline, town.zh, town.en, population=town.population, synthetic=False)
        ]
    return {layer: carved(cells, own[layer]) for layer, cells in layers.items() if layer in own}


def towns_without_ground(before: Sequence[Cell], after: Sequence[Cell]) -> list[str]:
    """The towns that would have none left."""
    return sorted({cell.town for cell in before} - {cell.town for cell in after})
