"""Waiting until reports have had all their effects, the same way for ours and for raw.

Asked are the reports sent, and only those not yet through, `AT_ONCE` at a time and by their keys: what the asking
costs the database is the same on both sides, and does not grow with what is stored.
"""

import time
from collections.abc import Sequence

import psycopg

AT_ONCE = 100
POLL_SECONDS = 0.1

Key = tuple[str, str]
"""A report: its tenant and its id."""


class Through:
    """Asks over one standing connection. `statement` takes arrays of tenants and of report ids, and answers
    (tenant, report id, whether it became a case) for those that are through."""

    def __init__(self, conn: psycopg.Connection, statement: str) -> None:
        self._conn = conn
        self._statement = statement
        for way in ("seqscan", "hashjoin", "mergejoin"):
            conn.execute(f"SET enable_{way} = off")  # no plan that reads a whole table for a hundred keys

    def wait(self, reports: Sequence[Key], seconds: float = 600.0) -> int:
        """Wait until all are through; returns how many of them became cases. RuntimeError when they take longer."""
        end = time.monotonic() + seconds
        waiting, cases = list(reports), 0
        while waiting:
            asked = waiting[:AT_ONCE]
            found = self._conn.execute(self._statement, [list(column) for column in zip(*asked, strict=True)])
            done = {(tenant, report): is_case for tenant, report, is_case in found.fetchall()}
            cases += sum(done.values())
            waiting = [key for key in asked if key not in done] + waiting[AT_ONCE:]
            if len(done) < len(asked):
                if time.monotonic() > end:
                    raise RuntimeError(
                        f"{len(waiting)} reports not through after {seconds:g} s: {asked[0]} …"
                    )
                time.sleep(POLL_SECONDS)
        return cases
