"""Names and numbers as lists show them: enough to tell two apart, not enough to call or find somebody."""

import re

STARS = "****"
_NOT_A_DIGIT = re.compile(r"[^0-9]")
_MOBILE = re.compile(r"(?:\+|00)?\s*\(?86\)?")
_FULL = 11
"""Digits of a mainland mobile number, the shortest of which three and four are shown (138****5678)."""
_SHORT = 7


def mask_name(name: str) -> str:
    """The first character and two stars, whatever the length; a name of one character is all stars."""
    shown = name.strip()
    return f"{shown[0]}**" if len(shown) > 1 else "**"


def mask_phone(phone: str) -> str:
    """The first three and last four digits, the country code of mainland numbers left out.

    Of numbers shorter than a mobile's only the last two digits are shown, of very short ones nothing: at least
    four digits stay hidden.
    """
    written = phone.strip()
    country = _MOBILE.match(written)
    digits = _NOT_A_DIGIT.sub("", written)
    if country is not None and len(digits) > _FULL:
        digits = _NOT_A_DIGIT.sub("", written[country.end() :])
    if len(digits) >= _FULL:
        return f"{digits[:3]}{STARS}{digits[-4:]}"
    return f"{STARS}{digits[-2:]}" if len(digits) >= _SHORT else STARS


def mask_email(address: str) -> str:
    """The first character and the domain; what has no domain is all stars."""
    name, at, domain = address.strip().rpartition("@")
    return f"{name[:1]}{STARS}@{domain}" if at and name else STARS
