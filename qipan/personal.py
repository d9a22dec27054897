"""What reaches or identifies a person in a text that others wrote: phone numbers, mail addresses, identity cards.

Reporters write such things into what they report, its address and their later words. Whoever shows such a text to
more people than the acceptor strikes them out, before it is cut, indexed or published. Pure.
"""

import re

STRUCK = "***"

_PERSONAL = re.compile(
    r"""
    (?=[\dA-Za-z_.+＋(（-])(?:                     # most characters can begin none of these
    # a mail address
      [A-Za-z0-9_.+-]+[@＠][A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+
    # an identity card (GB 11643)
    | (?<!\d)(?P<region>\d{6})[ -]?[12１２]\d{3}[ -]?[01０１]\d[ -]?[0-3０-３]\d[ -]?(?P<check>\d{3}[\dXxＸｘ])(?!\d)
    # a mobile phone of the mainland
    | (?<!\d)(?:[+＋]?[8８][6６][\s-]?)?(?P<net>[1１][3-9３-９]\d)[\s-]?\d{4}[\s-]?(?P<last>\d{4})(?!\d)
    # a fixed line with its area code
    | (?<!\d)[(（]?[0０]\d{2,3}[)）]?[\s-]?\d{7,8}(?!\d)
    # a phone elsewhere
    | (?<![A-Za-z0-9_+])[+＋]\d{1,3}[\s-]?\d[\d\s-]{6,12}\d(?!\d)
    )
    """,
    re.VERBOSE,
)
"""`\\d` is any script's digit: a search folds full-width ones, so they must not stay either."""


def struck(text: str) -> str:
    """The text without phone numbers, mail addresses and identity card numbers."""
    return _PERSONAL.sub(STRUCK, text)


def masked(text: str) -> str:
    """The same, but of mobile phones and identity cards the ends stay (138****5678), so that two can be told apart."""
    return _PERSONAL.sub(_ends, text)


def _ends(found: re.Match[str]) -> str:
    if found["net"]:
        return f"{found['net']}****{found['last']}"
    return f"{found['region']}********{found['check']}" if found["check"] else STRUCK
