import pytest
from hypothesis import given
from hypothesis import strategies as st

from qipan.territory import coordinates as c

# Inside China's box with a margin, so that a shift does not leave it.
POINTS = st.tuples(st.floats(73.0, 136.0), st.floats(2.0, 54.0))


@given(POINTS)
def test_gcj02_and_back_is_the_same_place(point: c.Point):
    assert c.metres_between(c.gcj02_to_wgs84(*c.wgs84_to_gcj02(*point)), point) < 0.01


@given(POINTS)
def test_wgs84_and_back_is_the_same_place(point: c.Point):
    assert c.metres_between(c.wgs84_to_gcj02(*c.gcj02_to_wgs84(*point)), point) < 0.01


@given(POINTS)
def test_bd09_and_back_is_the_same_place(point: c.Point):
    assert c.metres_between(c.bd09_to_gcj02(*c.gcj02_to_bd09(*point)), point) < 0.01
    assert c.metres_between(c.bd09_to_wgs84(*c.wgs84_to_bd09(*point)), point) < 0.01


@given(POINTS)
def test_the_shift_is_hundreds_of_metres_and_never_nothing(point: c.Point):
    assert 1 < c.metres_between(c.wgs84_to_gcj02(*point), point) < 1_500


def test_known_places():
    # Tiananmen, as published maps give it in the three systems.
    assert c.wgs84_to_gcj02(116.391349, 39.907375) == pytest.approx((116.397590, 39.908775), abs=2e-5)
    assert c.gcj02_to_bd09(116.397590, 39.908775) == pytest.approx((116.403960, 39.915117), abs=2e-4)


@given(st.floats(-180, 60), st.floats(-90, 90))
def test_outside_china_nothing_is_shifted(lon: float, lat: float):
    assert c.wgs84_to_gcj02(lon, lat) == (lon, lat)
    assert c.gcj02_to_wgs84(lon, lat) == (lon, lat)


@pytest.mark.parametrize(
    ("system", "there"),
    [
        (c.System.WGS84, lambda lon, lat: (lon, lat)),
        (c.System.GCJ02, c.wgs84_to_gcj02),
        (c.System.BD09, c.wgs84_to_bd09),
    ],
)
def test_a_point_of_any_system_becomes_wgs84(system, there):
    assert c.to_wgs84(*there(120.1, 30.2), system) == pytest.approx((120.1, 30.2), abs=1e-7)


def test_a_degree_of_latitude_is_111_kilometres():
    assert c.metres_between((120.0, 30.0), (120.0, 31.0)) == pytest.approx(111_195, abs=1)
    assert c.metres_between((120.0, 60.0), (121.0, 60.0)) == pytest.approx(55_597, abs=10)
