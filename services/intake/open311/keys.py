"""API keys: issued to a client for a town or for the whole district, and closed again."""

import re

from qipan.access import Principal, Role, api_key_digest, tenant_of_api_key
from qipan.contracts.commands import ApiKey, IssueApiKey
from qipan.contracts.errors import Fault, Invalid, NotFound
from qipan.contracts.queries import ApiKeys
from qipan.ids import new_id
from qipan.storage import Work
from qipan.tenancy import District
from qipan.tenancy.tenant import TenantKind
from services.intake.open311 import rows

_CLIENT = re.compile(r"[a-z][a-z0-9-]{1,39}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def bearer(work: Work, key: str | None) -> Principal | None:
    """Who bears this key; None when it opens nothing."""
    tenant = tenant_of_api_key(key) if key else None
    if key is None or tenant is None:
        return None
    found = rows.holder(work.conn, tenant, api_key_digest(key))
    if found is None:
        return None
    return Principal(
        sub=f"open311:{found.client}",
        name=found.client,
        tenant=found.tenant,
        roles=frozenset({Role.MACHINE}),
    )


def issue(work: Work, district: District, tenant: str, command: IssueApiKey, by: str) -> ApiKey:
    """Let a client in; Invalid with every fault."""
    faults = []
    live = district.tenant(tenant)
    if live.kind is TenantKind.DEPARTMENT or live.shadow is not None:
        what = f"{tenant!r} is neither a town nor the district"
        faults.append(Fault(where="tenant", what=what, allowed="a town, or the district for all towns"))
    if not _CLIENT.fullmatch(command.client):
        allowed = "2 to 40 small letters, digits and hyphens, beginning with a letter"
        faults.append(Fault(where="client", what="is no name of a client", allowed=allowed))
    if not _DIGEST.fullmatch(command.digest):
        faults.append(Fault(where="digest", what="is no digest of a key", allowed="a SHA-256 in hex"))
    if faults:
        raise Invalid(faults=tuple(faults))
    found = rows.issue(work.conn, tenant, new_id(), command.digest, command.client, by)
    return ApiKey.model_validate(found, from_attributes=True)


def revoke(work: Work, tenant: str, key_id: str, by: str) -> ApiKey:
    """Close a key; NotFound when the tenant has none of this id."""
    found = rows.revoke(work.conn, tenant, key_id, by)
    if found is None:
        raise NotFound(f"{tenant!r} has no API key {key_id!r}.")
    return ApiKey.model_validate(found, from_attributes=True)


def page(work: Work, tenant: str, after: str | None, limit: int) -> ApiKeys:
    """A page of a tenant's keys."""
    found = rows.keys(work.conn, tenant, after or "", limit + 1)
    shown = tuple(ApiKey.model_validate(row, from_attributes=True) for row in found[:limit])
    return ApiKeys(keys=shown, next=shown[-1].key_id if len(found) > limit else None)
