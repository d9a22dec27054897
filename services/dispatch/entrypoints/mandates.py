"""What dispatch is asked about mandates: who may handle what, here, now."""

from datetime import datetime

from qipan.contracts.errors import Fault, Invalid, UnknownMatter
from qipan.contracts.mandates import DutyAnswer, WhoMayHandle
from qipan.messaging.service import Received, Work, answer
from qipan.tenancy import base_of
from qipan.territory.cell import DUTY_LAYER
from services.dispatch.acting import Acting
from services.dispatch.who import who_may_handle


class Mandates(Acting):
    """Mandates, and what follows from them."""

    @answer(WhoMayHandle)
    def who_may_handle(self, work: Work, call: Received[WhoMayHandle]) -> DutyAnswer:
        """Every unit of the town, with yes or no and the rule that decided."""
        asked = call.data
        ground = self.grounds.of(call.tenant)
        matter = ground.matters.get(asked.matter)
        if matter is None:
            raise UnknownMatter(
                faults=(Fault(where="matter", what=f"{call.tenant} has no matter {asked.matter!r}"),)
            )
        at = asked.at or work.now(call.tenant)
        if at.tzinfo is None:
            raise Invalid(
                faults=(Fault(where="at", what="has no zone", allowed="2026-07-01T08:00:00+08:00"),)
            )
        return who_may_handle(call.tenant, ground, matter, self._cell(call.tenant, asked, at), at)

    def _cell(self, tenant: str, asked: WhoMayHandle, at: datetime) -> str | None:
        territory = self.process.district.territory
        if (asked.lon is None) != (asked.lat is None) or (asked.cell and asked.lon is not None):
            fault = Fault(where="cell", what="a place is a cell or a point", allowed="cell, or lon and lat")
            raise Invalid(faults=(fault,))
        if asked.lon is not None and asked.lat is not None:
            there = territory.locate(asked.lon, asked.lat, at)
            if there is None or there.town != base_of(tenant):
                raise Invalid(faults=(Fault(where="lon, lat", what=f"lies outside {tenant}"),))
            return there.cells.get(DUTY_LAYER)
        if asked.cell is not None:
            cell = territory.cell(DUTY_LAYER, asked.cell)
            if cell is None or cell.town != base_of(tenant):
                raise Invalid(faults=(Fault(where="cell", what=f"{tenant} has no duty cell {asked.cell!r}"),))
        return asked.cell
