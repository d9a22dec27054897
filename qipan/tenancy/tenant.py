"""Tenants: whom a message is addressed to and whose data a row is."""

import re
from dataclasses import dataclass
from enum import StrEnum

from qipan.tenancy.words import Words

TENANT_ID = re.compile(r"[a-z][a-z0-9-]{1,30}(~[a-z0-9-]{1,20})?")


class TenantKind(StrEnum):
    """What a tenant is."""

    DISTRICT = "district"
    TOWN = "town"
    DEPARTMENT = "department"


@dataclass(frozen=True, slots=True)
class Tenant:
    """A district, a town, a department of its own, or an exercise's shadow of one (`sandun~ex7`).

    `base` is the id without the shadow; `shadow` is None for the live tenant.
    """

    id: str
    kind: TenantKind
    name: Words
    base: str
    shadow: str | None
    zone: str


def is_tenant_id(text: str) -> bool:
    """Whether `text` could be a tenant's id (`sandun`, `sandun~ex7`)."""
    return TENANT_ID.fullmatch(text) is not None


def base_of(tenant: str) -> str:
    """The live tenant of which `tenant` may be a shadow."""
    return tenant.partition("~")[0]


def shadow_of(tenant: str) -> str | None:
    """The exercise that `tenant` belongs to; None in real life."""
    return tenant.partition("~")[2] or None


def in_shadow(tenant: str, shadow: str | None) -> str:
    """`tenant` as seen in an exercise; itself in real life."""
    return tenant if shadow is None else f"{base_of(tenant)}~{shadow}"
