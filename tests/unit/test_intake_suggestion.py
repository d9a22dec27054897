"""Words and model together: who is heard, and what is shown for it."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from services.intake.classify import Classification
from services.intake.model import Guess
from services.intake.suggestion import combined, may_change

LAMP, RUBBISH, FIRE = "s:01037", "s:06010", "x-xihu:em:00001"
GUESS = Guess(((LAMP, 0.8), (RUBBISH, 0.1)), ("路灯",), "sandun-1")
SILENT = Classification(None)
SHARES = st.floats(0, 1, allow_nan=False)
WORDS = st.one_of(
    st.just(SILENT),
    st.builds(Classification, st.sampled_from([LAMP, RUBBISH]), SHARES, st.just(False), st.just(("灯",))),
    st.builds(Classification, st.just(FIRE), SHARES, st.just(True), st.just(("火",))),
)


def hear(words: Classification, guess: Guess | None = GUESS, least: float = 0.6, trust: float = 1.0):
    return combined(words, guess, least_confidence=least, word_trust=trust)


def test_an_emergency_by_its_words_is_one_whatever_the_model_thinks() -> None:
    found, suggestion = hear(Classification(FIRE, 0.5, True, ("火",)), trust=0.1)
    assert (found.matter, found.confidence, found.emergency) == (FIRE, 0.5, True)
    assert suggestion is not None
    assert (suggestion.by, suggestion.reasons) == ("words", ("火",))


def test_where_the_words_are_silent_a_sure_model_is_taken() -> None:
    found, suggestion = hear(SILENT)
    assert (found.matter, found.confidence) == (LAMP, 0.8)
    assert suggestion is not None
    assert (suggestion.by, suggestion.version, suggestion.reasons) == ("model", "sandun-1", ("路灯",))
    assert [each.matter for each in suggestion.also] == [RUBBISH]


def test_an_unsure_model_is_shown_and_moves_nothing() -> None:
    found, suggestion = hear(SILENT, least=0.9)
    assert found.matter is None
    assert suggestion is not None
    assert (suggestion.matter, suggestion.confidence) == (LAMP, 0.8)


def test_the_surer_one_is_taken_and_the_words_when_they_are_trusted_wholly() -> None:
    words = Classification(RUBBISH, 1.0, words=("垃圾",))
    assert hear(words)[0].matter == RUBBISH
    assert hear(words, trust=0.7)[0].matter == LAMP
    assert hear(words, trust=0.8)[0].matter == RUBBISH


def test_agreement_makes_surer() -> None:
    found, suggestion = hear(Classification(LAMP, 0.5, words=("灯",)))
    assert (found.matter, found.confidence) == (LAMP, 0.8)
    assert suggestion is not None
    assert suggestion.version == "sandun-1"


@given(WORDS, SHARES, SHARES, SHARES)
def test_without_a_model_only_the_words_count(
    words: Classification, least: float, trust: float, chance: float
) -> None:
    found, suggestion = hear(words, None, least, trust)
    assert (found.matter, found.emergency) == (words.matter, words.emergency)
    assert (suggestion is None) == (words.matter is None)
    guess = replace(GUESS, likely=((LAMP, chance),))
    heard, _ = hear(words, guess, least, trust)
    if chance < least:
        assert heard == found
    if not may_change(words, trust):
        assert heard.matter == found.matter
        assert heard.confidence == found.confidence
    assert heard.emergency == words.emergency or not words.emergency
