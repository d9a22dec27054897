"""`make faults`: every fault under load, the takeover, the controls, and faults across hosts; writes var/faults.json.

Exits 0 only if nothing was lost or doubled, and if the controls (outbox off, inbox off) did lose or double.
"""

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from bench.reports import Reports
from exercise.ledger import Ledger
from qipan.access import Principal, Role, Signer
from tests.faults import takeover, verdict
from tests.faults.cluster import apart
from tests.faults.doubler import Doubler
from tests.faults.evidence import Evidence
from tests.faults.faults import FAULTS, Strike, kill, kill_broker
from tests.faults.house import House, house
from tests.faults.load import Load
from tests.faults.players import Players

PAUSE_SECONDS = 6.0
SHADOW_REPORTS = 200
AHEAD = 4000
"""Reports that may have been acknowledged and not gone through yet; fewer in a short run."""
CONTROL_SECONDS = 25.0
DRAIN_SECONDS = 60.0
READY_SECONDS = 300.0
_CLUSTER = "cluster: "


def main() -> int:
    """Run it all; 0 when every invariant held and every control failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--acknowledged", type=int, default=100_000, help="reports to be acknowledged at least"
    )
    parser.add_argument("--seed", type=int, default=330106)
    parser.add_argument("--pause", type=float, default=PAUSE_SECONDS, help="seconds between faults, about")
    parser.add_argument("--out", type=Path, default=Path("var/faults.json"))
    parser.add_argument(
        "--strike", nargs="+", choices=sorted(FAULTS), default=sorted(FAULTS), help="only these (to try one)"
    )
    parser.add_argument(
        "--controls",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="without them the run says so and fails",
    )
    parser.add_argument(
        "--cluster",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="three broker nodes, killed and cut apart, as the last part",
    )
    parser.add_argument("--only-cluster", action="store_true", help="that part alone, beside what --out has")
    options = parser.parse_args()
    if options.only_cluster:
        return _only_cluster(options.out, options.seed)
    result: dict[str, Any] = {"seed": options.seed}
    result |= _under_faults(options.acknowledged, options.seed, options.pause, options.strike)
    _write(options.out, result)  # a run cut short leaves what it found
    guards = ("no_outbox", "no_inbox") if options.controls else ()
    result["controls"] = {name: _control(name, options.seed) for name in guards}
    broken = verdict.broken(result)
    broken += [] if result["deliveries_repeated"] else ["no deliveries_repeated"]
    broken += takeover.broken(result["takeover"])
    without = result["posts_while_broker_down"]
    broken += ["answered while the broker was down"] if without["unanswered"] or without["silent"] else []
    broken += ["broker down"] if not without["acknowledged"] else []
    broken += ["acknowledged"] if result["acknowledged"] < options.acknowledged else []
    broken += [f"control {name}" for name, found in result["controls"].items() if not found["noticed"]]
    broken += [] if guards else ["no controls were run"]
    broken += [f"never struck: {name}" for name in FAULTS if name not in result["faults"]]
    result["broken"] = broken
    _write(options.out, result)
    if options.cluster:
        _across_hosts(result, options.seed)
        _write(options.out, result)
    print(
        json.dumps({name: result[name] for name in ("acknowledged", *verdict.INVARIANTS, "broken")}, indent=2)
    )
    return 1 if result["broken"] else 0


def _only_cluster(out: Path, seed: int) -> int:
    result: dict[str, Any] = json.loads(out.read_text()) if out.is_file() else {}
    _across_hosts(result, seed)
    _write(out, result)
    print(json.dumps(result["cluster"], indent=2))
    return 1 if result["cluster"]["broken"] else 0


def _across_hosts(result: dict[str, Any], seed: int) -> None:
    """Three broker nodes on hosts of their own; what does not hold there stands among all that does not."""
    print("cluster: three nodes on hosts of their own", flush=True)
    result["cluster"] = apart.run(apart.CONFIRMED, seed)
    others = [name for name in result.get("broken", []) if not name.startswith(_CLUSTER)]
    result["broken"] = others + [_CLUSTER + name for name in result["cluster"]["broken"]]


def _write(out: Path, result: dict[str, Any]) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n")


def _under_faults(acknowledged: int, seed: int, pause: float, faults: Sequence[str]) -> dict[str, Any]:
    chance = random.Random(seed)
    struck: Counter[str] = Counter()
    with house() as home:
        load = _load(home, seed, ahead=min(AHEAD, acknowledged // 5))
        doubler = Doubler(home.core_url, seed)
        players = Players(home.running, home.base, seed)
        strike = Strike(home, load)
        load.start()
        doubler.start()
        _play_in_shadow(home)
        players.start()
        waiting: list[str] = []
        while load.answers.acknowledged < acknowledged or waiting or not struck:
            waiting = waiting or chance.sample(sorted(faults), len(faults))
            time.sleep(pause * chance.uniform(0.5, 1.5))
            load.check()
            players.check()
            name = waiting.pop()
            print(f"  {load.answers.acknowledged:>7} acknowledged; {name}", flush=True)
            FAULTS[name](strike)
            struck[name] += 1
        home.running.host.wait_ready(READY_SECONDS)
        print("  takeover under load", flush=True)
        players.check()
        taken_over = takeover.take_over(home)
        load.finish()
        players.finish(DRAIN_SECONDS)
        doubler.stop()
        print("  settling", flush=True)
        home.settle()
        known = Evidence(strike.poisoned, struck, players.flooded, players.commands)
        return {
            **verdict.judge(home, known).figures,
            "players": players.tally,
            "faults": dict(struck),
            "deliveries_repeated": doubler.repeated,
            "posts_repeated": load.answers.repeated,
            "posts_while_broker_down": load.outages.figures(),
            "takeover": taken_over,
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
        home.running.host.wait_ready(READY_SECONDS)
        load.finish()
        doubler.stop()
        home.settle_or_give_up()
        figures = verdict.judge(home, Evidence(), patience=10).figures
    noticed = ("lost",) if guard == "no_outbox" else ("product_doubles", "tally_doubles")
    counted = ("acknowledged", "lost", "duplicate_effects", "product_doubles", "tally_doubles")
    return {name: figures[name] for name in counted} | {"noticed": all(figures[name] for name in noticed)}


def _load(home: House, seed: int, ahead: int = AHEAD) -> Load:
    return Load(
        home.running.door_url,
        home.running.district,
        home.base / "ledger.jsonl",
        through=home.through,
        ahead=ahead,
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
