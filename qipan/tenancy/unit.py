"""Units: a department's squad in a town, which tasks are offered to."""

from dataclasses import dataclass

from qipan.tenancy.matter import Matter
from qipan.tenancy.words import Words

_EVERYWHERE = 1_000_000


@dataclass(frozen=True, slots=True)
class Unit:
    """A squad (`sandun/sweep`) that works in one town.

    `tenant` owns it and hears of its tasks: the department where that is a tenant of its own, else the
    town. `handlers` are the ids of its people, `cells` the duty cells it serves (empty: all of the town's),
    `matters` the codes it handles (empty: all of its department's). `base` is where it starts from, as
    longitude and latitude; None: not known. All of it have `skills`.
    """

    id: str
    name: Words
    town: str
    tenant: str
    department: str
    handlers: tuple[str, ...]
    cells: frozenset[str] = frozenset()
    matters: frozenset[str] = frozenset()
    base: tuple[float, float] | None = None
    skills: frozenset[str] = frozenset()

    @property
    def precedence(self) -> tuple[bool, int]:
        """Of units that handle a matter at a place the least comes first: who names matters, then the smaller area."""
        return not self.matters, len(self.cells) or _EVERYWHERE

    def handles(self, matter: Matter) -> bool:
        """Whether the matter is this unit's business."""
        return matter.code in self.matters if self.matters else matter.department == self.department

    def serves(self, duty_cell: str | None) -> bool:
        """Whether the place is; one outside every duty cell is everybody's."""
        return not self.cells or duty_cell is None or duty_cell in self.cells
