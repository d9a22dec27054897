"""A grant: that a principal may do an action in a tenant, as far as its scopes reach."""

from collections.abc import Collection
from dataclasses import dataclass

from qipan.access.policy import Scope
from qipan.access.principal import Principal
from qipan.contracts.errors import Forbidden

_WHOLE = frozenset({Scope.TENANT, Scope.DISTRICT, Scope.PUBLIC})


@dataclass(frozen=True, slots=True)
class Reach:
    """What a list may show: everything of the tenant, or what matches any one of the rest."""

    everything: bool
    units: frozenset[str] = frozenset()
    cells: frozenset[str] = frozenset()
    owner: str | None = None
    department: str | None = None


class Grant:
    """What `authorise` gives. Unless it covers the whole tenant, the handler must ask it about the thing.

    `from_above`: somebody of the district has it only where the town has nobody of its own for it, and the handler
    must ask that (`require_need`).
    """

    __slots__ = ("_asked", "_needed", "action", "from_above", "principal", "scopes", "tenant")

    def __init__(
        self,
        principal: Principal | None,
        action: str,
        tenant: str,
        scopes: frozenset[Scope],
        *,
        from_above: bool = False,
    ) -> None:
        self.from_above = from_above
        self.principal = principal
        self.action = action
        self.tenant = tenant
        self.scopes = scopes
        self._asked = False
        self._needed = False

    @property
    def settled(self) -> bool:
        """Whether nothing is left to ask: the right covers the whole tenant, or the handler has asked."""
        if self.from_above:
            return self._needed
        return self._asked or not _WHOLE.isdisjoint(self.scopes)

    @property
    def sub(self) -> str:
        """Who acts; empty for somebody unknown."""
        return self.principal.sub if self.principal else ""

    def allows(
        self,
        *,
        tenant: str | None = None,
        unit: str | None = None,
        worker: str | None = None,
        owner: str | None = None,
        department: str | None = None,
        cells: Collection[str] = (),
    ) -> bool:
        """Whether the right reaches a thing with these traits.

        `tenant` is the tenant that holds the thing, where it may be another than the one addressed: a right
        over a whole tenant does not reach beyond it, unless it is the district's.
        """
        self._asked = True
        me, scopes = self.principal, self.scopes
        if Scope.DISTRICT in scopes or Scope.PUBLIC in scopes:
            return True
        if me is None:
            return False
        if Scope.TENANT in scopes and tenant in (None, self.tenant):
            return True
        return (
            (Scope.UNIT in scopes and unit is not None and unit in me.units)
            or (Scope.OWN in scopes and me.sub in (worker, owner))
            or (Scope.CELL in scopes and not me.cells.isdisjoint(cells))
            or (Scope.DEPARTMENT in scopes and department is not None and department == me.base)
        )

    def require(
        self,
        *,
        tenant: str | None = None,
        unit: str | None = None,
        worker: str | None = None,
        owner: str | None = None,
        department: str | None = None,
        cells: Collection[str] = (),
    ) -> None:
        """Forbidden, unless the right reaches a thing with these traits (see `allows`)."""
        if not self.allows(
            tenant=tenant, unit=unit, worker=worker, owner=owner, department=department, cells=cells
        ):
            raise Forbidden(f"You may do {self.action!r}, but not to this one: it is outside your area.")

    def require_need(self, *, needed: bool) -> None:
        """Forbidden for somebody of the district while the town has people of its own for it."""
        self._needed = needed
        if self.from_above and not needed:
            raise Forbidden(f"{self.tenant} has people of its own who may do {self.action!r}.")

    def reach(self) -> Reach:
        """By what a list must be narrowed; counts as having asked."""
        self._asked = True
        me = self.principal
        if not _WHOLE.isdisjoint(self.scopes) or me is None:
            return Reach(everything=not _WHOLE.isdisjoint(self.scopes))
        return Reach(
            everything=False,
            units=me.units if Scope.UNIT in self.scopes else frozenset(),
            cells=me.cells if Scope.CELL in self.scopes else frozenset(),
            owner=me.sub if Scope.OWN in self.scopes else None,
            department=me.base if Scope.DEPARTMENT in self.scopes else None,
        )
