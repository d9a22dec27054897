"""Starts the run in a network namespace of its own: it sees nothing of the machine's network, nor is seen from there.

Root may make one; others where the kernel lets them, in a user namespace. Where it may not be made the run says so and
counts as broken.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

NEEDED = {
    "ip": "iproute2",
    "ss": "iproute2",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "unshare": "util-linux",
}
"""Program → Debian's package."""

CONFIRMED = 50_000
ROUNDS = 2


def run(confirmed: int, seed: int, *options: str, rounds: int = ROUNDS) -> dict[str, Any]:
    """Run it, its progress on this process's output; its figures, or why there are none (`broken`)."""
    if missing := sorted({package for program, package in NEEDED.items() if shutil.which(program) is None}):
        return {"seed": seed, "broken": [f"not run: {package} is not installed" for package in missing]}
    with tempfile.TemporaryDirectory(prefix="qipan-figures-") as folder:
        out = Path(folder) / "cluster.json"
        words = [
            "--confirmed",
            str(confirmed),
            "--seed",
            str(seed),
            "--rounds",
            str(rounds),
            "--out",
            str(out),
        ]
        done = subprocess.run(
            [*command(), sys.executable, "-m", "tests.faults.cluster", *words, *options], check=False
        )
        if not out.exists():
            return {"seed": seed, "broken": [f"it ended with {done.returncode} and without figures"]}
        found: dict[str, Any] = json.loads(out.read_text())
        return found


def command() -> Sequence[str]:
    """What to write before a command so that it has a network of its own, and ends with this process."""
    mapped = [] if os.geteuid() == 0 else ["--user", "--map-current-user", "--keep-caps"]
    return ["setpriv", "--pdeathsig", "KILL", "unshare", *mapped, "--net"]
