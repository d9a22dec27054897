"""(Re)create a pack's synthetic grids: `python -m qipan.tenancy.grids districts/xihu`.

Reads `grids/derive.toml` (counts and seed), `grids/outline.geojson` and the towns' packs; writes one file
for each derived layer. The same input gives the same files.
"""

import sys
import tomllib
from pathlib import Path
from typing import Any

from qipan.territory.derive import Counts, TownSeed, derive_layers
from qipan.territory.geojson import read_outline, write_cells

NOTE = (
    "Synthetic: derived from the outline and the towns' centres and populations; not surveyed, not official."
)


def derive_grids(pack: Path) -> dict[str, int]:
    """Write the layers' files into the pack's `grids`; how many cells each has."""
    plan = tomllib.loads((pack / "grids" / "derive.toml").read_text(encoding="utf-8"))
    outline = read_outline(pack / "grids" / "outline.geojson")
    towns = [_town(path) for path in sorted((pack / "towns").glob("*/town.toml"))]
    towns.sort(key=lambda town: town.code)
    counts = Counts(plan["duty"], plan["communities"], plan["squads"])
    layers = derive_layers(outline, towns, counts, plan["seed"])
    for layer, cells in layers.items():
        write_cells(pack / "grids" / f"{layer}.geojson", cells, NOTE)
    return {layer: len(cells) for layer, cells in layers.items()}


def _town(path: Path) -> TownSeed:
    raw: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    lon, lat = raw["centre"]
    return TownSeed(
        raw["id"], raw["code"], raw["name"]["zh"], raw["name"]["en"], (lon, lat), raw["population"]
    )


if __name__ == "__main__":
    for layer, many in derive_grids(Path(sys.argv[1])).items():
        sys.stdout.write(f"{layer}: {many} cells\n")
