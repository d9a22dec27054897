"""The decision: may this principal do this action in this tenant? Denied unless the table says so."""

from collections.abc import Mapping
from typing import Protocol

from qipan.access.grant import Grant
from qipan.access.policy import Rule, Scope, rule_for
from qipan.access.principal import Principal
from qipan.contracts.errors import Forbidden, NotFound, Unauthenticated


class Kinded(Protocol):
    """What a decision needs to know of a tenant."""

    @property
    def kind(self) -> str:
        """`town`, `department` or `district`."""
        ...


class DistrictLike(Protocol):
    """What a decision needs to know of the district (`qipan.tenancy.District` is one)."""

    @property
    def id(self) -> str:
        """The district's own tenant id."""
        ...

    @property
    def tenants(self) -> Mapping[str, Kinded]:
        """Every live tenant by its id, the district included."""
        ...


def authorise(principal: Principal | None, action: str, tenant: str, district: DistrictLike) -> Grant:
    """The grant, or Unauthenticated (nobody there), NotFound (no such tenant), Forbidden (no right).

    A town's principal acts only in its own tenant; the district's in all of its tenants; a department's also
    in a town, but only on what is assigned to its units or itself. A shadow tenant and a live one never meet.
    """
    rule = rule_for(action)
    if rule is not None and rule.everyone:
        _known(tenant, district)
        return Grant(principal, action, tenant, frozenset({Scope.PUBLIC}))
    if principal is None:
        raise Unauthenticated("Nobody is signed in.")
    _known(tenant, district)
    scopes = _scopes(principal, rule, tenant, district) if rule else frozenset()
    if not scopes and rule is not None and _from_above(principal, rule, tenant, district):
        return Grant(principal, action, tenant, frozenset({Scope.DISTRICT}), from_above=True)
    if not scopes:
        raise Forbidden(f"You have no right to do {action!r} in {tenant!r}.")
    return Grant(principal, action, tenant, scopes)


def _known(tenant: str, district: DistrictLike) -> None:
    if tenant.partition("~")[0] not in district.tenants:
        raise NotFound(f"There is no tenant {tenant!r}.")


def _scopes(principal: Principal, rule: Rule, tenant: str, district: DistrictLike) -> frozenset[Scope]:
    held = frozenset(rule.scopes[role] for role in principal.roles if role in rule.scopes)
    if principal.shadow != tenant.partition("~")[2]:
        return frozenset()
    if principal.base == district.id:
        return frozenset(Scope.DISTRICT if scope is Scope.TENANT else scope for scope in held)
    if principal.tenant == tenant:
        return held
    home = district.tenants.get(principal.base)
    if home is not None and home.kind == "department":
        return frozenset(scope for scope in (_abroad(scope, rule) for scope in held) if scope)
    return held & {Scope.DISTRICT}


def _from_above(principal: Principal, rule: Rule, tenant: str, district: DistrictLike) -> bool:
    """Whether somebody of the district has a right where a town has nobody for it."""
    same_world = principal.shadow == tenant.partition("~")[2]
    return same_world and principal.base == district.id and not rule.from_above.isdisjoint(principal.roles)


def _abroad(scope: Scope, rule: Rule) -> Scope | None:
    """What is left of a department principal's scope in another tenant: never the whole of it."""
    if scope is Scope.TENANT and rule.reads_only:
        return Scope.DEPARTMENT
    return scope if scope in (Scope.UNIT, Scope.DEPARTMENT, Scope.DISTRICT) else None
