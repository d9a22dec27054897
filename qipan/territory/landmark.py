"""A landmark: a place that people call by a name."""

from dataclasses import dataclass

from qipan.territory.coordinates import Point


@dataclass(frozen=True, slots=True)
class Landmark:
    """One named place, its point in WGS-84 degrees.

    `reach` is in metres: whoever names the place is within that distance of its point, so a gate has a small
    one and a lake a large one. `town` is the town that the point lies in. An `approximate` one was read off
    public descriptions, not surveyed.
    """

    name_zh: str
    name_en: str
    lon: float
    lat: float
    kind: str
    reach: float
    town: str
    aliases: tuple[str, ...] = ()
    approximate: bool = False

    @property
    def point(self) -> Point:
        """Longitude and latitude."""
        return self.lon, self.lat

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that it is called, each once."""
        return tuple(dict.fromkeys((self.name_zh, self.name_en, *self.aliases)))

    def __str__(self) -> str:
        """Its names and its town, for a person who must choose."""
        both = self.name_zh if self.name_zh == self.name_en else f"{self.name_zh} {self.name_en}"
        return f"{both} ({self.town})"
