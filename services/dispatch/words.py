"""What a case can be found by, as entries of one inverted index; and the entries that a search must find.

PostgreSQL's own text search cannot cut Chinese into words, and its trigrams find nothing in a term of two
characters, which most Chinese terms are. So: every two neighbouring Chinese characters are an entry, as search
engines do it, and so is every word of letters and digits. What else of a case never changes stands there too:
its matter, its cells, and the tiles of the map in which it lies. Every entry begins with the tenant. Pure.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from math import floor

from qipan.contracts.case import CaseState

LONGEST_WORD = 40
"""Characters of a word of letters that count."""

_TILES = ((0.02, "b"), (0.005, "c"))
"""Sides of the map's tiles in degrees, the largest first: about 2 km and 500 m. Larger ones hold whole towns."""

_MOST_TILES = 36
_HAN = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_RUNS = re.compile(rf"[{_HAN}]+|(?:(?![{_HAN}])[^\W_])+")
_IS_HAN = re.compile(rf"[{_HAN}]").match


@dataclass(frozen=True, slots=True)
class Box:
    """A window of the map, WGS-84 degrees."""

    west: float
    south: float
    east: float
    north: float

    def tiles(self) -> tuple[str, ...]:
        """The tiles that cover it, as small as still are few; none when the window is too large to be helped."""
        found: tuple[str, ...] = ()
        for side, level in _TILES:
            columns = range(floor(self.west / side), floor(self.east / side) + 1)
            rows = range(floor(self.south / side), floor(self.north / side) + 1)
            if len(columns) * len(rows) > _MOST_TILES:
                break
            found = tuple(f"z{level}{x}.{y}" for x, y in product(columns, rows))
        return found


def entries(case: CaseState) -> list[str]:
    """The entries of a case; one may come twice. Part of filing every case, so as little work as can be."""
    place, tenant = case.place, case.tenant
    word = f"{tenant}/t"
    found = [f"{tenant}/m{case.matter}"]
    found += [f"{tenant}/c{cell}" for cell in place.cells.values()]
    found += [
        f"{tenant}/z{level}{floor(place.lon / side)}.{floor(place.lat / side)}" for side, level in _TILES
    ]
    texts = f"{case.summary}\n{place.address}" if place.address else case.summary
    for run in _RUNS.findall(_folded(texts)):
        if _IS_HAN(run):  # in pairs, and the last character, so that a single one finds it, too
            found += [word + pair for pair in map(str.__add__, run, run[1:])]
            found.append(word + run[-1])
        else:
            found.append(word + run[:LONGEST_WORD])
    return found


@dataclass(frozen=True, slots=True)
class Term:
    """An entry to be found; `begins`: any entry that begins so."""

    entry: str
    begins: bool = False


def terms(text: str) -> tuple[Term, ...]:
    """What a searched text asks for; empty when it has neither a letter, a digit nor a Chinese character."""
    found: dict[Term, None] = {}
    for run in _RUNS.findall(_folded(text)):
        if _IS_HAN(run) and len(run) > 1:
            found |= dict.fromkeys(Term(f"t{one}{other}") for one, other in pairwise(run))
        else:
            found[Term(f"t{run[:LONGEST_WORD]}", begins=True)] = None
    return tuple(found)


def ts_query(tenants: Iterable[str], every: Sequence[Sequence[Term]]) -> str:
    """PostgreSQL's `tsquery` for cases of any of the tenants with, of each group of terms, any one."""
    return " | ".join(
        "(" + " & ".join(_any(tenant, group) for group in every) + ")" for tenant in sorted(tenants)
    )


def _any(tenant: str, group: Sequence[Term]) -> str:
    quoted = (_quoted(f"{tenant}/{term.entry}") + (":*" if term.begins else "") for term in group)
    return "(" + " | ".join(quoted) + ")"


def _quoted(entry: str) -> str:
    return "'" + entry.replace("\\", "\\\\").replace("'", "''") + "'"


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
