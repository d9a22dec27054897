"""Whose a matter is that is not the town's: bodies outside the district (an underground railway), and who else."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from qipan.contracts.responsible import Responsible
from qipan.tenancy.words import Words

if TYPE_CHECKING:
    from qipan.tenancy.district import District

ASSIGNS = "="
"""In a list of words: `地铁 = hangzhou-metro` says whose the matter is."""


@dataclass(frozen=True, slots=True)
class Body:
    """Somebody outside the district whom reporters are sent to."""

    id: str
    name: Words
    phone: str | None = None
    url: str | None = None


def assigned(entry: str) -> tuple[str, str | None]:
    """A word out of scope, and the id of whose it is, where the entry says so."""
    word, separator, owner = entry.rpartition(ASSIGNS)
    return (word.strip(), owner.strip() or None) if separator else (entry.strip(), None)


def answerable(district: "District", tenant: str) -> Mapping[str, Responsible]:
    """Everybody whom a report of this tenant's can be sent to, by id."""
    return {one.id: one for one in _answerable(district, tenant)}


def _answerable(district: "District", tenant: str) -> Iterator[Responsible]:
    for body in district.bodies_of(tenant).values():
        yield _responsible(body.id, "body", body.name, body.phone, body.url)
    for department in district.departments:
        yield _responsible(department.id, "department", department.name, department.phone, department.url)
    for town in district.towns:
        yield _responsible(town.id, "town", town.name)
    yield _responsible(district.id, "district", district.name)


def _responsible(
    id: str,
    kind: Literal["town", "district", "department", "body"],
    name: Words,
    phone: str | None = None,
    url: str | None = None,
) -> Responsible:
    return Responsible(id=id, kind=kind, name={"zh": name.zh, "en": name.en}, phone=phone, url=url)
