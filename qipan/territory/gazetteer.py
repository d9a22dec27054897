"""The gazetteer: which landmark an address names.

Names are looked for as they are written, the longest first (西湖文化广场 is not 西湖); the names of the district
and its towns are no landmarks, but say where to look (in 西湖区灵隐寺 the lake is not named). Of several landmarks
named, the one with the smallest reach is meant, if all the others reach there; otherwise nobody can tell. Only
where no name is found, one that is nearly written so is taken (`likeness`); names that differ in a number or a
direction are never alike.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from qipan.territory.addresses import latin, normalised, telling_marks, whole
from qipan.territory.coordinates import metres_between
from qipan.territory.landmark import Landmark

SUGGESTIONS = 3
"""How many landmarks are proposed to somebody whose address names none."""


@dataclass(frozen=True, slots=True)
class Match:
    """A landmark and how sure it is that it was meant: 1 when its name is written out, else the likeness."""

    landmark: Landmark
    confidence: float


@dataclass(frozen=True, slots=True)
class Finding:
    """The landmark that an address means; without one, those it may mean: several named, or alike to none."""

    meant: Match | None
    candidates: tuple[Match, ...]
    named: bool

    @property
    def ambiguous(self) -> bool:
        """Whether several landmarks are named that lie apart."""
        return self.named and self.meant is None


class Gazetteer:
    """Landmarks by all their names. `areas`: what the district and its towns are called, with the town's id.

    Looking for names as they are written costs the same however many there are; only what is written
    otherwise is compared with every name.
    """

    def __init__(
        self, landmarks: Sequence[Landmark] = (), areas: Mapping[str, str | None] | None = None
    ) -> None:
        self.landmarks = tuple(landmarks)
        self._areas = {normalised(name): town for name, town in (areas or {}).items()}
        self._by_name: dict[str, list[Landmark]] = {}
        for landmark in landmarks:
            for name in dict.fromkeys(map(normalised, landmark.names)):
                self._by_name.setdefault(name, []).append(landmark)
        self._lengths = sorted({len(name) for name in (*self._by_name, *self._areas)} - {0}, reverse=True)
        self._written: list[str] = []
        self._spoken: dict[int, list[str]] = {}
        for name in self._by_name:
            if name.isascii():
                self._spoken.setdefault(name.count(" ") + 1, []).append(name)
            else:
                self._written.append(name)

    def find(self, address: str, likeness: float, town: str | None = None) -> Finding:
        """What the address means. `likeness` (0 to 1) is the least of a name that is written otherwise.

        With `town` only that town's landmarks are looked at; else those of the towns that the address names
        come first.
        """
        text = normalised(address)
        names, rest = self._names_in(text)
        towns = {self._areas[name] for name in names if self._areas.get(name)}
        exact = self._matches(((name, 1.0) for name in names), town)
        found = _nearest_to(towns, exact) or _nearest_to(towns, self._alike(rest, likeness, town))
        if not found:
            return Finding(None, self._alike(rest, likeness / 2, town)[:SUGGESTIONS], named=False)
        return Finding(_meant(found), tuple(found), named=True)

    def _names_in(self, text: str) -> tuple[list[str], str]:
        """The names written in the text, the longest first, and the rest of it.

        What one name covers is no part of another.
        """
        hits = [
            (length, start)
            for length in self._lengths
            for start in range(len(text) - length + 1)
            if self._is_name(text, start, start + length)
        ]
        covered = bytearray(len(text))
        names: list[str] = []
        for length, start in hits:
            if not any(covered[start : start + length]):
                covered[start : start + length] = b"\x01" * length
                names.append(text[start : start + length])
        return names, "".join(" " if taken else char for char, taken in zip(text, covered, strict=True))

    def _is_name(self, text: str, start: int, end: int) -> bool:
        name = text[start:end]
        return (name in self._by_name or name in self._areas) and whole(text, start, end) == (start, end)

    def _matches(self, scored: Iterable[tuple[str, float]], town: str | None) -> list[Match]:
        """The landmarks of these names, each with its best score, the best first."""
        best: dict[Landmark, float] = {}
        for name, score in scored:
            for landmark in self._by_name.get(name, ()):
                if town in (None, landmark.town):
                    best[landmark] = max(score, best.get(landmark, 0.0))
        ranked = sorted(best.items(), key=lambda item: (-item[1], item[0].reach, item[0].name_zh))
        return [Match(landmark, score) for landmark, score in ranked]

    def _alike(self, text: str, likeness: float, town: str | None) -> tuple[Match, ...]:
        return tuple(self._matches(self._alike_names(text, likeness), town))

    def _alike_names(self, text: str, likeness: float) -> Iterator[tuple[str, float]]:
        cut = 100.0 * likeness
        for name, _, _ in process.extract(
            text, self._written, scorer=fuzz.partial_ratio, score_cutoff=cut, limit=None
        ):
            window, score = _window(name, text, cut)
            if score >= cut and telling_marks(window) == telling_marks(name):
                yield name, score / 100.0
        words = latin(text)
        for count, names in self._spoken.items():
            for start in range(len(words) - count + 1):
                said = " ".join(words[start : start + count])
                for name, score, _ in process.extract(
                    said, names, scorer=fuzz.ratio, score_cutoff=cut, limit=None
                ):
                    if telling_marks(said) == telling_marks(name):
                        yield name, score / 100.0


def _window(name: str, text: str, cut: float) -> tuple[str, float]:
    """The part of the text that is most like the name, and how like (0 to 100); none that cuts a number."""
    if len(text) <= len(name):
        return text, fuzz.ratio(name, text)
    found = fuzz.partial_ratio_alignment(name, text, score_cutoff=cut)
    if found is None:
        return "", 0.0
    start, end = found.dest_start, found.dest_end
    return (text[start:end], found.score) if whole(text, start, end) == (start, end) else ("", 0.0)


def _nearest_to(towns: set[str | None], matches: Sequence[Match]) -> Sequence[Match]:
    """The matches in the towns named, if there are any; else all."""
    return [match for match in matches if match.landmark.town in towns] or matches


def _meant(matches: Sequence[Match]) -> Match | None:
    """The most specific, if every other one reaches it."""
    best = min(matches, key=lambda match: (match.landmark.reach, -match.confidence))
    here = best.landmark
    for other in matches:
        there = other.landmark
        if metres_between(here.point, there.point) > here.reach + there.reach:
            return None
    return best
