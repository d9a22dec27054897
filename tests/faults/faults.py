"""The faults, each of which may strike at any moment under load."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from qipan.contracts.case import Place
from qipan.contracts.envelope import Envelope
from qipan.contracts.events import Outcome, ReportTriaged
from qipan.hosting.port import State
from qipan.hosting.running import DOOR, GATEWAY
from qipan.ids import new_id
from qipan.messaging.wire import Outgoing, Wire
from tests.faults.house import House
from tests.faults.load import ANSWER_SECONDS, Load

Fault = Callable[["Strike"], None]

OUTAGE_REPORTS = 200
"""How many reports are to be acknowledged while the broker is down."""


@dataclass
class Strike:
    """What a fault works with; `poisoned` are the ids of messages put in that must end among the dead."""

    house: House
    load: Load
    poisoned: set[str] = field(default_factory=set)


def kill(process: str) -> Fault:
    """SIGKILL of one process; its host starts it again."""

    def strike(on: Strike) -> None:
        on.house.running.host.kill(process)

    return strike


def kill_tally(on: Strike) -> None:
    """SIGKILL of the tally."""
    on.house.restart_tally()


def kill_broker(on: Strike) -> None:
    """Power cut of the broker: seconds without one, then the same node again. Every post must be answered.

    The door may still be coming back from the fault before, whose silence is not this one's: it is awaited.
    """
    _door_is_answering(on)
    on.house.broker.kill()
    on.load.outages.begin()
    on.load.outages.wait_for(OUTAGE_REPORTS, seconds=20)
    on.load.outages.end(seconds=4 * ANSWER_SECONDS)
    on.house.broker.restart()


def _door_is_answering(on: Strike) -> None:
    """Wait until the door is ready and has acknowledged something since."""
    end = time.monotonic() + 60
    while not any(each.id == DOOR and each.state is State.READY for each in on.house.running.host.list()):
        _wait(end, "the door is not ready again")
    before = on.load.answers.acknowledged
    while on.load.answers.acknowledged == before and not on.load.holds_back:
        _wait(end, "the door acknowledges nothing")


def _wait(end: float, complaint: str) -> None:
    if time.monotonic() > end:
        raise TimeoutError(complaint)
    time.sleep(0.1)


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
            id = new_id()
            wire.publish(
                Outgoing(
                    "inbox.dispatch",
                    f"liuxia.{type}",
                    body,
                    {"message_id": id, "type": type, "delivery_mode": 2},
                )
            )
            on.poisoned.add(id)
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
    "kill the gateway": kill(GATEWAY),
    "kill Sandun's flood watch": kill("floodwatch@sandun.1"),
    "kill the police's squad": kill("squad@traffic-police.1"),
    "kill Sandun's dispatch": kill("dispatch@sandun.1"),
    "kill one of Shuangpu's two": kill("dispatch@shuangpu.2"),
    "kill the tally": kill_tally,
    "kill the broker": kill_broker,
    "kill the database": kill_database,
    "poison": poison,
    "Sandun leaves and returns": leave_and_return,
    "Sandun dies and returns": die_for_good_and_return,
}
