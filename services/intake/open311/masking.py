"""What is struck out of a text before everybody may read it: what reaches or identifies a person."""

import re

STRUCK = "***"

_PERSONAL = re.compile(
    r"""
      [\w.+-]+@[\w-]+(?:\.[\w-]+)+                                 # a mail address
    | (?<!\d)\d{6}(?:19|20)\d{2}(?:0\d|1[0-2])(?:[0-2]\d|3[01])\d{3}[\dXx](?!\d)   # an identity card (GB 11643)
    | (?<!\d)(?:\+?86[\s-]?)?1[3-9]\d[\s-]?\d{4}[\s-]?\d{4}(?!\d)   # a mobile phone of the mainland
    | (?<!\d)\(?0\d{2,3}\)?[\s-]?\d{7,8}(?!\d)                     # a fixed line with its area code
    | (?<![\w+])\+\d{1,3}[\s-]?\d[\d\s-]{6,12}\d(?!\d)              # a phone elsewhere
    """,
    re.VERBOSE | re.ASCII,
)


def public(text: str | None) -> str | None:
    """The text without phone numbers, mail addresses and identity card numbers."""
    return None if text is None else _PERSONAL.sub(STRUCK, text)
