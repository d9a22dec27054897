"""What the harness knows from outside about a run, and what the product must therefore hold: figures, no more."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.command_ledger import commands, without_effect
from tests.faults.house import House

_HISTORY = """
SELECT tenant, case_id, version, what, who FROM dispatch.history WHERE case_id = ANY(%s)
"""
_STEPS_TWICE = """
SELECT count(*) FROM (
    SELECT 1 FROM dispatch.history WHERE message_id IS NOT NULL
    GROUP BY tenant, case_id, message_id, what HAVING count(*) > 1
) AS twice
"""
_TAKEN_BY_THE_SQUAD = """
SELECT count(*) FROM dispatch.history WHERE what = 'accept' AND who LIKE 'squad@%'
"""
_OF_GAUGES = "SELECT text FROM intake.reports WHERE text LIKE '%faults-gauge-%'"
_GAUGE = re.compile(r"faults-gauge-\d+")
_DEAD = "SELECT message_id FROM steward.dead_letters WHERE state = 'open'"
_MAILS = "SELECT key, state FROM notify.deliveries"
REPEATS_A_MAIL = ("kill notify", "kill the database")
"""Faults between a server's taking a mail and notify's writing that down: each may repeat the one being sent."""


@dataclass
class Evidence:
    """`poisoned`: ids of messages that must be dead; `struck`: how often each fault struck; `flooded`: gauges
    whose reading was acknowledged; `commands`: the ledger of what people were told was done."""

    poisoned: set[str] = field(default_factory=set)
    struck: Counter[str] = field(default_factory=Counter)
    flooded: list[str] = field(default_factory=list)
    commands: Path | None = None


def of_poison(house: House, evidence: Evidence) -> dict[str, Any]:
    """Each poisoned message is dead, and nothing else is: matched by message id, so that neither hides the other."""
    dead = [message_id for (message_id,) in house.rows(_DEAD)]
    return {
        "poisoned": len(evidence.poisoned),
        "dead_letters": len(dead),
        "poison_lost": len(evidence.poisoned - set(dead)),
        "dead_letters_unaccounted": sum(message_id not in evidence.poisoned for message_id in dead),
    }


def of_people(house: House, evidence: Evidence) -> dict[str, Any]:
    """Every command that was answered with success is in its case's history, at the version answered, once."""
    done = list(commands(evidence.commands)) if evidence.commands else []
    history = {
        (tenant, case_id, version): (what, who)
        for tenant, case_id, version, what, who in house.rows(_HISTORY, [each.case_id for each in done])
    }
    missing = without_effect(iter(done), history)
    for each in missing[:20]:
        print(f"  without effect: {each}; {history.get((each.tenant, each.case_id, each.version))}")
    return {
        "commands_answered": len(done),
        "commands_without_effect": len(missing),
        "steps_taken_twice": house.rows(_STEPS_TWICE)[0][0],
        "by_step": dict(Counter(each.step for each in done).most_common()),
    }


def of_tenants_services(house: House, evidence: Evidence) -> dict[str, Any]:
    """What the flood watch and the police's squad made of what they heard, however often they were killed."""
    times = Counter(name for (text,) in house.rows(_OF_GAUGES) for name in _GAUGE.findall(text))
    return {
        "floods": len(evidence.flooded),
        "floods_unreported": sum(not times[name] for name in evidence.flooded),
        "floods_reported_twice": sum(count > 1 for count in times.values()),
        "taken_by_the_squad": house.rows(_TAKEN_BY_THE_SQUAD)[0][0],
    }


def of_mail(house: House, evidence: Evidence) -> dict[str, Any]:
    """What the mail server took against what notify says of it; what still waits for the slow server is not due."""
    before = dict(house.office.taken)
    states = dict(house.rows(_MAILS))
    return mails(
        before, dict(house.office.taken), states, sum(evidence.struck[each] for each in REPEATS_A_MAIL)
    )


def mails(
    before: Mapping[str, int], after: Mapping[str, int], states: Mapping[str, str], repeats: int
) -> dict[str, int]:
    """Pure. `before` and `after` are what the server had taken around the moment at which `states` were read."""
    repeated = sum(count - 1 for count in after.values())
    return {
        "mails_taken": len(before),
        "mails_lost": sum(state == "accepted" and key not in after for key, state in states.items()),
        "mails_of_nobody": sum(key not in states for key in before),
        "mails_repeated": repeated,
        "mails_repeated_beyond": max(0, repeated - repeats),
    }
