"""Workflows as data: what a town may change, what it may not, and how they are drawn."""

import tomllib
from datetime import timedelta

import pytest

from qipan.contracts.case import Stage
from qipan.contracts.errors import Forbidden, IllegalTransition, Invalid
from qipan.contracts.events import CASE_EVENTS
from qipan.tenancy.model import WorkflowModel
from qipan.tenancy.workflow import as_mermaid, as_text, build, faults, limited, standard
from qipan.worktime import Limit
from services.dispatch.clocks import running
from services.dispatch.process import EFFECTS, GUARDS, STANDARD, Do, Process
from services.dispatch.steps import Actor, Brings
from tests.unit.test_dispatch_process import (
    DEADLINES,
    FULL,
    HANDLER,
    INSPECTOR,
    LEADER,
    NOON,
    taken_to,
)

COUNTERSIGNED = """
[stages.countersigning]
name = { zh = "会签中", en = "countersigning" }
phase = "inspected"
limit = "2 hours"

[steps.pass]
to = "countersigning"

[steps.countersign]
name = { zh = "会签", en = "countersign" }
from = ["countersigning"]
to = "inspected"
roles = ["town-lead"]

[steps.object]
name = { zh = "不同意", en = "object" }
from = ["countersigning"]
to = "rework"
roles = ["town-lead"]
guards = ["reason-given"]
"""
TOWN_LEAD = Actor("sandun.town-lead.1", frozenset({"town-lead"}))


def model(text: str) -> WorkflowModel:
    return WorkflowModel.model_validate(tomllib.loads(text))


def process(text: str) -> Process:
    changes = model(text)
    assert faults(changes) == []
    return Process(build(changes))


def disposed():
    return taken_to(Stage.DISPOSED)


def test_every_name_in_the_standard_stands_for_something():
    known = {event.type for event in CASE_EVENTS}
    for row in standard().steps.values():
        assert set(row.guards) <= set(GUARDS)
        assert row.effect is None or row.effect in EFFECTS
        assert row.event in known
    assert {row.id for row in standard().steps.values()} == set(Do)


def test_a_town_without_changes_has_the_districts_process():
    assert build(WorkflowModel()) is standard()


def test_an_own_stage_is_part_of_the_districts_and_has_a_clock_of_its_own():
    own = process(COUNTERSIGNED)
    passed = own.step(disposed(), Do.PASS, INSPECTOR, NOON, DEADLINES)
    assert (passed.stage, passed.own_stage) == (Stage.INSPECTED, "countersigning")
    assert passed.due_at == NOON + timedelta(hours=2)
    with pytest.raises(IllegalTransition) as refused:
        own.step(passed, Do.CLOSE, LEADER, NOON, DEADLINES)
    assert refused.value.context["allowed"]["countersign"] == ["town-lead"]
    signed = own.step(passed, "countersign", TOWN_LEAD, NOON, DEADLINES)
    assert (signed.stage, signed.own_stage, signed.version) == (Stage.INSPECTED, None, passed.version + 1)
    assert own.step(signed, Do.CLOSE, LEADER, NOON, DEADLINES).stage is Stage.CLOSED


def test_an_own_step_into_another_phase_is_the_districts_step_for_that():
    own = process(COUNTERSIGNED)
    passed = own.step(disposed(), Do.PASS, INSPECTOR, NOON, DEADLINES)
    with pytest.raises(Invalid):
        own.step(passed, "object", TOWN_LEAD, NOON, DEADLINES)
    back = own.step(passed, "object", TOWN_LEAD, NOON, DEADLINES, Brings(reason="路面未恢复"))
    assert (back.stage, back.own_stage, back.disposed_at) == (Stage.REWORK, None, None)
    assert back.counters.reworks == passed.counters.reworks + 1
    assert own.steps["object"].event.type == "case.reworked.v1"


def test_an_own_step_keeps_its_phases_guards():
    """Whoever disposed of it cannot send it on, by whatever name."""
    own = process(COUNTERSIGNED)
    passed = own.step(disposed(), Do.PASS, INSPECTOR, NOON, DEADLINES)
    handler_and_lead = Actor(HANDLER.id, frozenset({"town-lead"}))
    with pytest.raises(Forbidden):
        own.step(passed, "object", handler_and_lead, NOON, DEADLINES, FULL)


def test_a_case_in_a_stage_that_was_given_up_goes_on_in_its_phase():
    passed = process(COUNTERSIGNED).step(disposed(), Do.PASS, INSPECTOR, NOON, DEADLINES)
    closed = STANDARD.step(passed, Do.CLOSE, LEADER, NOON, DEADLINES)
    assert (closed.stage, closed.own_stage) == (Stage.CLOSED, None)


