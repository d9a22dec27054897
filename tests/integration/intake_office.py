"""Intake's door and desk on the same tables, driven by hand."""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from qipan.contracts.case import CaseState, Counters, Place, Stage
from qipan.contracts.commands import DecideReport
from qipan.contracts.events import (
    CaseEvent,
    ReportReceived,
)
from qipan.messaging.received import Received
from qipan.tenancy.bodies import answerable
from services.intake import store
from services.intake.decide import decide_held
from services.intake.desk import Desk
from services.intake.follow import follow
from services.intake.triage_batch import triage
from tests.integration.intake_here import NOON, SANDUN, Here, xihu

RUBBISH = "s:06010"


@dataclass
class Office:
    """A door and a desk that share the tables; messages are handed from one to the other."""

    here: Here
    desk: Desk

    def received(self) -> list[Received[ReportReceived]]:
        """What the door has told since the last time."""
        told = [said for said in self.here.said() if said["type"] == ReportReceived.type]
        with self.here.database.begin() as work:
            work.conn.execute(text("DELETE FROM intake.outbox"))
        return [
            Received(ReportReceived(**said["data"]), said["id"], said["tenant"], "intake", NOON)
            for said in told
        ]

    def report(self, words: str, **fields: Any) -> str:
        """Post a report of Sandun's."""
        headers = fields.pop("headers", {})
        answer = self.here.http.post("/v1/reports", json={"text": words, **SANDUN, **fields}, headers=headers)
        return str(answer.json()["report_id"])

    def triage(self, batch: Sequence[Received[ReportReceived]] | None = None) -> None:
        with self.here.database.begin() as work:
            triage(work, self.desk, self.received() if batch is None else batch)

    def outcome(self, report_id: str) -> str:
        [told] = [said for said in self.here.said() if said["subject"] == report_id]
        assert told["type"] == "report.triaged.v1"
        return str(told["data"]["outcome"])

    def row(self, report_id: str) -> Any:
        with self.here.database.begin() as work:
            return store.report(work.conn, "sandun", report_id)

    def decide(self, report_id: str, **fields: Any) -> str:
        with self.here.database.begin() as work:
            command = DecideReport(report_id=report_id, **fields)
            return decide_held(
                work,
                "sandun",
                command,
                xihu().matters_of("sandun").keys(),
                "sandun.acceptor.1",
                answerable(xihu(), "sandun"),
                self.desk,
            )

    def follow(self, *events: CaseEvent) -> None:
        batch = [Received(event, str(uuid.uuid4()), "sandun", "dispatch", NOON) for event in events]
        with self.here.database.begin() as work:
            follow(work, batch)

    def kept_plan(self, statement: str) -> str:
        """How the database does a statement when it plans once for all values."""
        names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", statement)))
        for number, name in enumerate(names, 1):
            statement = statement.replace(f"%({name})s", f"${number}")
        with self.here.database.begin() as work:
            work.conn.exec_driver_sql("SET LOCAL plan_cache_mode = force_generic_plan")
            work.conn.exec_driver_sql(f"PREPARE asked AS {statement}")
            given = ", ".join(["NULL"] * len(names))
            plan = work.conn.exec_driver_sql(f"EXPLAIN EXECUTE asked({given})").scalars()
            found = "\n".join(plan)
            work.conn.exec_driver_sql("DEALLOCATE asked")
        return found


def case(report_id: str, version: int, stage: Stage) -> CaseState:
    return CaseState(
        case_id="c1",
        report_id=report_id,
        tenant="sandun",
        version=version,
        stage=stage,
        matter=RUBBISH,
        place=Place(**SANDUN),
        summary="x",
        channel="citizen",
        received_at=NOON,
        filed_at=NOON,
        counters=Counters(),
    )
