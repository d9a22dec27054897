"""How much each worker has in hand, as rows: shifted once a transaction, whatever steps it takes."""

from collections import Counter
from collections.abc import Iterable

from sqlalchemy import Connection

from qipan.contracts.case import CaseState
from services.dispatch import statements
from services.dispatch.change import Change, Stored
from services.dispatch.handover import workers_tenant
from services.dispatch.joint import in_hand
from services.dispatch.reading import Key
from services.dispatch.worklist import HELD


def shift(conn: Connection, changes: Iterable[Change]) -> None:
    """Add what these steps bring to workers and subtract what they take from them: cases led and child tasks.

    All at once, in one order everywhere: two who each had some of the rows would wait for one another.
    """
    by: Counter[Key] = Counter()
    for change in changes:
        by.subtract(_held(change.before))
        by.update(_held(change.after))
    rows = sorted((*key, number) for key, number in by.items() if number)
    if rows:
        conn.execute(statements.SHIFT_LOADS, statements.columns(statements.LOAD, rows))


def _held(stored: Stored | None) -> list[Key]:
    if stored is None:
        return []
    return [*_led(stored.case), *_supported(stored.case)]


def _led(case: CaseState) -> list[Key]:
    if case.stage not in HELD or case.worker is None:
        return []
    return [(workers_tenant(case), case.worker)]


def _supported(case: CaseState) -> list[Key]:
    return [(case.tenant, support.worker) for support in in_hand(case) if support.worker is not None]
