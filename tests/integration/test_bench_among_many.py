"""The yardstick of lists and lifecycles: its cases are as dispatch's own, and its figures of the sizes it says."""

from bench.__main__ import BARS, among_many
from qipan.hosting.embedded import EmbeddedPostgres


def test_it_tells_what_it_measured(postgres: EmbeddedPostgres) -> None:
    found = among_many(postgres, quick=True)
    assert {"list_statements", "list_1m", "lifecycle_1m"} <= set(BARS) & set(found)
    assert found["list_statements"] == 1
    assert found["lists"]["many"] == found["lifecycle"]["many"] == 4_800
    pages = found["lists"]["lists"] | found["lists"]["searches"]
    assert pages["newest"]["found_many"] == 100
    assert pages["common word"]["found_many"] > pages["rare word"]["found_many"]
    assert found["lifecycle"]["per_s_many"] > 0
