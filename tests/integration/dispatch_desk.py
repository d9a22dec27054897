"""Dispatch on a real database without a broker: messages are handed to it, its outbox is read."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from nameko.testing.services import worker_factory
from pydantic import BaseModel
from sqlalchemy import create_engine, text

from qipan.access import Principal, Role, Signer, Verifier, new_keys
from qipan.contracts.base import Request
from qipan.contracts.case import CaseState, Place
from qipan.contracts.envelope import Envelope
from qipan.contracts.events import Outcome, ReportTriaged
from qipan.ids import new_id
from qipan.messaging.received import Received
from qipan.messaging.serving import Answering, carry_out
from qipan.storage import Database, Timer, migrate, timers
from qipan.tenancy import District, TestClock, load_district
from services.dispatch.grounds import Grounds
from services.dispatch.service import Dispatch
from services.dispatch.telling import STAGE_DUE

ROOT = Path(__file__).parents[2]
MONDAY_NOON = datetime(2026, 3, 9, 4, tzinfo=UTC)
CELL = "330106109001001"


@cache
def xihu() -> District:
    return load_district(ROOT / "districts/xihu")


def build_dispatch(url: str) -> None:
    """An empty dispatch schema, as the migrations make it."""
    engine = create_engine(url)
    with engine.begin() as conn:
        conn.execute(text("CREATE SCHEMA dispatch"))
    engine.dispose()
    migrate.migrate(url, "dispatch", ROOT / "services")


def triaged(report_id: str, *, matter: str = "s:06010", outcome: Outcome = Outcome.FILE) -> ReportTriaged:
    """A report of exposed rubbish in Sandun, ready to be filed."""
    return ReportTriaged(
        report_id=report_id,
        outcome=outcome,
        matter=matter,
        place=Place(lon=120.085, lat=30.325, cells={"duty": CELL}),
        summary="路边垃圾成堆",
        channel="app",
        received_at=MONDAY_NOON,
        triaged_at=MONDAY_NOON,
    )


def told(data: Any, tenant: str = "sandun", id: str | None = None) -> Received[Any]:
    """A message as it comes off the wire."""
    return Received(data, id or new_id(), tenant, "intake", datetime.now(UTC))


@dataclass
class Desk:
    """One dispatch, its database, and everybody's tokens."""

    database: Database
    clock: TestClock
    service: Dispatch
    process: Any
    signer: Signer

    @classmethod
    def open(cls, url: str, kind: type[Dispatch] = Dispatch, district: District | None = None) -> "Desk":
        signing, verifying = new_keys()
        clock = TestClock(MONDAY_NOON)
        database = Database(url, schema="dispatch", clocks=clock)
        process = SimpleNamespace(
            service="dispatch",
            serves="dispatch",
            tenant=None,
            district=district or xihu(),
            database=database,
            verifier=Verifier(verifying),
        )
        service = worker_factory(kind, process=process, grounds=Grounds(process.district))
        return cls(database, clock, service, process, Signer(signing))

    @classmethod
    def on(cls, other: "Desk", district: District) -> "Desk":
        """Another process on the same database, with another pack."""
        process = SimpleNamespace(**{**vars(other.process), "district": district})
        service = worker_factory(type(other.service), process=process, grounds=Grounds(district))
        return cls(other.database, other.clock, service, process, other.signer)

    def file(self, *reports: ReportTriaged, tenant: str = "sandun") -> None:
        """Hand over reports, one batch."""
        self.hear([told(report, tenant) for report in reports])

    def hear(self, batch: Sequence[Received[Any]]) -> None:
        with self.database.begin() as work:
            self.service.file_cases(work, batch)

    def ask(self, sub: str, request: Request[Any], *, tenant: str = "sandun", id: str | None = None) -> Any:
        """What the service answers somebody of the district's people, or a tenant's service."""
        envelope = Envelope[type(request)](
            id=id or new_id(),
            type=request.type,
            source="test",
            tenant=tenant,
            principal=self.signer.token(self.principal(sub), 600),
            data=request,
        )
        method = getattr(self.service, _method(request))
        return carry_out(self.process, {request.type: Answering(type(request), method)}, envelope)

    def principal(self, sub: str) -> Principal:
        """A person of the pack by id, or a tenant's service by the tenant's name."""
        district = self.process.district
        if sub in district.tenants:
            return Principal(sub=sub, name=sub, tenant=sub, roles=frozenset({Role.SERVICE}))
        person = next(person for person in district.people if person.id == sub)
        return Principal(
            sub=sub,
            name=person.name,
            tenant=person.tenant,
            roles=frozenset(Role(role) for role in person.roles),
            units=frozenset({person.unit} if person.unit else ()),
            cells=frozenset(person.cells),
        )

    def rows(self, query: str) -> list[Any]:
        with self.database.begin() as work:
            return list(work.conn.execute(text(query)))

    def empty(self) -> None:
        """Forget every case, for the next test of a module that shares the desk."""
        with self.database.begin() as work:
            names = work.conn.execute(
                text(
                    "SELECT string_agg(format('dispatch.%I', tablename), ', ') FROM pg_tables"
                    " WHERE schemaname = 'dispatch' AND tablename <> 'alembic_version'"
                )
            ).scalar_one()
            # the history's guard is a trigger, which this leaves out
            work.conn.execute(text("SET LOCAL session_replication_role = replica"))
            work.conn.execute(text(f"TRUNCATE {names}"))

    def said(self) -> list[tuple[str, dict[str, Any]]]:
        """(tenant, envelope) of every message in the outbox, oldest first."""
        rows = self.rows("SELECT tenant, body FROM dispatch.outbox ORDER BY seq")
        return [(row.tenant, json.loads(bytes(row.body))) for row in rows]

    def cases(self) -> list[CaseState]:
        rows = self.rows("SELECT state FROM dispatch.cases ORDER BY tenant, id")
        return [CaseState.model_validate(row.state) for row in rows]

    def case(self) -> CaseState:
        [case] = self.cases()
        return case

    def let_pass(self, time: timedelta) -> int:
        """Move the clock and fire what came due; returns how many timers fired."""
        self.clock.advance(time)
        with self.database.begin() as work:
            due: list[Timer] = timers.take_due(
                work.conn, "dispatch", STAGE_DUE, self.clock.now("sandun"), limit=1000
            )
            if due:
                self.service.stage_due(work, due)
            return len(due)


def _method(request: BaseModel) -> str:
    name = type(request).__name__
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
