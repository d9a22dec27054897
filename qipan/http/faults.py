"""What is wrong with a body, field by field, in words for the person who sent it."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import ErrorDetails

from qipan.contracts.errors import Fault, Invalid
from qipan.http.errors import NotFinite, TooLong, UnknownField
from qipan.http.language import Language

_WORDS: Mapping[str, tuple[str, str]] = {
    "missing": ("缺少必填字段", "is required"),
    "extra_forbidden": ("未知字段", "is not a known field"),
    "finite_number": ("必须是有限数", "must be a finite number"),
    "string_too_long": ("文字过长", "is too long"),
    "string_too_short": ("文字过短", "is too short"),
    "string_type": ("必须是文字", "must be text"),
    "string_pattern_mismatch": ("格式不对", "does not have the right form"),
    "string_unicode": ("不是有效的 Unicode 文字", "is not valid Unicode text"),
    "float_type": ("必须是数", "must be a number"),
    "float_parsing": ("必须是数", "must be a number"),
    "int_type": ("必须是整数", "must be a whole number"),
    "int_parsing": ("必须是整数", "must be a whole number"),
    "int_from_float": ("必须是整数", "must be a whole number"),
    "bool_type": ("必须是 true 或 false", "must be true or false"),
    "bool_parsing": ("必须是 true 或 false", "must be true or false"),
    "greater_than": ("数值过小", "is too small"),
    "greater_than_equal": ("数值过小", "is too small"),
    "less_than": ("数值过大", "is too large"),
    "less_than_equal": ("数值过大", "is too large"),
    "too_short": ("项数过少", "has too few items"),
    "too_long": ("项数过多", "has too many items"),
    "tuple_type": ("必须是列表", "must be a list"),
    "list_type": ("必须是列表", "must be a list"),
    "model_type": ("必须是对象", "must be an object"),
    "dict_type": ("必须是对象", "must be an object"),
    "literal_error": ("不是允许的取值", "is not one of the values allowed"),
    "enum": ("不是允许的取值", "is not one of the values allowed"),
    "datetime_from_date_parsing": ("不是日期时间（RFC 3339）", "is not a date and time (RFC 3339)"),
    "datetime_parsing": ("不是日期时间（RFC 3339）", "is not a date and time (RFC 3339)"),
    "datetime_type": ("不是日期时间（RFC 3339）", "is not a date and time (RFC 3339)"),
    "timezone_aware": ("日期时间缺少时区", "lacks a time zone"),
    "nul": ("含有不允许的 NUL 字符", "contains the NUL character, which is not allowed"),
}

_KINDS: Mapping[str, type[Invalid]] = {
    "extra_forbidden": UnknownField,
    "string_too_long": TooLong,
    "finite_number": NotFinite,
}


def refusal(errors: Sequence[ErrorDetails], language: Language) -> Invalid:
    """The error that lists all of pydantic's findings; of a kind of its own when all are of that kind."""
    kinds = {_KINDS.get(error["type"], Invalid) for error in errors}
    kind = kinds.pop() if len(kinds) == 1 else Invalid
    return kind(faults=tuple(_fault(error, language) for error in errors))


def nul_refusal(where: str, language: Language) -> Invalid:
    """The error for a text with a NUL character, which PostgreSQL cannot store."""
    return Invalid(faults=(Fault(where=where, what=_words("nul", language) or ""),))


def _fault(error: ErrorDetails, language: Language) -> Fault:
    where = ".".join(str(step) for step in error["loc"]) or "(body)"
    what = _words(error["type"], language) or error["msg"]
    return Fault(where=where, what=what, allowed=_allowed(error.get("ctx", {})))


def _words(kind: str, language: Language) -> str | None:
    pair = _WORDS.get(kind)
    return None if pair is None else pair[language == "en"]


def _allowed(context: Mapping[str, Any]) -> str | None:
    for key, sign in (
        ("max_length", "≤ "),
        ("min_length", "≥ "),
        ("le", "≤ "),
        ("ge", "≥ "),
        ("lt", "< "),
        ("gt", "> "),
    ):
        if key in context:
            return f"{sign}{context[key]}"
    if "expected" in context:
        return str(context["expected"])
    return context.get("pattern")
