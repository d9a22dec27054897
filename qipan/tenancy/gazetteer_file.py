"""gazetteer.toml: the landmarks of a district or a town, and what can be wrong with them."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field

from qipan.tenancy.faults import PackFault
from qipan.tenancy.model import Model, UnitId, WordsModel
from qipan.territory import Territory
from qipan.territory.addresses import normalised
from qipan.territory.coordinates import System, to_wgs84
from qipan.territory.gazetteer import Gazetteer
from qipan.territory.landmark import Landmark

SHORTEST_NAME = 2
"""Characters: a shorter name would be found in every other address."""


class LandmarkModel(Model):
    """One landmark. `reach`: metres around its point within which it is still meant."""

    name: WordsModel
    aliases: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field(default_factory=list)
    kind: UnitId
    lon: float = Field(ge=-180, le=180)
    lat: float = Field(ge=-90, le=90)
    reach: float = Field(gt=0, le=20_000)
    approximate: bool = False


class GazetteerFile(Model):
    """gazetteer.toml. `note` says where the coordinates are from."""

    note: str = ""
    coordinate_system: Literal["wgs84", "gcj02", "bd09"] = "wgs84"
    places: list[LandmarkModel] = Field(default_factory=list)


def town_of(file: str) -> str | None:
    """The town whose file this is; None: the district's."""
    folder, _, rest = file.partition("/")
    return rest.partition("/")[0] if folder == "towns" else None


def check(gazetteers: Mapping[str, GazetteerFile], towns: Territory) -> Iterator[PackFault]:
    """Names too short or given twice in a file, and points outside the town or district that the file is of."""
    for file, gazetteer in gazetteers.items():
        named: dict[str, int] = {}
        for index, (place, landmark) in enumerate(_landmarks(gazetteer, towns)):
            key = f"places[{index}]"
            for name in landmark.names:
                if len(normalised(name)) < SHORTEST_NAME:
                    yield PackFault(
                        file, key, f"the name {name!r} is too short", f"{SHORTEST_NAME} letters or more"
                    )
            for name in dict.fromkeys((normalised(place.name.zh), normalised(place.name.en))):
                if named.setdefault(name, index) != index:
                    yield PackFault(
                        file,
                        f"{key}.name",
                        f"{name!r} is the name of places[{named[name]}] too",
                        "a name of its own; what both are called is an alias of each",
                    )
            own = town_of(file)
            if not landmark.town:
                yield PackFault(file, f"{key}.lon, lat", "lies outside every town", "a place in the district")
            elif own not in (None, landmark.town):
                what = f"lies in {landmark.town!r}"
                yield PackFault(file, f"{key}.lon, lat", what, f"a place in {own}, or the district's file")


def resolve(
    gazetteers: Mapping[str, GazetteerFile], towns: Territory, areas: Mapping[str, str | None]
) -> Gazetteer:
    """The gazetteer of all files; they must have passed `check`."""
    return Gazetteer(
        [landmark for file in gazetteers.values() for _, landmark in _landmarks(file, towns)], areas
    )


def _landmarks(file: GazetteerFile, towns: Territory) -> Iterator[tuple[LandmarkModel, Landmark]]:
    for place in file.places:
        lon, lat = to_wgs84(place.lon, place.lat, System(file.coordinate_system))
        there = towns.locate(lon, lat)
        yield (
            place,
            Landmark(
                name_zh=place.name.zh,
                name_en=place.name.en,
                lon=lon,
                lat=lat,
                kind=place.kind,
                reach=place.reach,
                town="" if there is None else there.town,
                aliases=tuple(place.aliases),
                approximate=place.approximate,
            ),
        )
