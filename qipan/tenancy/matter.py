"""Matters: what can be wrong, who sees to it, and how long it may take."""

from dataclasses import dataclass
from enum import StrEnum

from qipan.tenancy.attribute import Attribute
from qipan.tenancy.words import Words
from qipan.worktime import Limit


class Severity(StrEnum):
    """How much harm a matter does while it stands."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long each stage may take."""

    accept: Limit
    dispose: Limit
    inspect: Limit


@dataclass(frozen=True, slots=True)
class Matter:
    """One matter (事项) as it holds in one tenant.

    `code` is the standard's (`s:06010`) or lies in a namespace of its own (`x-xihu:em:00001`). A
    `self_disposable` one may be settled by the grid worker on the spot (自处置); one to
    `verify` is looked at by the grid worker before it is filed (核实). `source` says where the
    limits come from. `attributes` are what a reporter is asked about it, in order; `skills` what whoever sees to
    it must be able to do. What is `coercive` takes powers that are never delegated: only a stationed unit acts.
    """

    code: str
    name: Words
    department: str
    limits: Limits
    severity: Severity
    self_disposable: bool
    keywords_zh: tuple[str, ...]
    keywords_en: tuple[str, ...]
    source: str
    attributes: tuple[Attribute, ...] = ()
    verify: bool = False
    skills: frozenset[str] = frozenset()
    coercive: bool = False
