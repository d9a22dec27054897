import pytest

from exercise.bars import missed
from exercise.books import Books


def good() -> Books:
    return Books(
        accepted=1550,
        visible=1550,
        filed=1500,
        closed=1400,
        served_by={"sandun": "dispatch@sandun", "xixi": "dispatch"},
    )


def test_a_good_day_misses_nothing():
    assert missed(good(), ["sandun", "xixi"], ["sandun"], fewest=1500) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lost": 1}, "lost is 1"),
        ({"duplicate_effects": 2}, "duplicate effects are 2"),
        ({"visible": 1549}, "visible 1549"),
        ({"unanswered": 1}, "never answered"),
        ({"accepted": 1400, "visible": 1400}, "fewer than 1500"),
        ({"closed": 1300}, "less than 90%"),
        ({"served_by": {"sandun": "dispatch@sandun"}}, "nobody served xixi"),
        ({"served_by": {"sandun": "dispatch", "xixi": "dispatch"}}, "not by its own dispatch"),
    ],
)
def test_each_bar_can_be_missed(change: dict[str, object], words: str):
    books = good()
    for name, value in change.items():
        setattr(books, name, value)
    [told] = missed(books, ["sandun", "xixi"], ["sandun"], fewest=1500)
    assert words in told
