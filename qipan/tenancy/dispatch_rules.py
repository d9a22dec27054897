"""Whom a town asks first, and what a matter takes: the rules and run cards of its pack, as services see them."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import time

from qipan.tenancy.condition import Condition, Hours
from qipan.tenancy.dispatch_model import ConditionModel, DispatchModel
from qipan.tenancy.model import TownFile
from qipan.worktime import Limit

LIMITED = ("dispatch", "accept", "dispose", "inspect", "close")
"""The clocks for which a rule may say how long they run."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Where `when` holds, `unit` (its whole id) or `department` is asked.

    Only workers with all of `skills`, and with fewer than `most_each` open cases (0: any number), come into
    question; when there is none the next rule decides.
    """

    id: str
    when: Condition
    priority: int = 0
    unit: str | None = None
    department: str | None = None
    skills: frozenset[str] = frozenset()
    most_each: int = 0


@dataclass(frozen=True, slots=True)
class CrewLine:
    """So many workers of a unit or department, with these skills; one line of a card is the lead (主办)."""

    lead: bool
    number: int
    unit: str | None = None
    department: str | None = None
    skills: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RunCard:
    """What a matter takes where `when` holds: the lead's line first."""

    id: str
    when: Condition
    crew: tuple[CrewLine, ...]
    priority: int = 0


@dataclass(frozen=True, slots=True)
class LimitRule:
    """How long stages may take where `when` holds, by the name of their clock."""

    id: str
    when: Condition
    limits: Mapping[str, Limit]
    priority: int = 0


@dataclass(frozen=True, slots=True)
class DispatchRules:
    """A town's rules, run cards and limits under conditions, each in the order in which they are looked through.

    The highest priority goes first; of equals the one with the narrowest condition, then the first by name.
    """

    rules: tuple[Rule, ...] = ()
    cards: tuple[RunCard, ...] = ()
    limits: tuple[LimitRule, ...] = ()


NO_RULES = DispatchRules()


def build(town: str, written: DispatchModel) -> DispatchRules:
    """The rules of a town. `written` must have no `faults`."""
    rules = (
        Rule(
            id,
            _condition(rule),
            rule.priority,
            f"{town}/{rule.unit}" if rule.unit else None,
            rule.department,
            frozenset(rule.skills),
            rule.most_each,
        )
        for id, rule in written.rules.items()
    )
    cards = (
        RunCard(
            id,
            _condition(card),
            tuple(
                CrewLine(
                    line.role == "lead",
                    line.number,
                    f"{town}/{line.unit}" if line.unit else None,
                    line.department,
                    frozenset(line.skills),
                )
                for line in sorted(card.crew, key=lambda line: line.role != "lead")
            ),
            card.priority,
        )
        for id, card in written.cards.items()
    )
    limits = (
        LimitRule(
            id,
            _condition(rule),
            {clock: Limit.parse(text) for clock in LIMITED if (text := getattr(rule, clock))},
            rule.priority,
        )
        for id, rule in written.limits.items()
    )
    return DispatchRules(
        tuple(sorted(rules, key=_order)), tuple(sorted(cards, key=_order)), tuple(sorted(limits, key=_order))
    )


Finding = tuple[tuple[str, ...], str, str]
"""Where in the town's pack, what is wrong, and what is allowed."""


def faults(
    town: TownFile, departments: Collection[str], matters: Collection[str], layers: Collection[str]
) -> Iterator[Finding]:
    """What in a town's rules, run cards and units' skills speaks of something that is not there."""
    skills = {skill for unit in town.units.values() for skill in (*unit.skills, *unit.specialists)}
    for id, unit in town.units.items():
        for skill, numbers in unit.specialists.items():
            if any(not 1 <= number <= unit.handlers for number in numbers):
                yield (
                    ("units", id, "specialists", skill),
                    "names a handler whom the unit does not have",
                    f"1 to {unit.handlers}",
                )
    for id, rule in town.dispatch.rules.items():
        key = ("dispatch", "rules", id)
        yield from _asked(key, rule.unit, rule.department, town, departments)
        yield from _skilled((*key, "skills"), rule.skills, skills)
        yield from _conditions(key, rule, matters, layers)
    for id, card in town.dispatch.cards.items():
        yield from _conditions(("dispatch", "cards", id), card, matters, layers)
        for line in card.crew:
            crew = ("dispatch", "cards", id, "crew")
            yield from _asked(crew, line.unit, line.department, town, departments)
            yield from _skilled(crew, line.skills, skills)
    for id, limit in town.dispatch.limits.items():
        yield from _conditions(("dispatch", "limits", id), limit, matters, layers)
    for code, matter in town.matters.items():
        yield from _skilled(("matters", code, "skills"), matter.skills, skills)


def _asked(
    key: tuple[str, ...],
    unit: str | None,
    department: str | None,
    town: TownFile,
    departments: Collection[str],
) -> Iterator[Finding]:
    if unit is not None and unit not in town.units:
        yield key, f"there is no unit {unit!r} in {town.id}", ", ".join(sorted(town.units))
    if department is not None and department not in departments:
        yield key, f"there is no department {department!r}", ", ".join(sorted(departments))


def _skilled(key: tuple[str, ...], wanted: Collection[str], known: Collection[str]) -> Iterator[Finding]:
    for skill in wanted:
        if skill not in known:
            yield key, f"no unit has the skill {skill!r}", ", ".join(sorted(known)) or "none is named"


def _conditions(
    key: tuple[str, ...], written: ConditionModel, matters: Collection[str], layers: Collection[str]
) -> Iterator[Finding]:
    for pattern in written.matters:
        known = (
            any(code.startswith(pattern[:-1]) for code in matters)
            if pattern.endswith("*")
            else pattern in matters
        )
        if not known:
            yield (*key, "matters"), f"no matter here is {pattern!r}", "a code, or the beginning of one and *"
    for layer in written.cells:
        if layer not in layers:
            yield (*key, "cells"), f"there is no layer {layer!r}", ", ".join(sorted(layers))


def _order(entry: Rule | RunCard | LimitRule) -> tuple[object, ...]:
    kinds, exact = entry.when.narrowness
    return (-entry.priority, -kinds, -exact, entry.id)


def _condition(written: ConditionModel) -> Condition:
    return Condition(
        matters=tuple(written.matters),
        cells={layer: tuple(codes) for layer, codes in written.cells.items()},
        severities=frozenset(written.severities),
        channels=frozenset(written.channels),
        hours=tuple(_hours(text) for text in written.hours),
        mode=written.mode,
    )


def _hours(text: str) -> Hours:
    start, _, end = text.partition("-")
    return time.fromisoformat(start), time.fromisoformat(end)
