"""How large a shape of degrees is on the ground."""

import shapely
from pyproj import Geod
from shapely import Polygon

_EARTH = Geod(ellps="WGS84")


def square_metres(shape: shapely.Geometry) -> float:
    """The area on the WGS-84 ellipsoid; lines and points have none."""
    return sum(
        abs(_EARTH.geometry_area_perimeter(shapely.geometry.polygon.orient(part))[0])
        for part in shapely.get_parts(shapely.get_parts(shape))
        if isinstance(part, Polygon) and not part.is_empty
    )
