"""Addresses as people write them, made comparable: width, case, punctuation and blanks make no difference."""

import re
import unicodedata
from collections import Counter

_IDEOGRAPH = "\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_BETWEEN = re.compile(r"[\W_]+")
_BESIDE = re.compile(f"(?<=[{_IDEOGRAPH}]) | (?=[{_IDEOGRAPH}])")
_NUMERALS = "0123456789〇零一二三四五六七八九十百千"
_LATIN = re.compile(r"[0-9a-z]+")
_TELLING = re.compile(
    f"[0-9]+|[{_NUMERALS[10:]}]+|[甲乙丙丁东南西北上下新老旧]"
    r"|\b(?:north|south|east|west|upper|lower|new|old)\b"
)


def normalised(text: str) -> str:
    """The text in compatibility form and small letters, words one blank apart, none beside an ideograph.

    `文三路４７８号` is `文三路478号`, and `LINGYIN  Temple,` is `lingyin temple`.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return _BESIDE.sub("", _BETWEEN.sub(" ", folded).strip())


def latin(text: str) -> list[str]:
    """The words of a normalised text that are written in Latin letters."""
    return _LATIN.findall(text)


def runs_on(before: str, after: str) -> bool:
    """Whether two neighbouring characters belong to one word or number, so that no name ends between them."""
    if before in _NUMERALS and after in _NUMERALS:
        return True
    return before.isascii() and after.isascii() and before.isalnum() and after.isalnum()


def telling_marks(text: str) -> Counter[str]:
    """What tells apart places that are otherwise called alike: numbers, and words like 东, 新 or `north`.

    文一西路 and 文二西路 differ in one character of four, and are two roads.
    """
    return Counter(_TELLING.findall(text))


def whole(text: str, start: int, end: int) -> tuple[int, int]:
    """The part of a text from `start` to `end`, widened to the ends of the words and numbers it cuts."""
    while 0 < start < len(text) and runs_on(text[start - 1], text[start]):
        start -= 1
    while 0 < end < len(text) and runs_on(text[end - 1], text[end]):
        end += 1
    return start, end
