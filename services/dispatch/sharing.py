"""Sharing out what waits: each case's own choice first, then all of them matched with workers as a whole."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from services.dispatch import matching
from services.dispatch.change import Stored
from services.dispatch.choosing import Choice, Situation
from services.dispatch.filing import Compute
from services.dispatch.recommending import recommend


@dataclass(frozen=True, slots=True)
class Waiting:
    """A case that waits, and the situation that it is in."""

    stored: Stored
    situation: Situation


@dataclass(frozen=True, slots=True)
class Shared:
    """Who is to take a case; `choice` None: nobody can, and `why` says so."""

    waiting: Waiting
    choice: Choice | None
    why: str = ""


def share_out(
    waiting: Sequence[Waiting], choose: Callable[[Situation], Choice | None], compute: Compute
) -> list[Shared]:
    """Who is to take each, in the same order. The cases are one tenant's, and so are the loads of the first.

    `choose` is the town's own rule; whom it leaves no alternative to is not moved.
    """
    if not waiting:
        return []
    before = waiting[0].situation.loads
    loads, found = dict(before), []
    for one in waiting:
        policy = replace(one.situation.policy, together=True)
        situation = replace(one.situation, loads=loads, policy=policy)
        choice = choose(situation)
        why = "" if choice is not None else recommend(situation, None).why
        if choice is not None and choice.worker is not None:
            loads[choice.worker] = loads.get(choice.worker, 0) + 1
        found.append(Shared(one, choice, why))
    return _matched(found, before, compute)


def _matched(found: list[Shared], before: Mapping[str, int], compute: Compute) -> list[Shared]:
    movable = {
        index: shared.choice
        for index, shared in enumerate(found)
        if shared.choice is not None and shared.choice.seats
    }
    if not movable:
        return found
    matching.load()
    fixed = dict(before)
    for index, shared in enumerate(found):
        worker = shared.choice.worker if shared.choice is not None and index not in movable else None
        if worker is not None:
            fixed[worker] = fixed.get(worker, 0) + 1
    minutes, choices = found[0].waiting.situation.policy.load_minutes, list(movable.values())
    matched = compute(lambda: matching.rematched(choices, fixed, minutes))
    result = list(found)
    for index, choice in zip(movable, matched, strict=True):
        result[index] = replace(found[index], choice=choice)
    return result
