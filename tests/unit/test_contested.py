"""Whoever lost a struggle for a lock is told so, and not that the database is away."""

import pytest
from sqlalchemy.exc import OperationalError

from qipan.storage.database import is_contested, is_passing


class Said(Exception):
    def __init__(self, sqlstate: str | None) -> None:
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("sqlstate", "contested"),
    [("40P01", True), ("40001", True), ("55P03", True), ("57P01", False), ("53100", False), (None, False)],
)
def test_a_lost_struggle_is_told_from_an_absence(sqlstate: str | None, contested: bool) -> None:
    error = OperationalError("statement", None, Said(sqlstate))
    assert is_contested(error) is contested
    assert is_passing(error)
