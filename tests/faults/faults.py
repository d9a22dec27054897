"""The faults, each of which may strike at any moment under load."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from qipan.contracts.case import Place
from qipan.contracts.envelope import Envelope
from qipan.contracts.events import Outcome, ReportTriaged
from qipan.ids import new_id
from qipan.messaging.wire import Outgoing, Wire
from tests.faults.house import House
from tests.faults.load import Load

Fault = Callable[["Strike"], None]


@dataclass
class Strike:
    """What a fault works with; `poisoned` counts the messages put in that must end among the dead."""

    house: House
    load: Load
    poisoned: int = 0


def kill(process: str) -> Fault:
    """SIGKILL of one process; its host starts it again."""

    def strike(on: Strike) -> None:
        on.house.running.host.kill(process)

    return strike


def kill_tally(on: Strike) -> None:
    """SIGKILL of the tally."""
    on.house.restart_tally()


def kill_broker(on: Strike) -> None:
    """Power cut of the broker: seconds without one, then the same node again. Accepting must go on."""
    on.house.broker.kill()
    on.load.broker_is_down.set()
    before = on.load.answers.broker_down
    end = time.monotonic() + 20
    while on.load.answers.broker_down < before + 200 and time.monotonic() < end:
        time.sleep(0.1)
    on.load.broker_is_down.clear()
    on.house.broker.restart()


def kill_database(on: Strike) -> None:
    """Power cut of PostgreSQL: nothing can be accepted, and nothing may be acknowledged falsely."""
    on.house.postgres.kill()
    time.sleep(2)
    on.house.postgres.restart()


def poison(on: Strike) -> None:
    """Messages that cannot be read, and messages that no handler can handle."""
    wire = Wire(on.house.core_url, "poison", confirm=True)
    nowhere = ReportTriaged(
        report_id="\x00",  # PostgreSQL stores no NUL in text: every attempt to handle it fails
        outcome=Outcome.FILE,
        matter="s:06010",
        place=Place(lon=120.1, lat=30.3),
        summary="poison",
        channel="test",
        received_at=datetime.now(UTC),
        triaged_at=datetime.now(UTC),
    )
    unreadable = (b"\xff\xfe", b"{}", b"null", b'{"specversion":"1.0"}')
    bodies = [(ReportTriaged.type, body) for body in unreadable]
    bodies += [(ReportTriaged.type, Envelope.seal(nowhere, id=new_id(), source="intake", tenant="liuxia"))]
    bodies += [("report.triaged.v9", Envelope.seal(nowhere, id=new_id(), source="intake", tenant="liuxia"))]
    try:
        for type, body in bodies:
            wire.publish(
                Outgoing(
                    "inbox.dispatch",
                    f"liuxia.{type}",
                    body,
                    {"message_id": new_id(), "type": type, "delivery_mode": 2},
                )
            )
            on.poisoned += 1
        wire.drain(1.0)
    finally:
        wire.close()


def leave_and_return(on: Strike) -> None:
    """Sandun's own dispatch leaves in order, stays away for a while, and returns."""
    host = on.house.running.host
    specs = [
        status.id for status in host.list() if status.service == "dispatch" and status.tenant == "sandun"
    ]
    for id in specs:
        host.stop(id)
    time.sleep(2)
    host.scale("dispatch", "sandun", max(1, len(specs)))


def die_for_good_and_return(on: Strike) -> None:
    """Sandun's own dispatch dies and stays dead until its lease has lapsed; then it returns."""
    host = on.house.running.host
    for status in host.list():
        if status.service == "dispatch" and status.tenant == "sandun":
            host.stop(status.id, graceful=False)
    time.sleep(14)
    host.scale("dispatch", "sandun", 1)


FAULTS: dict[str, Fault] = {
    "kill intake": kill("intake.1"),
    "kill dispatch": kill("dispatch.1"),
    "kill notify": kill("notify.1"),
    "kill analytics": kill("analytics.1"),
    "kill the door": kill("door.1"),
    "kill the steward": kill("steward.1"),
    "kill Sandun's dispatch": kill("dispatch@sandun.1"),
    "kill one of Shuangpu's two": kill("dispatch@shuangpu.2"),
    "kill the tally": kill_tally,
    "kill the broker": kill_broker,
    "kill the database": kill_database,
    "poison": poison,
    "Sandun leaves and returns": leave_and_return,
    "Sandun dies and returns": die_for_good_and_return,
}