def test_an_own_stage_without_a_limit_goes_on_with_its_phases_clock():
    own = process("""
[stages.on-site]
name = { zh = "已到场", en = "on site" }
phase = "accepted"
[steps.reach]
from = ["accepted"]
to = "on-site"
roles = ["handler"]
[steps.dispose]
from = ["accepted", "on-site", "rework"]
""")
    accepted = taken_to(Stage.ACCEPTED)
    later = NOON + timedelta(minutes=5)
    there = own.step(accepted, "reach", HANDLER, later, DEADLINES)
    assert (there.stage, there.own_stage, there.due_at) == (Stage.ACCEPTED, "on-site", accepted.due_at)
    assert running(there) == running(accepted)
    assert own.step(there, Do.DISPOSE, HANDLER, later, DEADLINES, FULL).stage is Stage.DISPOSED
    assert own.step(there, Do.VOID, LEADER, later, DEADLINES, FULL).stage is Stage.VOIDED


STAGE = '[stages.x]\nname = { zh = "某", en = "x" }\nphase = "inspected"\n'


@pytest.mark.parametrize(
    ("text", "key", "what"),
    [
        ('[stages.filed]\nname = { zh = "某", en = "x" }\nphase = "filed"', "stages.filed", "district's"),
        (STAGE, "stages.x", "no step leads there"),
        (STAGE + '[steps.pass]\nto = "x"', "stages.x", "ever closed"),
        ('[steps.pass]\nroles = ["handler"]', "steps.pass.roles", "no right"),
        ('[steps.close]\nroles = ["dispatcher"]', "steps.close.roles", "no right"),
        ("[steps.close]\nroles = []", "steps.close.roles", "nobody"),
        ('[steps.dispose]\nto = "inspected"', "steps.dispose.to", "another phase"),
        ('[steps.close]\nfrom = ["disposed"]', "steps.close.from", "no phase"),
        ('[steps.pass]\nto = "nowhere"', "steps.pass.to", "no stage"),
        ('[steps.pass]\nguards = ["luck"]', "steps.pass.guards", "no guard"),
        ('[steps.rate]\nroles = ["town-lead"]', "steps.rate", "system's own"),
        (
            '[steps.skip]\nfrom = ["disposed"]\nto = "closed"\nroles = ["town-lead"]',
            "steps.skip.to",
            "no step",
        ),
        (
            '[steps.skip]\nfrom = ["accepted"]\nto = "disposed"\nroles = ["handler"]',
            "steps.skip.to",
            "no step",
        ),
        ('[steps.x]\nfrom = ["filed"]\nto = "filed"\nroles = ["king"]', "steps.x.roles", "no role"),
        ('[steps.x]\nfrom = ["filed"]\nto = "filed"', "steps.x.roles", "somebody"),
        ('[steps.x]\nto = "filed"\nroles = ["dispatcher"]', "steps.x.from", "begins somewhere"),
        ('[steps.x]\nfrom = ["filed"]\nroles = ["dispatcher"]', "steps.x.to", "leads somewhere"),
        (
            '[steps.x]\nfrom = ["disposed", "inspected"]\nto = "inspected"\nroles = ["supervisor"]',
            "steps.x.from",
            "one step for each",
        ),
    ],
)
def test_what_a_town_may_not_change(text: str, key: str, what: str):
    found = faults(model(text))
    if what == "one step for each":
        assert any(".".join(where) == key and allowed == what for where, _, allowed in found), found
        return
    assert any(".".join(where) == key and what in said for where, said, _ in found), found


def test_the_drawing_shows_every_stage_and_step():
    drawn = as_mermaid(build(model(COUNTERSIGNED)))
    assert "countersigning : 会签中 (inspected)" in drawn
    assert "disposed --> countersigning" in drawn
    assert "countersigning --> rework : 不同意 (town-lead)" in drawn
    assert "closed --> [*]" in drawn
    listed = as_text(standard(), "en")
    assert all(f"[{row.id}]" in listed for row in standard().steps.values())
    assert "any open stage → voided" in listed


def test_a_tenants_setting_limits_the_districts_own_stage():
    assert limited(standard(), {}) is standard()
    shorter = limited(standard(), {"dispatch.arbitration-limit": "4 hours"})
    assert shorter.stages["arbitration"].limit == Limit.parse("4 hours")
    assert standard().stages["arbitration"].limit == Limit.parse("2 work-days")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('[steps.allow-return]\nroles = ["arbiter"]', "arbiter's step"),
        (
            '[steps.x]\nfrom = ["arbitration"]\nto = "returned"\nroles = ["dispatcher"]',
            "district's arbiter alone",
        ),
    ],
)
def test_no_town_takes_the_arbiters_place(text: str, what: str):
    assert any(what in said for _, said, _ in faults(model(text)))
