"""Sandun's dispatch comes and goes under load: no call fails but those in the hands of a killed process."""

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from qipan.access import Principal, Role, Signer
from qipan.contracts.errors import QipanError
from qipan.contracts.queries import ListWork
from qipan.messaging.client import Client
from tests.faults.house import House

CALLERS = 4
TIMEOUT = 5.0
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that got no answer: when it was sent (monotonic seconds) and why it failed."""

    sent: float
    why: str


@dataclass
class Calls:
    """What the callers saw."""

    answered: int = 0
    failures: list[Failure] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def take_over(house: House) -> dict[str, Any]:
    """Five arrivals and leavings and one SIGKILL of `dispatch@sandun`, with calls and events going on."""
    host = house.running.host
    calls = Calls()
    ending = threading.Event()
    client = Client(house.core_url, "takeover").start(10)
    token = Signer(house.running.credentials.signing_key).token(
        Principal(sub="sandun.lead", name="", tenant="sandun", roles=frozenset({Role.DISPATCHER})), 3600
    )
    callers = [
        threading.Thread(target=_call, args=(client, token, calls, ending), daemon=True)
        for _ in range(CALLERS)
    ]
    for caller in callers:
        caller.start()
    try:
        for _ in range(ROUNDS):
            host.scale("dispatch", "sandun", 0)
            time.sleep(1.5)
            host.scale("dispatch", "sandun", 1)
            host.wait_ready(60)
            time.sleep(1.5)
        killed_from = time.monotonic()
        host.kill("dispatch@sandun.1")
        killed_until = time.monotonic() + 0.05
        time.sleep(TIMEOUT + 1)
        host.wait_ready(60)
        time.sleep(1.5)
    finally:
        ending.set()
        for caller in callers:
            caller.join()
        client.stop()
    in_flight = [f for f in calls.failures if killed_from - TIMEOUT <= f.sent <= killed_until]
    beyond = [f for f in calls.failures if f not in in_flight]
    return {
        "arrivals_and_leavings": ROUNDS,
        "kills": 1,
        "calls_answered": calls.answered,
        "failed_in_flight_of_the_killed": len(in_flight),
        "most_in_flight": CALLERS,
        "failed_beyond": len(beyond),
        "why": sorted({failure.why for failure in beyond}),
    }


def _call(client: Client, token: str, calls: Calls, ending: threading.Event) -> None:
    while not ending.is_set():
        sent = time.monotonic()
        try:
            client.call(ListWork(limit=5), tenant="sandun", principal=token, timeout=TIMEOUT)
        except QipanError as error:
            with calls.lock:
                calls.failures.append(Failure(sent, f"{type(error).__name__}: {error}"))
        else:
            with calls.lock:
                calls.answered += 1
        time.sleep(0.01)
