import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qipan.tenancy.toml import to_toml

SCALARS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.integers(-(2**62), 2**62),
    st.floats(allow_nan=False),
    st.booleans(),
)
VALUES = st.recursive(
    SCALARS | st.lists(SCALARS, max_size=3),
    lambda inner: (
        st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), inner, max_size=3)
        | st.lists(
            st.dictionaries(st.sampled_from(["a", "b c", "名"]), inner, max_size=2), min_size=1, max_size=2
        )
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), VALUES, max_size=4))
def test_what_is_written_is_read(table: dict[str, object]):
    assert tomllib.loads(to_toml(table)) == table


def test_what_toml_does_not_have_is_an_error():
    with pytest.raises(TypeError, match="NoneType"):
        to_toml({"a": None})
