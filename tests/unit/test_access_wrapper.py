"""The wrapper in front of every service: each request refuses whoever must not, and lets in who may.

The requests come from the contracts' registry, so that a new one is under test as soon as it exists.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel

from qipan.access import Principal, Role, Scope, Signer, Verifier, new_keys, rule_for
from qipan.contracts.base import Request
from qipan.contracts.envelope import Envelope
from qipan.contracts.errors import DeadlineExceeded, Forbidden, NotFound, Unauthenticated
from qipan.messaging.received import Received
from qipan.messaging.serving import Answering, carry_out
from services.analytics.service import Analytics
from services.dispatch.service import Dispatch
from services.intake.service import Intake
from services.notify.service import Notify
from tests.contract.golden_samples import data, kinds

ALL = {type: kind for type, kind in sorted(kinds().items()) if issubclass(kind, Request)}
REQUESTS = {type: kind for type, kind in ALL.items() if not rule_for(type).everyone}
SIGNING, VERIFY = new_keys()
SIGNER, FORGER, VERIFIER = Signer(SIGNING), Signer(new_keys()[0]), Verifier(VERIFY)
DATA = {type: kind.model_validate(data(kind)) for type, kind in REQUESTS.items()}
TENANTS = {
    "xihu": SimpleNamespace(kind="district"),
    "sandun": SimpleNamespace(kind="town"),
    "xixi": SimpleNamespace(kind="town"),
    "traffic-police": SimpleNamespace(kind="department"),
}
MINE = {"unit": "u1", "owner": "p1", "department": "traffic-police", "cells": ("c1",)}
THEIRS = {"unit": "u2", "owner": "p2", "department": "water", "cells": ("c2",)}


class Ran(Exception):
    """The method ran: everything before it let the call through."""


class Nothing(BaseModel):
    """An answer."""


def call(
    type: str,
    token: str | None,
    *,
    tenant: str = "sandun",
    thing: dict[str, Any] | None = None,
    asks: bool = True,
    needed: bool | None = None,
    deadline: datetime | None = None,
) -> None:
    """Carry out one call with a method that asks about `thing` and then says that it ran."""

    def run(_work: object, received: Received[Any]) -> BaseModel:
        if needed is not None:
            received.grant.require_need(needed=needed)
            return Nothing()
        if asks:
            received.grant.require(**(thing or MINE))
            raise Ran
        return Nothing()

    process = SimpleNamespace(
        service="test",
        verifier=VERIFIER,
        district=SimpleNamespace(id="xihu", tenants=TENANTS),
        database=None,
    )
    kind = REQUESTS[type]
    envelope = Envelope[kind].model_construct(
        id="1",
        type=type,
        source="test",
        tenant=tenant,
        principal=token,
        subject=None,
        time=datetime.now(UTC),
        traceparent=None,
        deadline=deadline,
        data=DATA[type],
    )
    carry_out(process, {type: Answering(kind, run)}, envelope)


def principal(tenant: str, *roles: Role) -> Principal:
    return Principal(
        sub="p1",
        name="甲",
        tenant=tenant,
        roles=frozenset(roles),
        units=frozenset({"u1"}),
        cells=frozenset({"c1"}),
    )


@cache
def token(
    tenant: str, *roles: Role, signer: Signer = SIGNER, seconds: float = 86_400, aud: str = "qipan"
) -> str:
    return signer.token(replace(principal(tenant, *roles), aud=aud), seconds)


def grants(type: str) -> list[Role]:
    return sorted(rule_for(type).scopes)


def test_each_role_named_may_do_it_with_its_own() -> None:
    """The positive control of every refusal below. `department` scopes are a department's own."""
    for type in REQUESTS:
        for role in grants(type):
            home = "traffic-police" if rule_for(type).scopes[role] is Scope.DEPARTMENT else "sandun"
            with pytest.raises(Ran):
                call(type, token(home, role))


