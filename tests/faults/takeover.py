"""Sandun's dispatch comes and goes under load: no call fails but those in the hands of a killed process."""

import time
from typing import Any

from qipan.access import Principal, Role, Signer
from qipan.messaging.client import Client
from tests.faults.callers import CALLERS, TENANT, TIMEOUT, Callers
from tests.faults.house import House

ROUNDS = 5
READY_SECONDS = 180.0
"""A machine that is busy with the load takes its time to start a process."""
_EFFECTS = """
SELECT detail ->> 'remark', count(*) FROM dispatch.history
WHERE tenant = %s AND what = 'remark' AND detail ->> 'remark' = ANY(%s) GROUP BY 1
"""


def take_over(house: House) -> dict[str, Any]:
    """Five arrivals and leavings and one SIGKILL of `dispatch@sandun`, with calls and events going on."""
    host = house.running.host
    client = Client(house.core_url, "takeover").start(10)
    callers = Callers(client, _token(house, Role.DISPATCHER), _token(house, Role.SUPERVISOR))
    callers.start()
    try:
        for _ in range(ROUNDS):
            callers.phase = "leaving"
            host.scale("dispatch", TENANT, 0)
            callers.phase = "away"
            time.sleep(1.5)
            callers.phase = "arriving"
            host.scale("dispatch", TENANT, 1)
            host.wait_ready(READY_SECONDS)
            callers.phase = "there"
            time.sleep(1.5)
        callers.phase = "killed"
        begun = time.monotonic()
        host.kill(f"dispatch@{TENANT}.1")  # returns when the process is dead
        dead = time.monotonic()
        time.sleep(TIMEOUT + 1)
        host.wait_ready(READY_SECONDS)
        time.sleep(1.5)
    finally:
        callers.stop()
        client.stop()
    in_flight = [call for call in callers.failures if call.open_between(begun, dead)]
    beyond = [call for call in callers.failures if not call.open_between(begun, dead)]
    return {
        "arrivals_and_leavings": ROUNDS,
        "kills": 1,
        "calls_answered": len(callers.calls) - len(callers.failures),
        "clashes": callers.clashes,
        "killing_took_s": round(dead - begun, 3),
        "failed_in_flight_of_the_killed": len(in_flight),
        "most_in_flight": CALLERS,
        "failed_beyond": len(beyond),
        "why": sorted({f"{call.phase}: {call.why}" for call in beyond}),
        "slowest_s": callers.slowest(),
        **_commands(house, callers),
        "callers_died": callers.died,
    }


def broken(found: dict[str, Any]) -> list[str]:
    """What does not hold of a take-over."""
    must_be_none = ("failed_beyond", "commands_without_effect", "commands_doubled", "callers_died")
    wrong = [f"takeover: {name}" for name in (*must_be_none, "commands_never_answered") if found[name]]
    if found["failed_in_flight_of_the_killed"] > found["most_in_flight"]:
        wrong.append("takeover: more failed than were in flight")
    wrong += [f"takeover: no {name}" for name in ("calls_answered", "commands_answered") if not found[name]]
    return wrong


def _commands(house: House, callers: Callers) -> dict[str, Any]:
    """What the commands left in the history of their cases: each answered one exactly once, none twice."""
    ids = [*callers.commands, *callers.never_answered]
    times = dict(house.rows(_EFFECTS, TENANT, ids))
    return {
        "commands_answered": len(callers.commands),
        "commands_never_answered": len(callers.never_answered),
        "commands_without_effect": sum(not times.get(id) for id in callers.commands),
        "commands_doubled": sum(count > 1 for count in times.values()),
    }


def _token(house: House, role: Role) -> str:
    who = Principal(sub=f"{TENANT}.{role.value}.takeover", name="", tenant=TENANT, roles=frozenset({role}))
    return Signer(house.running.credentials.signing_key).token(who, 3600)
