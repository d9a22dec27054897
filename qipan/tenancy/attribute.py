"""Attributes of a matter: what whoever reports it is asked besides what is wrong and where."""

from dataclasses import dataclass
from enum import StrEnum

from qipan.tenancy.words import Words


class Datatype(StrEnum):
    """What kind of answer is wanted (Open311 GeoReport v2, service definition)."""

    STRING = "string"  # one line
    NUMBER = "number"
    DATETIME = "datetime"  # ISO 8601
    TEXT = "text"  # may have several lines
    ONE_OF = "singlevaluelist"
    SOME_OF = "multivaluelist"


LISTS = frozenset({Datatype.ONE_OF, Datatype.SOME_OF})
"""The kinds of answer that are chosen from a list."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One question. `variable` is false for what is only shown and not answered; `hint` helps to answer.

    `values` are the answers to choose from, by key. Attributes are asked by `order`, 1 first.
    """

    code: str
    description: Words
    datatype: Datatype
    order: int
    required: bool = False
    variable: bool = True
    hint: Words | None = None
    values: tuple[tuple[str, Words], ...] = ()
