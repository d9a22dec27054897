"""The people of a district, derived from its pack's numbers. None of them is a real person."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from qipan.tenancy.tenant import Tenant, in_shadow
from qipan.tenancy.words import Words

ROLES = frozenset(
    (
        "grid-worker",
        "acceptor",
        "shift-leader",
        "dispatcher",
        "handler",
        "supervisor",
        "town-lead",
        "district-lead",
    )
)
"""The roles that a pack's people have (`qipan.access` says what they may do)."""

SYSTEM = "service"
"""The role of a tenant's own systems, which have accounts as people do."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account (`sandun.sweep.1`).

    A handler of a department's unit belongs to the town the unit is stationed in (派驻). `cells` are the duty
    cells that a grid worker answers for; `skills` what a handler can do, beside what all of the unit can.
    """

    id: str
    name: str
    tenant: str
    roles: tuple[str, ...]
    unit: str | None = None
    cells: tuple[str, ...] = ()
    email: str | None = None
    language: str = "zh"
    skills: tuple[str, ...] = ()

    def in_exercise(self, shadow: str) -> "Person":
        """The same person in an exercise: another account, in the shadow tenant, without a mailbox."""
        return replace(self, id=f"{self.id}~{shadow}", tenant=in_shadow(self.tenant, shadow), email=None)


def staff(tenant: Tenant, role: str, title: Words, count: int) -> Iterator[Person]:
    """`count` people of one role in a tenant's centre: `sandun.acceptor.1` …"""
    for number in range(1, count + 1):
        yield Person(
            f"{tenant.id}.{role}.{number}", f"{tenant.name.zh}{title.zh}{number}号", tenant.id, (role,)
        )


def systems(tenant: Tenant, names: Sequence[str]) -> Iterator[Person]:
    """The accounts of a tenant's own systems, which are machines of the role `service`: `traffic-police.its`."""
    for name in names:
        yield Person(f"{tenant.id}.{name}", f"{tenant.name.zh}系统 {name}", tenant.id, (SYSTEM,))


def grid_workers(tenant: Tenant, cells_by_community: Sequence[tuple[str, ...]]) -> Iterator[Person]:
    """One grid worker (网格员) for each community's duty cells: `sandun.grid-worker.1` …"""
    for number, cells in enumerate(cells_by_community, start=1):
        yield Person(
            f"{tenant.id}.grid-worker.{number}",
            f"{tenant.name.zh}网格员{number}号",
            tenant.id,
            ("grid-worker",),
            cells=cells,
        )


def handler_ids(town: str, unit: str, count: int) -> tuple[str, ...]:
    """The ids of a unit's handlers: `sandun.sweep.1` …"""
    return tuple(f"{town}.{unit}.{number}" for number in range(1, count + 1))


def handlers(
    town: Tenant,
    unit_id: str,
    name: Words,
    ids: Sequence[str],
    email_domain: str,
    language: str,
    specialists: Mapping[str, Collection[int]],
) -> Iterator[Person]:
    """A unit's people (处置人员), reachable by mail. `specialists`: skill → the numbers of those who have it."""
    for number, person in enumerate(ids, start=1):
        label = f"{name.en} {number}" if language == "en" else f"{town.name.zh}{name.zh}{number}号"
        yield Person(
            person,
            label,
            town.id,
            ("handler",),
            unit=unit_id,
            email=f"{person}@{email_domain}",
            language=language,
            skills=tuple(sorted(skill for skill, numbers in specialists.items() if number in numbers)),
        )
