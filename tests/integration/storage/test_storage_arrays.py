"""Arrays written as text come back from PostgreSQL as they were."""

from datetime import UTC, datetime, timedelta, timezone

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qipan.storage import arrays
from qipan.testing import Databases

_texts = st.lists(st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
_numbers = st.lists(st.none() | st.integers(-(2**63), 2**63 - 1))
_instants = st.lists(
    st.none()
    | st.datetimes(
        datetime(1900, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
        datetime(2100, 1, 1),  # noqa: DTZ001
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=8)), timezone(timedelta(minutes=-210))]),
    )
)


@pytest.fixture
def connection(database_url: Databases) -> psycopg.Connection:
    return psycopg.connect(database_url().replace("+psycopg", ""), autocommit=True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(texts=_texts, numbers=_numbers, instants=_instants)
def test_what_is_written_is_what_is_read(
    connection: psycopg.Connection,
    texts: list[str | None],
    numbers: list[int | None],
    instants: list[datetime | None],
) -> None:
    row = connection.execute(
        "SELECT CAST(%s AS text[]), CAST(%s AS bigint[]), CAST(%s AS timestamptz[])",
        (arrays.texts(texts), arrays.numbers(numbers), arrays.instants(instants)),
    ).fetchone()
    assert row == (texts, numbers, instants)


@pytest.mark.parametrize("value", ["NULL", "null", "", "{}", '"', "\\", 'a","b', "},{", "a\nb", " a "])
def test_texts_that_look_like_syntax_stay_texts(connection: psycopg.Connection, value: str) -> None:
    row = connection.execute("SELECT CAST(%s AS text[])", (arrays.texts([value, None, value]),)).fetchone()
    assert row == ([value, None, value],)
