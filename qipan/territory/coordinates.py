"""The three coordinate systems met in Chinese input, all as (longitude, latitude) in degrees.

WGS-84 is what satellites give; GCJ-02 is the shifted system that Chinese law asks of public maps; BD-09 is
Baidu's further shift of GCJ-02. Qipan stores WGS-84. The shifts are the publicly known approximation
(Krasovsky ellipsoid); the inverses are iterated until they agree with the forward function to well under a
metre. Outside China's bounding box GCJ-02 equals WGS-84.
"""

import math
from enum import StrEnum

Point = tuple[float, float]

_AXIS = 6378245.0  # metres, Krasovsky 1940
_ECCENTRICITY = 0.00669342162296594323
_BAIDU = math.pi * 3000.0 / 180.0


class System(StrEnum):
    """The coordinate systems a report may be given in."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"


def to_wgs84(lon: float, lat: float, system: System) -> Point:
    """A point given in `system`, as WGS-84."""
    if system is System.GCJ02:
        return gcj02_to_wgs84(lon, lat)
    if system is System.BD09:
        return bd09_to_wgs84(lon, lat)
    return lon, lat


def wgs84_to_gcj02(lon: float, lat: float) -> Point:
    """WGS-84 to GCJ-02."""
    if _outside_china(lon, lat):
        return lon, lat
    east, north = _shift(lon, lat)
    return lon + east, lat + north


def gcj02_to_wgs84(lon: float, lat: float) -> Point:
    """GCJ-02 to WGS-84, by iteration (the shift changes slowly: four rounds reach a millimetre)."""
    if _outside_china(lon, lat):
        return lon, lat
    guess = (lon, lat)
    for _ in range(4):
        east, north = _shift(*guess)
        guess = (lon - east, lat - north)
    return guess


def gcj02_to_bd09(lon: float, lat: float) -> Point:
    """GCJ-02 to BD-09."""
    radius = math.hypot(lon, lat) + 0.00002 * math.sin(lat * _BAIDU)
    angle = math.atan2(lat, lon) + 0.000003 * math.cos(lon * _BAIDU)
    return radius * math.cos(angle) + 0.0065, radius * math.sin(angle) + 0.006


def bd09_to_gcj02(lon: float, lat: float) -> Point:
    """BD-09 to GCJ-02, by fixed-point iteration."""
    guess = (lon - 0.0065, lat - 0.006)
    for _ in range(4):
        there = gcj02_to_bd09(*guess)
        guess = (guess[0] + lon - there[0], guess[1] + lat - there[1])
    return guess


def wgs84_to_bd09(lon: float, lat: float) -> Point:
    """WGS-84 to BD-09."""
    return gcj02_to_bd09(*wgs84_to_gcj02(lon, lat))


def bd09_to_wgs84(lon: float, lat: float) -> Point:
    """BD-09 to WGS-84."""
    return gcj02_to_wgs84(*bd09_to_gcj02(lon, lat))


def metres_between(one: Point, other: Point) -> float:
    """The distance in metres between two near points (plane approximation on a sphere; fine below 100 km)."""
    latitude = math.radians((one[1] + other[1]) / 2)
    east = math.radians(one[0] - other[0]) * math.cos(latitude)
    north = math.radians(one[1] - other[1])
    return 6371008.8 * math.hypot(east, north)


def _outside_china(lon: float, lat: float) -> bool:
    return not (72.004 <= lon <= 137.8347 and 0.8293 <= lat <= 55.8271)


def _shift(lon: float, lat: float) -> Point:
    """How far GCJ-02 moves a WGS-84 point, in degrees east and north."""
    x, y = lon - 105.0, lat - 35.0
    ripple = (20.0 * math.sin(6.0 * x * math.pi) + 20.0 * math.sin(2.0 * x * math.pi)) * 2.0 / 3.0
    root = math.sqrt(abs(x))
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + ripple
    north += (20.0 * math.sin(y * math.pi) + 40.0 * math.sin(y / 3.0 * math.pi)) * 2.0 / 3.0
    north += (160.0 * math.sin(y / 12.0 * math.pi) + 320.0 * math.sin(y * math.pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + ripple
    east += (20.0 * math.sin(x * math.pi) + 40.0 * math.sin(x / 3.0 * math.pi)) * 2.0 / 3.0
    east += (150.0 * math.sin(x / 12.0 * math.pi) + 300.0 * math.sin(x / 30.0 * math.pi)) * 2.0 / 3.0
    latitude = math.radians(lat)
    magic = 1.0 - _ECCENTRICITY * math.sin(latitude) ** 2
    metres_north = _AXIS * (1.0 - _ECCENTRICITY) / (magic * math.sqrt(magic))
    metres_east = _AXIS / math.sqrt(magic) * math.cos(latitude)
    return math.degrees(east / metres_east), math.degrees(north / metres_north)
