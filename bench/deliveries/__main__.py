"""`make deliveries`: writes var/deliveries.json. `--count` says how many deliveries a run has."""

import argparse
import json
import os
import platform
import tempfile
from pathlib import Path
from typing import Any

from bench.deliveries.house import house
from bench.deliveries.runs import run
from qipan.hosting.embedded import EmbeddedBroker, EmbeddedPostgres


def main() -> int:
    """Measure; 0 when every delivery came once without kills, and no kill doubled more than it may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path("var/deliveries.json"))
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    base = Path(tempfile.mkdtemp(prefix="qipan-deliveries-"))
    base.chmod(0o711)
    found: dict[str, Any] = {"machine": f"{os.cpu_count()} cores, {platform.machine()}"}
    with (
        EmbeddedBroker(base / "broker", ephemeral=True) as broker,
        EmbeddedPostgres(base / "postgres", ephemeral=True) as postgres,
    ):
        whole = run(house(base, broker, postgres, "whole"), options.count)
        part = max(options.count // 4, 4)
        calm = run(house(base, broker, postgres, "calm"), part)
        hanging = run(house(base, broker, postgres, "hanging"), part, hanging=200)
        killed = run(house(base, broker, postgres, "killed"), part, kills=options.kills)
    found |= {
        "without_kills": whole,
        "without_a_hanging_gateway": calm,
        "with_a_hanging_gateway": hanging,
        "with_kills": killed,
    }
    found["speed_beside_the_hanging_one"] = {
        name: round(hanging["a_second"][name] / calm["a_second"][name], 3) for name in calm["a_second"]
    }
    options.out.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))
    clean = (whole, calm, hanging)
    once = all(one["taken"] == one["deliveries"] and one["doubled"] == 0 for one in clean)
    within = (
        killed["taken"] == killed["deliveries"] and killed["most_doubled_by_one_kill_at_one_destination"] <= 1
    )
    inside = sum(one["reached_inside"] for one in (*clean, killed))
    return 0 if once and within and inside == 0 else 1


if __name__ == "__main__":
    raise SystemExit(main())
