"""Reports on their way to a door, from a load generator (`bench.load`) that was made ready before."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from bench.through import Key

CONNECTIONS = 32


class Generator:
    """One load generator: connected when this returns, silent until `go`."""

    def __init__(
        self, port: int, reports: Sequence[dict[str, Any]], *, bulk: int = 1, rate: float = 0.0
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.load", str(port), str(CONNECTIONS), str(rate)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for start in range(0, len(reports), bulk):
            group = reports[start : start + bulk]
            request = ("/v1/reports", group[0]) if bulk == 1 else ("/v1/reports/batch", group)
            self._say(json.dumps(request, ensure_ascii=False))
        self._say("")
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "ready\n":
            raise RuntimeError("the load generator could not reach the door")

    def go(self) -> None:
        """Begin to post."""
        self._say("go")

    def running(self) -> bool:
        """Whether there is still something to post."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Post no more."""
        if self.running():
            self._say("stop")

    def finish(self) -> list[Key]:
        """Wait for the answers; the reports accepted. RuntimeError if one was not."""
        # Not `communicate` at once: it would end standard input, which stops the generator early.
        assert self._process.stdout is not None
        answers = self._process.stdout.read()
        self._process.communicate()
        if self._process.returncode != 0:
            raise RuntimeError("the load generator failed")
        return [key for line in answers.splitlines() for key in _accepted(*line.split(" ", 1))]

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()


def _accepted(status: str, answer: str) -> Iterator[Key]:
    if status not in ("200", "201", "207"):
        raise RuntimeError(f"the door answered {status}: {answer}")
    told = json.loads(answer)
    for report in [line["report"] for line in told["results"]] if "results" in told else [told]:
        if report is None:
            raise RuntimeError(f"the door did not take all of a batch: {answer[:500]}")
        yield report["tenant"], report["report_id"]
