"""What a text is made of, for a machine that learns: its runs of one to three characters.

Chinese has no spaces between words and people misspell English ones; runs of characters serve both.
"""

import re
import unicodedata
from collections import Counter
from itertools import chain
from operator import add

LONGEST_READ = 1000
"""Characters of a report that are looked at: what it is about stands at its beginning, and work stays bounded."""

_DIGITS = re.compile(r"\d+")
_BREAKS = re.compile(r"[\W_]+")


def plain(text: str) -> str:
    """The text without what makes no difference: width, case, punctuation, and which number it is."""
    folded = unicodedata.normalize("NFKC", text[:LONGEST_READ]).casefold()
    return _BREAKS.sub(" ", _DIGITS.sub("0", folded)).strip()


def grams(text: str) -> Counter[str]:
    """How often each run of 1 to 3 characters occurs; a blank marks where a word begins or ends."""
    kept = plain(text)
    if not kept:
        return Counter()
    ones = f" {kept} "
    twos = list(map(add, ones, ones[1:]))
    found = Counter(chain(ones, twos, map(add, twos, ones[2:])))
    del found[" "]
    return found
