"""Dispatch on a database of its own, without a broker: what its rules and tables cost, and nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
from nameko.testing.services import worker_factory
from sqlalchemy import event

from bench.filling import fill
from qipan.access import Principal, Role, Signer, Verifier, new_keys
from qipan.contracts.base import Request
from qipan.contracts.case import Place
from qipan.contracts.envelope import Envelope
from qipan.contracts.events import Outcome, ReportTriaged
from qipan.hosting.embedded import EmbeddedPostgres
from qipan.ids import new_id
from qipan.messaging.received import Received
from qipan.messaging.serving import Answering, carry_out
from qipan.storage import Database, migrate
from qipan.tenancy import District, TestClock
from services.dispatch.grounds import Grounds
from services.dispatch.service import Dispatch

NOON = datetime(2026, 3, 9, 4, tzinfo=UTC)
SERVICES = Path("services")
METHODS = {
    "work.list.v1": "list_work",
    "case.search.v1": "search_cases",
    "task.accept.v1": "accept_task",
    "task.dispose.v1": "dispose_task",
    "case.inspect.v1": "inspect_case",
    "case.close.v1": "close_case",
}


@dataclass
class Desk:
    """One dispatch with `stored` cases behind it."""

    district: District
    database: Database
    service: Any
    process: Any
    signer: Signer
    statements: int = 0

    def file(self, tenant: str, text: str, matter: str, place: Place) -> str:
        """A report becomes a case; returns the report's id."""
        report = ReportTriaged(
            report_id=new_id(),
            outcome=Outcome.FILE,
            matter=matter,
            place=place,
            summary=text,
            channel="app",
            received_at=NOON,
            triaged_at=NOON,
        )
        message = Received(report, new_id(), tenant, "bench", NOON)
        with self.database.begin() as work:
            self.service.file_cases(work, [message])
        return report.report_id

    def ask(self, person: Principal, request: Request[Any], tenant: str) -> Any:
        """What is answered, by the path of every call: verified, authorised, in a transaction, remembered."""
        envelope: Any = Envelope[type(request)](  # type: ignore[misc]
            id=new_id(),
            type=request.type,
            source="bench",
            tenant=tenant,
            principal=self.signer.token(person, 600),
            data=request,
        )
        method = getattr(self.service, METHODS[request.type])
        return carry_out(self.process, {request.type: Answering(type(request), method)}, envelope)

    def somebody(self, tenant: str, role: str, **traits: Any) -> Principal:
        """Somebody of the tenant with that role."""
        return Principal(
            sub=f"{tenant}.{role}", name=role, tenant=tenant, roles=frozenset({Role(role)}), **traits
        )


@contextmanager
def desk(postgres: EmbeddedPostgres, district: District, stored: int) -> Iterator[Desk]:
    """A dispatch on a fresh database with so many cases in it, in the district's towns."""
    url = postgres.create_database(f"stored_{stored}")
    plain = url.replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as conn:
        conn.execute("CREATE SCHEMA dispatch")
    migrate.migrate(url, "dispatch", SERVICES)
    with psycopg.connect(plain) as conn:
        fill(conn, stored, towns=[town.id for town in district.towns])
    signing, verifying = new_keys()
    database = Database(url, schema="dispatch", clocks=TestClock(NOON))
    process = SimpleNamespace(
        service="dispatch",
        serves="dispatch",
        district=district,
        database=database,
        verifier=Verifier(verifying),
    )
    service = worker_factory(Dispatch, process=process, grounds=Grounds(district))
    found = Desk(district, database, service, process, Signer(signing))

    def count(*_: Any) -> None:
        found.statements += 1

    event.listen(database.engine, "before_cursor_execute", count)
    try:
        yield found
    finally:
        database.close()
