"""Whose a matter is, when it is not the town's: what a declined report's reporter is told."""

from typing import Literal

from qipan.contracts.base import Part


class Responsible(Part):
    """Who sees to a matter instead of the town that declined it.

    `kind` says what `id` names: a tenant or department of the district, or a body outside of it that the
    town's pack lists. `name` is by language.
    """

    id: str
    kind: Literal["town", "district", "department", "body"]
    name: dict[str, str]
    phone: str | None = None
    url: str | None = None
