"""The operating mode of a town: switched, ended, shown."""

from collections.abc import Sequence

from qipan.contracts.errors import Fault, Invalid
from qipan.contracts.modes import GetMode, ModeAnswer, ModeState, ModeSwitched, SwitchMode
from qipan.messaging.service import Received, Timer, Work, answer, on_timer
from qipan.tenancy import TenantKind
from services.dispatch import mode_store
from services.dispatch.acting import Acting
from services.dispatch.modes import ended, holding, switched

MODE_END = "mode.end"


class Modes(Acting):
    """Peacetime and emergency."""

    @answer(SwitchMode)
    def switch_mode(self, work: Work, call: Received[SwitchMode]) -> ModeState:
        """平战转换."""
        call.grant.require(tenant=call.tenant)
        if self.process.district.tenant(call.tenant).kind is not TenantKind.TOWN:
            fault = Fault(where="tenant", what=f"{call.tenant} is no town", allowed="a town's id")
            raise Invalid("Only a town has an operating mode.", faults=(fault,))
        work.cancel_timers(call.tenant, call.tenant, MODE_END)  # first, as whoever fires it takes them
        mode_store.lock(work.conn, call.tenant)
        now = work.now(call.tenant)
        newest = mode_store.newest_of(work.conn, [call.tenant]).get(call.tenant)
        before = holding(newest, call.tenant, now)
        if newest is not None and before.number > newest.number:
            self._switch(work, before)
        after = switched(before, call.data, call.grant.sub, now)
        self._switch(work, after)
        return after

    @answer(GetMode)
    def get_mode(self, work: Work, call: Received[GetMode]) -> ModeAnswer:
        """The mode that holds and how it came about."""
        history = mode_store.history_of(work.conn, call.tenant)
        newest = history[0] if history else None
        return ModeAnswer(now=holding(newest, call.tenant, work.now(call.tenant)), history=history)

    @on_timer(MODE_END)
    def mode_end(self, work: Work, due: Sequence[Timer]) -> None:
        """An emergency with an end is over then; told once, unless it was switched meanwhile."""
        for timer in sorted(due, key=lambda timer: timer.tenant):
            mode_store.lock(work.conn, timer.tenant)
            newest = mode_store.newest_of(work.conn, [timer.tenant]).get(timer.tenant)
            if newest is not None and timer.payload == {"number": newest.number}:
                self._switch(work, ended(newest))

    def _switch(self, work: Work, state: ModeState) -> None:
        mode_store.add(work.conn, state)
        work.publish(ModeSwitched(state=state), tenant=state.tenant, subject=state.tenant)
        work.cancel_timers(state.tenant, state.tenant, MODE_END)
        if state.until is not None:
            work.set_timer(
                tenant=state.tenant,
                kind=MODE_END,
                ref=state.tenant,
                due_at=state.until,
                payload={"number": state.number},
            )
