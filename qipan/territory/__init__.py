"""The ground: grid layers, their cells, coordinate systems, and which cells a point lies in."""

from qipan.territory.cell import Cell, Layer
from qipan.territory.territory import Location, Territory

__all__ = ["Cell", "Layer", "Location", "Territory"]
