"""The mandates that hold now, known to every replica: read once, and again when their version has changed."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from qipan.contracts.mandates import MandateState
from qipan.storage import Work
from qipan.tenancy import Book, District, Mandate
from qipan.tenancy.mandate import from_state
from services.dispatch import mandate_store
from services.dispatch.filing import Ground
from services.dispatch.grounds import MOST_TENANTS, Grounds

MANDATE_ENDS = "mandate.ends"


def grounds_now(
    work: Work, grounds: Grounds, district: District, versions: Mapping[str, int]
) -> dict[str, Ground]:
    """The grounds of the tenants whose `versions` were read in this transaction, with the mandates that hold.

    Nobody ends one until this transaction is over. Not for a transaction that has changed mandates itself: what it
    then reads may never come true. What was read is remembered once the transaction has committed, for the timers
    at which the pack's mandates end are set in it.
    """
    found = {}
    for tenant, version in versions.items():
        known = grounds.mandated.get(tenant)
        if known is None or known[0] != version:
            known = version, ground_read(work, grounds.of(tenant), district, tenant)
            work.committed.append(partial(_remember, grounds, tenant, known))
        found[tenant] = known[1]
    return found


def _remember(grounds: Grounds, tenant: str, known: tuple[int, Ground]) -> None:
    if tenant not in grounds.mandated and len(grounds.mandated) >= MOST_TENANTS:
        grounds.mandated.pop(next(iter(grounds.mandated)))
    grounds.mandated[tenant] = known


def ground_read(work: Work, ground: Ground, district: District, tenant: str) -> Ground:
    """A tenant's ground with the mandates as they are in this transaction."""
    kept = mandate_store.of(work.conn, tenant)
    ids = {state.mandate_id for state in kept}
    standing = [mandate for mandate in district.standing_mandates(tenant) if mandate.id not in ids]
    for mandate in standing:
        # Nobody granted it at some moment, so whoever first reads the pack sees to its end.
        ends_by_itself(work, tenant, mandate)
    return replace(ground, book=Book([*standing, *map(from_state, kept)], ground.book.own))


def ends_by_itself(work: Work, tenant: str, mandate: Mandate | MandateState) -> None:
    """Have a mandate that has an end come to it."""
    id = mandate.id if isinstance(mandate, Mandate) else mandate.mandate_id
    if mandate.valid_until is not None:
        work.set_timer(tenant=tenant, kind=MANDATE_ENDS, ref=id, due_at=mandate.valid_until)
