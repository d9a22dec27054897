"""The run itself, in a network namespace of its own (`apart.run` starts it there)."""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qipan.hosting.embedded import EmbeddedPostgres
from qipan.hosting.guard import delete
from qipan.observability import logs
from tests.faults.cluster import verdict
from tests.faults.cluster.calls import Calls
from tests.faults.cluster.faults import FAULTS, Strike, comes, cut_everything, isolate_busiest, kill_busiest
from tests.faults.cluster.gaps import Gaps
from tests.faults.cluster.hosts import Hosts
from tests.faults.cluster.load import Load
from tests.faults.cluster.nodes import USER, Cluster
from tests.faults.doubler import Doubler

RATE = 500.0
"""Events told a second."""

PAUSE_SECONDS = (0.0, 3.0)
"""How long it is quiet between the cluster's being whole and the next fault."""

RECOVERY_SECONDS = 60.0
"""Within so long of the cluster's being whole, confirms, deliveries and answers must come again."""

PATIENCE_SECONDS = 60.0
CONTROL_RATE = 2_000.0
CONTROL_STRIKES = (cut_everything, kill_busiest, isolate_busiest, kill_busiest)
"""What strikes the control, until something has doubled. The first makes it lose: what is told then goes nowhere."""


@dataclass(frozen=True)
class House:
    """The hosts, the cluster on them, and the database beside the clients."""

    hosts: Hosts
    cluster: Cluster
    database_url: str


def main() -> int:
    """Run it all; 0 when every invariant held and the control failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--confirmed", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--rounds", type=int, required=True, help="how often each fault strikes at least")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--strike", nargs="*", choices=sorted(FAULTS), default=sorted(FAULTS))
    parser.add_argument("--control", action=argparse.BooleanOptionalAction, default=True)
    options = parser.parse_args()
    logs.configure("cluster", level="ERROR")
    began = time.monotonic()
    with _house() as house:
        figures = _under_faults(house, options.confirmed, options.seed, options.rounds, options.strike)
        if options.control:
            figures["control"] = _control(house, options.seed)
    figures["real_seconds"] = round(time.monotonic() - began)
    figures["broken"] = verdict.broken(figures, options.confirmed, FAULTS, controlled=options.control)
    options.out.write_text(json.dumps(figures, ensure_ascii=False, indent=2) + "\n")
    return 1 if figures["broken"] else 0


@contextmanager
def _house() -> Iterator[House]:
    base = Path(tempfile.mkdtemp(prefix="qipan-cluster-"))
    base.chmod(0o711)
    try:
        with (
            Hosts(base) as hosts,
            EmbeddedPostgres(base, ephemeral=True) as postgres,
            Cluster(hosts, base) as cluster,
        ):
            yield House(hosts, cluster, postgres.url)
    finally:
        delete([base])


def _under_faults(
    house: House, confirmed: int, seed: int, rounds: int, faults: Sequence[str]
) -> dict[str, Any]:
    chance = random.Random(seed)
    struck: Counter[str] = Counter()
    whole_after: dict[str, float] = {}
    answers = Gaps()
    load = Load(house.cluster.url, house.database_url, "main", rate=RATE)
    calls = Calls(house.cluster.url, USER, answers)
    strike = Strike(house.hosts, house.cluster, load.queue, chance)
    doubler = Doubler(house.cluster.url, seed)
    kinds = (load.confirms, load.deliveries, answers)
    recovered = 0
    load.start()
    calls.start()
    doubler.start()
    waiting = [name for _ in range(rounds) for name in chance.sample(sorted(faults), len(faults))]
    while waiting or load.confirmed < confirmed:
        waiting = waiting or chance.sample(sorted(faults), len(faults))
        name = waiting.pop(0)
        time.sleep(chance.uniform(*PAUSE_SECONDS))
        print(f"  {load.confirmed:>7} confirmed; {name}", flush=True)
        load.phase(name)
        answers.phase = name
        FAULTS[name](strike)
        whole = house.cluster.await_whole(load.queue)
        whole_after[name] = max(whole_after.get(name, 0.0), round(whole, 1))
        struck[name] += 1
        recovered += all(comes(kind, RECOVERY_SECONDS) for kind in kinds)
    under_faults = load.books()
    print("  settling", flush=True)
    doubler.stop()
    calls.stop()
    books = load.settle(PATIENCE_SECONDS)
    repeated = load.repeated
    load.stop()
    return {
        "seed": seed,
        "told": books.told,
        "confirmed": under_faults.confirmed,
        "received": books.effects + repeated,
        "unsent": books.unsent,
        "lost": books.confirmed - books.effective,
        "duplicate_effects": books.effects - books.effective,
        "repeated_deliveries": repeated,
        "repeated_on_purpose": doubler.repeated,
        **calls.figures(),
        "longest_gap_without_a_confirm": load.confirms.most,
        "longest_gap_without_a_delivery": load.deliveries.most,
        "longest_gap_without_an_answer": answers.most,
        "gaps_by_fault": {
            "confirm": load.confirms.figures(),
            "delivery": load.deliveries.figures(),
            "answer": answers.figures(),
        },
        "faults": dict(struck),
        "recoveries": recovered,
        "not_recovered": struck.total() - recovered,
        "whole_again_after": dict(sorted(whole_after.items())),
    }


def _control(house: House, seed: int) -> dict[str, Any]:
    """The same cluster and the same ledger, with neither outbox nor inbox: it must lose and double."""
    print("  control: neither outbox nor inbox", flush=True)
    load = Load(house.cluster.url, house.database_url, "control", rate=CONTROL_RATE, guarded=False)
    strike = Strike(house.hosts, house.cluster, load.queue, random.Random(seed))
    load.start()
    for fault in CONTROL_STRIKES:
        time.sleep(2)
        fault(strike)
        house.cluster.await_whole(load.queue)
        books = load.books()
        if books.effects > books.effective:
            break
    books = load.settle(10.0)
    load.stop()
    return {
        "told": books.told,
        "lost": books.told - books.effective,
        "duplicate_effects": books.effects - books.effective,
    }


if __name__ == "__main__":
    sys.exit(main())
