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
    """A call that got no answer: when it was sent (monotonic seconds), what was going on then, why it failed."""

    sent: float
    phase: str
    why: str


@dataclass
class Calls:
    """What the callers saw."""

    phase: str = ""
    answered: int = 0
    slowest_s: dict[str, float] = field(default_factory=dict)
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
            calls.phase = "leaving"
            host.scale("dispatch", "sandun", 0)
            calls.phase = "away"
            time.sleep(1.5)
            calls.phase = "arriving"
            host.scale("dispatch", "sandun", 1)
            host.wait_ready(60)
            calls.phase = "there"
            time.sleep(1.5)
        calls.phase = "killed"
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
        "why": sorted({f"{failure.phase}: {failure.why}" for failure in beyond}),
        "slowest_s": {phase: round(seconds, 2) for phase, seconds in sorted(calls.slowest_s.items())},
    }


def _call(client: Client, token: str, calls: Calls, ending: threading.Event) -> None:
    while not ending.is_set():
        sent, phase = time.monotonic(), calls.phase
        try:
            client.call(ListWork(limit=5), tenant="sandun", principal=token, timeout=TIMEOUT)
        except QipanError as error:
            with calls.lock:
                calls.failures.append(Failure(sent, phase, f"{type(error).__name__}: {error}"))
        else:
            with calls.lock:
                calls.answered += 1
                took = time.monotonic() - sent
                calls.slowest_s[phase] = max(took, calls.slowest_s.get(phase, 0.0))
        time.sleep(0.01)
