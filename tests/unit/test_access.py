"""Rights: denied by default, and each wall between tenants, departments, the district and exercises."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qipan.access import Principal, Role, Scope, allow, authorise, rule_for
from qipan.contracts import commands, figures, mandates, queries
from qipan.contracts.base import requests
from qipan.contracts.errors import Forbidden, NotFound, Unauthenticated


@dataclass(frozen=True)
class Kind:
    kind: str


@dataclass(frozen=True)
class District:
    id: str
    tenants: dict[str, Kind]


DISTRICT = District(
    "xihu",
    {
        "xihu": Kind("district"),
        "sandun": Kind("town"),
        "xixi": Kind("town"),
        "traffic-police": Kind("department"),
    },
)
ACCEPT, CLOSE, GET = commands.AcceptTask.type, commands.CloseCase.type, queries.GetCase.type


def somebody(
    tenant: str, *roles: Role, units: set[str] = frozenset(), cells: set[str] = frozenset()
) -> Principal:
    return Principal(
        sub="p1",
        name="甲",
        tenant=tenant,
        roles=frozenset(roles),
        units=frozenset(units),
        cells=frozenset(cells),
    )


PUBLIC = {"done.list.v1"}
ASKED = sorted(requests().keys() - PUBLIC)


def test_only_what_is_public_asks_for_nobody() -> None:
    assert {action for action in requests() if rule_for(action).everyone} == PUBLIC
    assert authorise(None, "done.list.v1", "sandun", DISTRICT).settled


@pytest.mark.parametrize("action", ASKED)
def test_every_request_has_a_rule_and_refuses_nobody_and_a_stranger(action: str) -> None:
    rule = rule_for(action)
    assert rule is not None
    assert rule.scopes
    with pytest.raises(Unauthenticated):
        authorise(None, action, "sandun", DISTRICT)
    stranger = somebody("sandun", *(set(Role) - set(rule.scopes)))
    with pytest.raises(Forbidden):
        authorise(stranger, action, "sandun", DISTRICT)


@pytest.mark.parametrize("action", ASKED)
def test_every_request_can_be_done_by_each_role_named(action: str) -> None:
    for role, scope in rule_for(action).scopes.items():
        grant = authorise(somebody("sandun", role), action, "sandun", DISTRICT)
        assert grant.scopes == {scope}


def test_an_action_that_nobody_spoke_of_is_denied() -> None:
    with pytest.raises(Forbidden):
        authorise(somebody("xihu", *Role), "case.burn.v1", "sandun", DISTRICT)


@given(role=st.sampled_from(Role), action=st.sampled_from(ASKED))
def test_a_towns_principal_reaches_no_other_town(role: Role, action: str) -> None:
    try:
        grant = authorise(somebody("xixi", role), action, "sandun", DISTRICT)
    except Forbidden:
        return
    assert grant.scopes == {Scope.DISTRICT}
    open_to_all = (
        queries.GetBoard,
        queries.Who,
        mandates.WhoMayHandle,
        mandates.ListMandates,
        figures.ListIndicators,
        figures.GetFigures,
        figures.GetLeague,
        figures.ExplainScore,
    )
    assert action in {kind.type for kind in open_to_all}


@given(
    role=st.sampled_from(Role),
    action=st.sampled_from(ASKED),
    home=st.sampled_from(["sandun", "xihu", "traffic-police"]),
)
def test_an_exercise_and_real_life_never_meet(role: Role, action: str, home: str) -> None:
    for principal, tenant in ((home, "sandun~ex7"), (f"{home}~ex7", "sandun"), (f"{home}~ex8", "sandun~ex7")):
        with pytest.raises(Forbidden):
            authorise(somebody(principal, role), action, tenant, DISTRICT)


def test_an_exercises_district_acts_in_its_own_towns() -> None:
    grant = authorise(somebody("xihu~ex7", Role.SHIFT_LEADER), CLOSE, "sandun~ex7", DISTRICT)
    assert grant.settled


def test_the_district_acts_in_its_towns_and_a_town_does_not_in_the_district() -> None:
    assert authorise(somebody("xihu", Role.SHIFT_LEADER), CLOSE, "sandun", DISTRICT).settled
    with pytest.raises(Forbidden):
        authorise(somebody("sandun", Role.SHIFT_LEADER), CLOSE, "xihu", DISTRICT)


def test_where_a_town_has_nobody_the_districts_own_people_may_and_the_grant_says_so() -> None:
    action = commands.DecideReport.type
    grant = authorise(somebody("xihu", Role.DISPATCHER), action, "sandun", DISTRICT)
    assert (grant.from_above, grant.scopes) == (True, {Scope.DISTRICT})
    assert not authorise(somebody("xihu", Role.ACCEPTOR), action, "sandun", DISTRICT).from_above
    assert authorise(somebody("xihu~ex7", Role.DISPATCHER), action, "sandun~ex7", DISTRICT).from_above
    for home in ("sandun", "xixi", "traffic-police", "xihu~ex7"):
        with pytest.raises(Forbidden):
            authorise(somebody(home, Role.DISPATCHER), action, "sandun", DISTRICT)


def test_an_unknown_tenant_is_not_found_but_only_for_somebody() -> None:
    with pytest.raises(NotFound):
        authorise(somebody("xihu", Role.SHIFT_LEADER), CLOSE, "atlantis", DISTRICT)
    with pytest.raises(Unauthenticated):
        authorise(None, CLOSE, "atlantis", DISTRICT)


def test_a_department_reaches_only_what_is_assigned_to_it() -> None:
    squad = somebody("traffic-police", Role.HANDLER, units={"traffic-police/squad"})
    grant = authorise(squad, ACCEPT, "sandun", DISTRICT)
    assert not grant.settled
    grant.require(unit="traffic-police/squad")
    with pytest.raises(Forbidden):
        grant.require(unit="sandun/sweep", department="traffic-police")
    chief = somebody("traffic-police", Role.SUPERVISOR)
    seen = authorise(chief, GET, "sandun", DISTRICT)
    assert seen.allows(department="traffic-police")
    assert not seen.allows(department="water")
    with pytest.raises(Forbidden):
        authorise(somebody("traffic-police", Role.SHIFT_LEADER), CLOSE, "sandun", DISTRICT)


def test_a_right_over_a_tenant_ends_at_that_tenant() -> None:
    leader = authorise(somebody("traffic-police", Role.SHIFT_LEADER), CLOSE, "traffic-police", DISTRICT)
    assert leader.allows(tenant="traffic-police")
    assert not leader.allows(tenant="sandun")
    assert authorise(somebody("xihu", Role.SHIFT_LEADER), CLOSE, "traffic-police", DISTRICT).allows(
        tenant="sandun"
    )


def test_a_narrow_grant_is_unsettled_until_it_is_asked() -> None:
    grant = authorise(somebody("sandun", Role.HANDLER, units={"sandun/sweep"}), ACCEPT, "sandun", DISTRICT)
    assert not grant.settled
    grant.require(unit="sandun/sweep")
    assert grant.settled


def test_cells_and_ownership() -> None:
    worker = somebody("sandun", Role.GRID_WORKER, cells={"c1"})
    inspect = authorise(worker, commands.InspectCase.type, "sandun", DISTRICT)
    assert inspect.allows(cells=("c1", "beat-4"))
    assert not inspect.allows(cells=("c2",))
    own = authorise(worker, commands.MarkRead.type, "sandun", DISTRICT)
    assert own.allows(owner="p1")
    assert not own.allows(owner="p2")


def test_a_list_is_narrowed_to_the_reach() -> None:
    both = somebody("sandun", Role.GRID_WORKER, Role.HANDLER, units={"u"}, cells={"c"})
    reach = authorise(both, queries.ListWork.type, "sandun", DISTRICT).reach()
    assert (reach.everything, reach.units, reach.cells) == (False, {"u"}, {"c"})
    lead = authorise(somebody("sandun", Role.TOWN_LEAD), queries.ListWork.type, "sandun", DISTRICT).reach()
    assert lead.everything


def test_a_tenants_own_actions_can_be_allowed_but_the_cores_cannot() -> None:
    allow("sandun.gate.open.v1", {Role.OPERATOR: Scope.TENANT})
    assert authorise(somebody("sandun", Role.OPERATOR), "sandun.gate.open.v1", "sandun", DISTRICT).settled
    with pytest.raises(ValueError, match="core decides"):
        allow(CLOSE, {Role.CITIZEN: Scope.TENANT})
