"""Notify and analytics on a real database without a broker: messages are handed to them, people ask."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from nameko.testing.services import worker_factory
from sqlalchemy import create_engine, text

from qipan.access import Principal, Role, Signer, Verifier, new_keys
from qipan.contracts.base import Event, Request
from qipan.contracts.envelope import Envelope
from qipan.ids import new_id
from qipan.messaging.received import Received
from qipan.messaging.serving import Answering, carry_out
from qipan.storage import Database, migrate
from qipan.tenancy import Clocks, District, load_district
from services.analytics.league import weights_of
from services.analytics.service import Analytics
from services.notify.desk import Desk
from services.notify.outlets import Outlet, Outlets
from services.notify.service import Notify

ROOT = Path(__file__).parents[2]


@cache
def xihu() -> District:
    return load_district(ROOT / "districts/xihu")


def build_analytics(url: str) -> None:
    """An empty analytics schema, as the migrations make it."""
    _build(url, "analytics")


def build_notify(url: str) -> None:
    """An empty notify schema, as the migrations make it."""
    _build(url, "notify")


def build_dispatch(url: str) -> None:
    """An empty dispatch schema, as the migrations make it."""
    _build(url, "dispatch")


def told(data: Event, tenant: str = "sandun", id: str | None = None) -> Received[Any]:
    """A message as it comes off the wire."""
    return Received(data, id or new_id(), tenant, "dispatch", datetime.now(UTC))


class Projection:
    """One service, its database and everybody's tokens."""

    def __init__(self, service: Any, database: Database, hears: str, answers: dict[type[Any], str]) -> None:
        signing, verifying = new_keys()
        self.database = database
        self.service = service
        self._hears: Callable[[Any, Sequence[Received[Any]]], None] = getattr(service, hears)
        self._answering = {
            kind.type: Answering(kind, getattr(service, name)) for kind, name in answers.items()
        }
        self._signer = Signer(signing)
        self._process: Any = SimpleNamespace(
            service=database.schema, district=xihu(), database=database, verifier=Verifier(verifying)
        )

    def hear(self, *messages: Received[Any]) -> None:
        """Hand over one batch."""
        with self.database.begin() as work:
            self._hears(work, messages)

    def ask(self, sub: str, request: Request[Any], *, tenant: str = "sandun") -> Any:
        """What the service answers a person of the district, or their exercise account (`…~ex7`)."""
        return self.ask_as(_principal(sub), request, tenant=tenant)

    def ask_as(self, principal: Principal, request: Request[Any], *, tenant: str = "sandun") -> Any:
        """What the service answers this principal."""
        token = self._signer.token(principal, 600)
        envelope = Envelope[type(request)](
            type=request.type, source="test", tenant=tenant, principal=token, data=request
        )
        return carry_out(self._process, self._answering, envelope)

    def rows(self, query: str) -> list[Any]:
        with self.database.begin() as work:
            return list(work.conn.execute(text(query)))


def analytics(url: str, clocks: Clocks, answers: dict[type[Any], str]) -> Projection:
    """Analytics on a database that `build_analytics` made."""
    database = Database(url, schema="analytics", clocks=clocks)
    service = worker_factory(Analytics, db=database, district=xihu(), weights=weights_of(xihu()))
    return Projection(service, database, "count", answers)


def notify(url: str, clocks: Clocks, answers: dict[type[Any], str], *outside: Outlet) -> Projection:
    """Notify on a database that `build_notify` made, with these destinations besides the in-app inbox."""
    database = Database(url, schema="notify", clocks=clocks)
    service = worker_factory(Notify, db=database, clocks=clocks, desk=Desk(xihu(), Outlets.of(outside)))
    return Projection(service, database, "tell", answers)


def _principal(sub: str) -> Principal:
    base, _, shadow = sub.partition("~")
    person = next(person for person in xihu().people if person.id == base)
    person = person.in_exercise(shadow) if shadow else person
    return Principal(
        sub=person.id,
        name=person.name,
        tenant=person.tenant,
        roles=frozenset(Role(role) for role in person.roles),
        units=frozenset({person.unit} if person.unit else ()),
        cells=frozenset(person.cells),
    )


def _build(url: str, service: str) -> None:
    engine = create_engine(url)
    with engine.begin() as conn:
        conn.execute(text(f"CREATE SCHEMA {service}"))
    engine.dispose()
    migrate.migrate(url, service, ROOT / "services")
