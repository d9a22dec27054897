"""Synthetic grids where none are public: towns, communities, duty cells and squads from an outline.

Towns are the Voronoi cells of their centres; each is cut into duty cells in proportion to its population;
duty cells are grouped into communities and those into squads' areas. The same input and seed give the same
grids.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import shapely

from qipan.territory.cell import DUTY_LAYER, TOWN_LAYER, Cell
from qipan.territory.numbering import numbered
from qipan.territory.partition import Area, Point, even_points, fit_together, groups, shares, voronoi

COMMUNITY_LAYER = "community"
SQUAD_LAYER = "squad"


@dataclass(frozen=True, slots=True)
class TownSeed:
    """What must be known of a town: its id, 9-digit code, names, centre (WGS-84) and population."""

    id: str
    code: str
    name_zh: str
    name_en: str
    centre: Point
    population: int


@dataclass(frozen=True, slots=True)
class Counts:
    """How many cells to derive in the whole district."""

    duty: int
    communities: int
    squads: int


def derive_layers(
    outline: Area, towns: Sequence[TownSeed], counts: Counts, seed: int
) -> dict[str, list[Cell]]:
    """The layers town, community, duty and squad of an outline of which only the towns' centres are known."""
    areas = voronoi(outline, [town.centre for town in towns])
    duty_of = shares(counts.duty, [town.population for town in towns])
    raw = [
        voronoi(area, even_points(area, many, Random(f"{seed}/{town.id}")))
        for town, area, many in zip(towns, areas, duty_of, strict=True)
    ]
    fitted = iter(fit_together([cell for cells in raw for cell in cells]))
    return layers_of(towns, [[next(fitted) for _ in cells] for cells in raw], counts)


def layers_of(
    towns: Sequence[TownSeed], duty_shapes: Sequence[Sequence[Area]], counts: Counts
) -> dict[str, list[Cell]]:
    """All layers from each town's duty cells (which must fit together): grouped, numbered, nested."""
    people = [town.population for town in towns]
    communities = _at_most(shares(counts.communities, people), [len(shapes) for shapes in duty_shapes])
    squads = _at_most(shares(counts.squads, people), communities)
    layers: dict[str, list[Cell]] = {TOWN_LAYER: [], COMMUNITY_LAYER: [], DUTY_LAYER: [], SQUAD_LAYER: []}
    for town, shapes, groups_of, squads_of in zip(towns, duty_shapes, communities, squads, strict=True):
        for layer, cells in _town_layers(town, shapes, groups_of, squads_of).items():
            layers[layer] += cells
    return {layer: sorted(cells, key=lambda cell: cell.code) for layer, cells in layers.items()}


def _town_layers(
    town: TownSeed, shapes: Sequence[Area], communities: int, squads: int
) -> dict[str, list[Cell]]:
    by_community = _gathered(shapes, groups([_centre(shape) for shape in shapes], communities))
    community_shapes = [_union(members) for members in by_community]
    centres = [_centre(shape) for shape in community_shapes]
    by_squad = _gathered(community_shapes, groups(centres, squads))
    squad_shapes = [_union(members) for members in by_squad]
    codes = numbered(centres, town.code)
    head = shares(town.population, [1] * len(shapes), least=0)
    duty: list[Cell] = []
    for code, members in zip(codes, by_community, strict=True):
        for own, shape in zip(numbered([_centre(m) for m in members], code), members, strict=True):
            duty.append(Cell(own, town.id, shape, community=code, population=head[len(duty)], synthetic=True))
    return {
        TOWN_LAYER: [
            Cell(
                town.code,
                town.id,
                _union(shapes),
                town.name_zh,
                town.name_en,
                population=town.population,
                synthetic=True,
            )
        ],
        COMMUNITY_LAYER: _plain(town, codes, community_shapes),
        DUTY_LAYER: duty,
        SQUAD_LAYER: _plain(
            town, numbered([_centre(s) for s in squad_shapes], f"{town.code}S"), squad_shapes
        ),
    }


def _plain(town: TownSeed, codes: Sequence[str], shapes: Sequence[Area]) -> list[Cell]:
    return [Cell(code, town.id, shape, synthetic=True) for code, shape in zip(codes, shapes, strict=True)]


def _gathered(shapes: Sequence[Area], group_of: Sequence[int]) -> list[list[Area]]:
    gathered: list[list[Area]] = [[] for _ in range(max(group_of) + 1)]
    for shape, group in zip(shapes, group_of, strict=True):
        gathered[group].append(shape)
    return gathered


def _at_most(wanted: Sequence[int], there_are: Sequence[int]) -> list[int]:
    return [min(want, limit) for want, limit in zip(wanted, there_are, strict=True)]


def _union(shapes: Sequence[Area]) -> Area:
    return shapely.coverage_union_all(shapes) if len(shapes) > 1 else shapes[0]


def _centre(shape: Area) -> Point:
    return shape.centroid.x, shape.centroid.y
