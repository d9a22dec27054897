"""Which matter is suggested, when both the town's words and its model have something to say.

One rule, in this order:

1. words of an emergency decide, whatever a model thinks;
2. the model has a voice only where it is at least as sure as the town asks for (`triage.least-confidence`);
   below that its guess is shown to the person who decides, and moves nothing;
3. of words and model the surer one is taken, the words when they are equally sure. How far a town trusts its
   words is a setting of its own (`triage.word-trust`), to be read off `qipan classify evaluate`.
"""

from dataclasses import dataclass, replace

from services.intake.classify import Classification
from services.intake.model import Guess

BY_REPORTER = "reporter"
BY_WORDS = "words"
BY_MODEL = "model"


@dataclass(frozen=True, slots=True)
class Likely:
    """A matter and how likely it is, 0 to 1."""

    matter: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What was suggested, by the reporter, the town's words or a model (of which version), and for what reasons.

    `also`: what the model held for likely beside it. It is kept with the report: together with what a person
    decided it is what the next model learns from.
    """

    matter: str
    confidence: float
    by: str
    version: str | None = None
    reasons: tuple[str, ...] = ()
    also: tuple[Likely, ...] = ()


def may_change(words: Classification, word_trust: float) -> bool:
    """Whether it is worth asking a model: nothing can be surer than words that are certain."""
    return not words.emergency and (words.matter is None or words.confidence * word_trust < 1.0)


def combined(
    words: Classification, guess: Guess | None, *, least_confidence: float, word_trust: float
) -> tuple[Classification, Suggestion | None]:
    """What to go by, and what to show for it. The first has no matter when nothing is sure enough to act on."""
    if words.matter is not None and not words.emergency:
        words = replace(words, confidence=words.confidence * word_trust)
    if guess is None or words.emergency:
        return words, _of_words(words, None)
    sure = guess.confidence >= least_confidence
    if sure and (words.matter is None or guess.confidence > words.confidence):
        return Classification(guess.matter, guess.confidence), _of_model(guess)
    if words.matter is None:
        return words, _of_model(guess)
    if sure and guess.matter == words.matter:
        words = replace(words, confidence=max(words.confidence, guess.confidence))
    return words, _of_words(words, guess)


def _of_words(words: Classification, guess: Guess | None) -> Suggestion | None:
    if words.matter is None:
        return None
    also = tuple(Likely(*each) for each in guess.likely if each[0] != words.matter) if guess else ()
    version = guess.version if guess else None
    return Suggestion(words.matter, round(words.confidence, 4), BY_WORDS, version, words.words, also)


def _of_model(guess: Guess) -> Suggestion:
    also = tuple(Likely(*each) for each in guess.likely[1:])
    return Suggestion(guess.matter, guess.confidence, BY_MODEL, guess.version, guess.reasons, also)
