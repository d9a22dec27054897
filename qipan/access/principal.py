"""Who is asking: a person, a machine or a service, of one tenant."""

from dataclasses import dataclass
from enum import StrEnum

AUDIENCE = "qipan"


class Role(StrEnum):
    """What a principal is there to do (GB/T 30428's roles, plus machines, services and operators)."""

    CITIZEN = "citizen"
    GRID_WORKER = "grid-worker"  # 网格员: patrols, reports, inspects in own cells
    ACCEPTOR = "acceptor"  # 受理员
    SHIFT_LEADER = "shift-leader"  # 值班长: closes and voids
    DISPATCHER = "dispatcher"  # 派遣员
    HANDLER = "handler"  # 处置人员
    SUPERVISOR = "supervisor"  # 督查员
    TOWN_LEAD = "town-lead"
    DISTRICT_LEAD = "district-lead"
    MACHINE = "machine"  # a sensor, a camera or another system
    SERVICE = "service"  # one of our processes, or a tenant's own
    OPERATOR = "operator"  # keeps the system running, sees who serves and how a case went


@dataclass(frozen=True, slots=True)
class Principal:
    """The bearer of a token that held. `exp` is real time in seconds since 1970.

    `units` are the units a handler belongs to, `cells` the cells a grid worker answers for. A shadow tenant's
    principal (`sandun~ex7`) is another principal than the live tenant's.
    """

    sub: str
    name: str
    tenant: str
    roles: frozenset[Role]
    units: frozenset[str] = frozenset()
    cells: frozenset[str] = frozenset()
    exp: float = 0.0
    aud: str = AUDIENCE

    @property
    def base(self) -> str:
        """The tenant without its shadow."""
        return self.tenant.partition("~")[0]

    @property
    def shadow(self) -> str:
        """The exercise this principal belongs to; empty in real life."""
        return self.tenant.partition("~")[2]
