"""`make faults`: every fault under load, the takeover, and the controls; writes var/faults.json.

Exits 0 only if nothing was lost or doubled, and if the controls (outbox off, inbox off) did lose or double.
"""

import argparse
import json
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from bench.reports import Reports
from exercise.ledger import Ledger
from qipan.access import Principal, Role, Signer
from tests.faults.doubler import Doubler
from tests.faults.faults import FAULTS, Strike, kill, kill_broker
from tests.faults.house import House, house
from tests.faults.load import Load
from tests.faults.takeover import take_over
from tests.faults.verdict import INVARIANTS, judge

PAUSE_SECONDS = 6.0
SHADOW_REPORTS = 200
CONTROL_SECONDS = 25.0


def main() -> int:
    """Run it all; 0 when every invariant held and every control failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--acknowledged", type=int, default=100_000, help="reports to be acknowledged at least"
    )
    parser.add_argument("--seed", type=int, default=330106)
    parser.add_argument("--pause", type=float, default=PAUSE_SECONDS, help="seconds between faults, about")
    parser.add_argument("--out", type=Path, default=Path("var/faults.json"))
    options = parser.parse_args()
    result: dict[str, Any] = {"seed": options.seed}
    result |= _under_faults(options.acknowledged, options.seed, options.pause)
    _write(options.out, result)  # a run cut short leaves what it found
    result["controls"] = {name: _control(name, options.seed) for name in ("no_outbox", "no_inbox")}
    broken = [name for name in INVARIANTS if result[name]]
    broken += ["takeover"] if result["takeover"]["failed_beyond"] else []
    broken += ["answered while the broker was down"] if result["posts_while_broker_down"]["refused"] else []
    broken += ["acknowledged"] if result["acknowledged"] < options.acknowledged else []
    broken += [f"control {name}" for name, found in result["controls"].items() if not found["noticed"]]
    result["broken"] = broken
    _write(options.out, result)
    print(json.dumps({name: result[name] for name in ("acknowledged", *INVARIANTS, "broken")}, indent=2))
    return 1 if broken else 0


def _write(out: Path, result: dict[str, Any]) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n")


def _under_faults(acknowledged: int, seed: int, pause: float) -> dict[str, Any]:
    chance = random.Random(seed)
    struck: Counter[str] = Counter()
    with house() as home:
        load = _load(home, seed)
        doubler = Doubler(home.core_url, seed)
        strike = Strike(home, load)
        load.start()
        doubler.start()
        _play_in_shadow(home)
        waiting: list[str] = []
        while load.answers.acknowledged < acknowledged or waiting or not struck:
            waiting = waiting or chance.sample(sorted(FAULTS), len(FAULTS))
            time.sleep(pause * chance.uniform(0.5, 1.5))
            name = waiting.pop()
            print(f"  {load.answers.acknowledged:>7} acknowledged; {name}", flush=True)
            FAULTS[name](strike)
            struck[name] += 1
        home.running.host.wait_ready(120)
        print("  takeover under load", flush=True)
        takeover = take_over(home)
        load.finish()
        doubler.stop()
        print("  settling", flush=True)
        home.settle()
        verdict = judge(home, strike.poisoned)
        return {
            **verdict.figures,
            "faults": dict(struck),
            "deliveries_repeated": doubler.repeated,
            "posts_repeated": load.answers.repeated,
            "posts_while_broker_down": {
                "acknowledged": load.answers.broker_down,
                "refused": load.answers.refused_while_broker_down,
            },
            "takeover": takeover,
        }


def _control(guard: str, seed: int) -> dict[str, Any]:
    """The same harness with one guard switched off: it must notice."""
    print(f"control: {guard}", flush=True)
    with house(unguarded=guard) as home:
        load = _load(home, seed)
        doubler = Doubler(home.core_url, seed)
        strike = Strike(home, load)
        load.start()
        doubler.start()
        end = time.monotonic() + CONTROL_SECONDS
        while time.monotonic() < end:
            time.sleep(3)
            kill("dispatch.1")(strike)
            kill("intake.1")(strike)
        kill_broker(strike)
        home.running.host.wait_ready(120)
        load.finish()
        doubler.stop()
        home.settle_or_give_up()
        figures = judge(home, 0).figures
    noticed = {name: figures[name] for name in INVARIANTS if figures[name]}
    expected = ("lost", "tally_missing") if guard == "no_outbox" else ("duplicate_effects",)
    return {
        "acknowledged": figures["acknowledged"],
        "lost": figures["lost"],
        "duplicate_effects": figures["duplicate_effects"],
        "noticed": any(name in noticed for name in expected),
    }


def _load(home: House, seed: int) -> Load:
    return Load(
        home.running.door_url,
        home.running.district,
        home.base / "ledger.jsonl",
        through=home.through,
        seed=seed,
    )


def _play_in_shadow(home: House) -> None:
    """Reports of an exercise: they must stay out of every live figure."""
    signer = Signer(home.running.credentials.signing_key)
    principal = Principal(sub="exercise", name="", tenant="sandun~ex7", roles=frozenset({Role.MACHINE}))
    headers = {"Authorization": f"Bearer {signer.token(principal, 3600)}", "Qipan-Shadow": "ex7"}
    sent = 0
    with (
        Ledger(home.base / "ledger-shadow.jsonl") as ledger,
        httpx.Client(base_url=home.running.door_url, headers=headers, timeout=10) as client,
    ):
        for report in Reports(home.running.district, seed=99).take(SHADOW_REPORTS * 8):
            answer = client.post("/v1/reports", json=report)
            if answer.status_code == 201:
                sent += 1
                ledger.sent(f"shadow-{sent}")
                ledger.acknowledged(
                    f"shadow-{sent}", answer.json()["report_id"], tenant=answer.json()["tenant"]
                )
            if sent >= SHADOW_REPORTS:
                return


if __name__ == "__main__":
    sys.exit(main())
