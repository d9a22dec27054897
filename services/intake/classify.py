"""What is wrong, by the words of the report: the matter whose words it contains."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_NOT_A_WORD = re.compile(r"[^0-9a-z]+")
_IDEOGRAPH = 3
"""An ideograph says about as much as three letters."""


@dataclass(frozen=True, slots=True)
class Wording:
    """A matter and the words by which people mean it; of emergencies one word is enough."""

    matter: str
    words: tuple[str, ...]
    emergency: bool = False


@dataclass(frozen=True, slots=True)
class Classification:
    """The matter meant, if any; `confidence` is its share of the evidence, 0 to 1; `words` spoke for it."""

    matter: str | None
    confidence: float = 0.0
    emergency: bool = False
    words: tuple[str, ...] = ()


class Vocabulary:
    """A tenant's matters by their words, ready for many reports."""

    def __init__(self, wordings: Iterable[Wording]) -> None:
        self.emergencies: frozenset[str] = frozenset()
        latin: list[tuple[str, int, str]] = []
        ideographic: list[tuple[str, int, str]] = []
        for wording in wordings:
            if wording.emergency:
                self.emergencies |= {wording.matter}
            for word in dict.fromkeys(map(str.casefold, wording.words)):
                if word.isascii():
                    plain = _NOT_A_WORD.sub(" ", word).strip()
                    latin.append((f" {plain}", len(plain), wording.matter))
                else:
                    ideographic.append((word, _IDEOGRAPH * len(word), wording.matter))
        self._latin, self._ideographic = latin, ideographic

    def classify(self, text: str) -> Classification:
        """The matter with the most evidence; an emergency first, however little speaks for it."""
        folded = text.casefold()
        scores: dict[str, int] = {}
        spoke: dict[str, list[str]] = {}
        for word, weight, matter in self._ideographic:
            if word in folded:
                scores[matter] = scores.get(matter, 0) + weight
                spoke.setdefault(matter, []).append(word)
        spaced = f" {_NOT_A_WORD.sub(' ', folded)} "
        if len(spaced) > len("   "):
            for word, weight, matter in self._latin:
                if word in spaced and _ends_well(word, spaced):
                    scores[matter] = scores.get(matter, 0) + weight
                    spoke.setdefault(matter, []).append(word.strip())
        urgent = {matter: score for matter, score in scores.items() if matter in self.emergencies}
        return self._best(urgent or scores, spoke)

    def _best(self, scores: dict[str, int], spoke: dict[str, list[str]]) -> Classification:
        if not scores:
            return Classification(None)
        ranked = sorted(scores.items(), key=lambda entry: (-entry[1], entry[0]))
        best, score = ranked[0]
        second = ranked[1][1] if len(ranked) > 1 else 0
        return Classification(best, score / (score + second), best in self.emergencies, tuple(spoke[best]))


def first_within(text: str, words: Iterable[str]) -> str | None:
    """The first of these words (already casefolded) that the text has."""
    folded = text.casefold()
    return next((word for word in words if word in folded), None)


def _ends_well(word: str, spaced: str) -> bool:
    """Whether the word stands there whole, or as a plural."""
    return f"{word} " in spaced or f"{word}s " in spaced or f"{word}es " in spaced
