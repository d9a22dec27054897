from hypothesis import given
from hypothesis import strategies as st

from qipan.tenancy import inherit

PACKS = {
    "sandun": {
        "id": "sandun",
        "name": {"zh": "三墩", "en": "Sandun"},
        "units": {"sweep": {"handlers": 8, "department": "sanitation"}, "flood": {"handlers": 2}},
        "settings": {"level": 3.2, "words": ["a", "b"]},
        "services": [{"name": "dispatch"}],
    },
    "shuangpu": {
        "id": "shuangpu",
        "inherits": "sandun",
        "units": {"sweep": {"handlers": 4}},
        "settings": {"words": ["c"]},
    },
    "village": {"id": "village", "inherits": "shuangpu", "settings": {"level": 1.0}},
}
START = {"units": {"police": {"handlers": 1}}, "settings": {"depth": 9}}


def test_tables_merge_key_by_key_and_lists_are_replaced():
    pack = inherit.inherited("shuangpu", PACKS, START)
    assert pack["units"] == {
        "police": {"handlers": 1},
        "sweep": {"handlers": 4, "department": "sanitation"},
        "flood": {"handlers": 2},
    }
    assert pack["settings"] == {"depth": 9, "level": 3.2, "words": ["c"]}


def test_services_and_identity_are_never_inherited():
    pack = inherit.inherited("shuangpu", PACKS, START)
    assert "services" not in pack
    assert "name" not in pack
    assert pack["id"] == "shuangpu"


def test_inheritance_goes_on():
    assert inherit.lineage("village", PACKS) == ("village", "shuangpu", "sandun")
    pack = inherit.inherited("village", PACKS, START)
    assert pack["settings"] == {"depth": 9, "level": 1.0, "words": ["c"]}


def test_nothing_is_changed_by_looking():
    inherit.inherited("village", PACKS, START)
    assert PACKS["sandun"]["units"]["sweep"]["handlers"] == 8


def faults(packs: dict[str, dict[str, object]]) -> list[str]:
    return [str(fault) for fault in inherit.faults(packs, {id: f"{id}.toml" for id in packs})]


def test_a_circle_is_told_to_whoever_is_in_it():
    packs = {
        "a": {"inherits": "b"},
        "b": {"inherits": "c"},
        "c": {"inherits": "b"},
        "d": {"inherits": "d"},
    }
    assert faults(packs) == [
        "b.toml: inherits: goes round in a circle: b → c → b",
        "c.toml: inherits: goes round in a circle: c → b → c",
        "d.toml: inherits: goes round in a circle: d → d",
    ]
    assert inherit.inherited("a", packs, {})["inherits"] == "b"


def test_a_parent_must_exist():
    assert faults({"a": {"inherits": "z"}, "b": {}}) == [
        "a.toml: inherits: there is no town 'z' (allowed: b)"
    ]


TABLES = st.recursive(
    st.integers() | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
).filter(lambda value: isinstance(value, dict))


@given(TABLES, TABLES)
def test_what_is_laid_on_top_always_holds(under, over):
    result = inherit.merged(under, over)
    assert inherit.merged(result, over) == result
    assert set(result) == set(under) | set(over)
    assert all(result[key] == over[key] for key in over if not isinstance(over[key], dict))
    assert all(result[key] == under[key] for key in under if key not in over)
