"""What a client answers to a matter's attributes: `attribute[code]=…`, `attribute[code][]=…`."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from qipan.tenancy.attribute import LISTS, Attribute, Datatype
from services.intake.open311.jurisdiction import Params
from services.intake.open311.refusals import Trouble, trouble

LONGEST_LINE = 300
LONGEST_TEXT = 2000

_NAMED = re.compile(r"attribute\[([^\[\]]*)\](\[\])?")

Answers = Mapping[str, tuple[str, ...]]
"""The answers given, by attribute; one of several values only where several may be chosen."""


def given(form: Params) -> dict[str, tuple[str, ...]]:
    """The answers in a form that are not empty; the same attribute may be named with and without `[]`."""
    found: dict[str, tuple[str, ...]] = {}
    for name, values in form.items():
        named = _NAMED.fullmatch(name)
        filled = tuple(value.strip() for value in values if value.strip())
        if named is not None and filled:
            found[named[1]] = (*found.get(named[1], ()), *filled)
    return found


def troubles(answers: Answers, attributes: Sequence[Attribute]) -> Iterator[Trouble]:
    """Everything that is wrong with the answers to these attributes."""
    asked = {attribute.code: attribute for attribute in attributes if attribute.variable}
    for code in answers:
        if code not in asked:
            known = ", ".join(asked) or "-"
            yield trouble(
                f"attribute[{code[:60]}]：没有这个属性（可用：{known}）",
                f"attribute[{code[:60]}]: there is no such attribute (allowed: {known})",
            )
    for code, attribute in asked.items():
        values = answers.get(code, ())
        if not values:
            if attribute.required:
                yield trouble(f"attribute[{code}]：必填", f"attribute[{code}]: is required")
            continue
        if len(values) > 1 and attribute.datatype is not Datatype.SOME_OF:
            yield trouble(f"attribute[{code}]：只能有一个值", f"attribute[{code}]: takes one value only")
        for value in values:
            wrong = _wrong(value, attribute)
            if wrong is not None:
                zh, en = wrong
                yield trouble(f"attribute[{code}]：{zh}", f"attribute[{code}]: {en}")


def told(answers: Answers, attributes: Sequence[Attribute]) -> list[str]:
    """The answers as lines for whoever handles the matter, in the order of the questions."""
    lines = []
    for attribute in attributes:
        values = answers.get(attribute.code, ())
        if values:
            names = {key: words.zh for key, words in attribute.values}
            lines.append(f"{attribute.description.zh}：{'、'.join(names.get(one, one) for one in values)}")
    return lines


def _wrong(value: str, attribute: Attribute) -> tuple[str, str] | None:
    kind = attribute.datatype
    if kind in LISTS:
        keys = [key for key, _ in attribute.values]
        if value in keys:
            return None
        allowed = ", ".join(keys)
        return f"不能是 {value[:60]!r}（可用：{allowed}）", f"cannot be {value[:60]!r} (allowed: {allowed})"
    if kind is Datatype.NUMBER:
        return None if _is_number(value) else ("必须是数", "must be a number")
    if kind is Datatype.DATETIME:
        return (
            None if _is_date(value) else ("必须是日期或时间（ISO 8601）", "must be a date or time (ISO 8601)")
        )
    longest = LONGEST_TEXT if kind is Datatype.TEXT else LONGEST_LINE
    if len(value) > longest:
        return f"最多 {longest} 个字符", f"may have {longest} characters at most"
    if kind is Datatype.STRING and len(value.splitlines()) > 1:
        return "不能换行", "cannot have line breaks"
    return None


def _is_number(value: str) -> bool:
    try:
        return "_" not in value and math.isfinite(float(value))
    except ValueError:
        return False


def _is_date(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True
