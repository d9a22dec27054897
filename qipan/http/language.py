"""In which of our languages somebody wants to be answered."""

from functools import lru_cache
from typing import Literal

from starlette.requests import Request

Language = Literal["zh-CN", "en"]


def language_of(request: Request) -> Language:
    """English when `Accept-Language` prefers it to Chinese; else Chinese, the house's first language."""
    return preferred(request.headers.get("accept-language", ""))


@lru_cache(maxsize=256)
def preferred(accept: str) -> Language:
    """The better of our two languages by the weights of an `Accept-Language` header (RFC 9110, 12.5.4)."""
    weights = {"zh": 0.0, "en": 0.0}
    for part in accept.lower().split(","):
        tag, _, parameter = part.strip().partition(";")
        language = tag.partition("-")[0]
        if language in weights:
            weights[language] = max(weights[language], _weight(parameter))
    return "en" if weights["en"] > weights["zh"] else "zh-CN"


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