def test_a_call_that_waited_beyond_its_deadline_is_not_carried_out() -> None:
    type = next(iter(REQUESTS))
    asker = token("sandun", grants(type)[0])
    now = datetime.now(UTC)
    with pytest.raises(Ran):
        call(type, asker, deadline=now + timedelta(hours=1))
    with pytest.raises(DeadlineExceeded, match="not carried out"):
        call(type, asker, deadline=now)


@pytest.mark.parametrize(
    "bad",
    [
        None,
        "",
        "noise",
        token("xihu", *Role, signer=FORGER),
        token("xihu", *Role, seconds=-1),
        token("xihu", *Role, aud="elsewhere"),
        token("xihu", *Role)[:-6] + "AAAAAA",
    ],
    ids=["none", "empty", "noise", "forged", "expired", "another audience", "tampered"],
)
def test_nobody_and_impostors_are_refused(bad: str | None) -> None:
    for type in REQUESTS:
        with pytest.raises(Unauthenticated):
            call(type, bad)


def test_every_other_role_is_refused() -> None:
    for type in REQUESTS:
        for role in set(Role) - set(grants(type)):
            with pytest.raises(Forbidden):
                call(type, token("sandun", role))
            if role not in rule_for(type).from_above:
                with pytest.raises(Forbidden):
                    call(type, token("xihu", role))


def test_the_districts_people_are_refused_unless_the_method_asks_whether_they_are_needed() -> None:
    rights = [(type, role) for type in REQUESTS for role in rule_for(type).from_above]
    assert rights
    for type, role in rights:
        call(type, token("xihu", role), needed=True)
        for needed in (None, False):
            with pytest.raises(Forbidden):
                call(type, token("xihu", role), asks=False, needed=needed)


def test_another_towns_people_and_another_worlds_are_refused() -> None:
    for type in REQUESTS:
        for role in grants(type):
            if rule_for(type).scopes[role] is not Scope.DISTRICT:
                with pytest.raises(Forbidden):
                    call(type, token("xixi", role))
            for home, tenant in (("sandun", "sandun~ex7"), ("sandun~ex7", "sandun"), ("xihu", "sandun~ex7")):
                with pytest.raises(Forbidden):
                    call(type, token(home, role), tenant=tenant)


def test_somebody_elses_thing_is_refused_where_the_right_is_narrow() -> None:
    for type in REQUESTS:
        for role in grants(type):
            scope = rule_for(type).scopes[role]
            outcome: type[Exception] = Ran if scope in (Scope.TENANT, Scope.DISTRICT) else Forbidden
            with pytest.raises(outcome):
                call(type, token("sandun", role), thing=THEIRS)


def test_a_method_that_forgets_to_ask_is_refused_where_the_right_is_narrow() -> None:
    for type in REQUESTS:
        for role in grants(type):
            if rule_for(type).scopes[role] in (Scope.TENANT, Scope.DISTRICT):
                call(type, token("sandun", role), asks=False)
            else:
                with pytest.raises(Forbidden, match="did not check"):
                    call(type, token("sandun", role), asks=False)


def test_an_unknown_tenant_is_not_found() -> None:
    for type in REQUESTS:
        with pytest.raises(NotFound):
            call(type, token("xihu", *Role), tenant="atlantis")


def test_every_request_is_answered_by_the_service_it_names_and_only_there() -> None:
    """An entrypoint beside `@answer` would not be behind the wrapper."""
    answered: dict[str, str] = {}
    for service in (Intake, Dispatch, Notify, Analytics):
        for name in dir(service):
            for entrypoint in getattr(getattr(service, name), "nameko_entrypoints", ()):
                request = getattr(entrypoint, "request", None)
                if request is not None:
                    assert answered.setdefault(request.type, service.name) == request.service
    wanted = {type: kind.service for type, kind in ALL.items() if kind.service != "steward"}
    assert answered == wanted
