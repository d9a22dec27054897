"""Looking at an installation: reads and judges, changes nothing."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import ValidationError
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from qipan.doctor import broker, clock, disk, pack, schema
from qipan.doctor import settings as told
from qipan.doctor.finding import Finding, fault
from qipan.hosting.credentials import Credentials
from qipan.hosting.prepare import SERVICES
from qipan.hosting.servers import NotRunning, known_broker, known_database
from qipan.messaging import management, topology
from qipan.messaging.counted import counted
from qipan.messaging.provision import user_url, vhost_of
from qipan.messaging.wire import BROKER_GONE
from qipan.settings import Settings
from qipan.storage import revisions
from qipan.storage.database import make_engine
from qipan.storage.provision import SCHEMAS, service_url
from qipan.tenancy.words import Words


def examine() -> Sequence[Finding]:
    """Everything that there is to say about the installation that the settings describe."""
    try:
        settings = Settings()
    except ValidationError as error:
        return told.malformed(error)
    found = [*told.look(settings), *pack.look(settings.district), *_disks(settings)]
    secret = _secret(settings.var)
    if secret is None:
        return [*found, _not_made(settings.var)]
    clocks: dict[str, timedelta] = {}
    found += _database(settings, secret, clocks)
    found += _broker(settings, secret, clocks)
    return [*found, *clock.look(clocks)]


def _secret(var: Path) -> str | None:
    """The installation's secret; unlike a start, a look makes none."""
    return Credentials.kept_in(var).secret if (var / "secret").exists() else None


def _not_made(var: Path) -> Finding:
    return fault(
        "installation",
        Words(f"{var} 中还没有安装", f"there is no installation in {var} yet"),
        Words("运行 qipan up,或设置 QIPAN_VAR", "run `qipan up`, or set QIPAN_VAR to where it is"),
    )


def _nowhere(area: str, error: NotRunning) -> Finding:
    return fault(area, Words(str(error), str(error)), Words("运行 qipan up", "run `qipan up`"))


def _disks(settings: Settings) -> Sequence[Finding]:
    places = {"QIPAN_VAR": settings.var.absolute()}
    if settings.photos_url.startswith("file://"):
        places["QIPAN_PHOTOS_URL"] = Path(unquote(urlsplit(settings.photos_url).path))
    return disk.look(places)


def _database(settings: Settings, secret: str, clocks: dict[str, timedelta]) -> Sequence[Finding]:
    try:
        admin = known_database(settings)
    except NotRunning as error:
        return [_nowhere(schema.AREA, error)]
    try:
        states = {service: _schema(service_url(admin, service, secret), service) for service in SCHEMAS}
        engine = make_engine(service_url(admin, "steward", secret), pool_size=1)
        try:
            with engine.connect() as conn:
                asked = datetime.now(UTC)
                shown = conn.execute(text("SELECT clock_timestamp()")).scalar_one()
                clocks["database"] = clock.apart(shown, asked, datetime.now(UTC))
                letters = 0
                if states["steward"].fit is not revisions.Fit.EMPTY:
                    open_ones = "SELECT count(*) FROM steward.dead_letters WHERE state = 'open'"
                    letters = conn.execute(text(open_ones)).scalar_one()
        finally:
            engine.dispose()
    except DBAPIError as error:
        return schema.refused(error) if _answered(error) else schema.gone(error)
    return schema.look(states, letters)


def _answered(error: DBAPIError) -> bool:
    """Whether the database itself said so; a lost or refused connection has the driver's words only."""
    return getattr(error.orig, "sqlstate", None) is not None and not error.connection_invalidated


def _schema(url: str, service: str) -> schema.SchemaState:
    folder = SERVICES / service / "migrations" / "versions"
    at = revisions.current(url, service)
    fit = revisions.fit(at, folder)
    if fit is revisions.Fit.EMPTY:
        return schema.SchemaState(fit, at, revisions.head(folder))
    engine = make_engine(url, pool_size=1)
    try:
        return schema.SchemaState(fit, at, revisions.head(folder), *_kept(engine, service))
    finally:
        engine.dispose()


def _kept(engine: Engine, service: str) -> tuple[float, tuple[str, ...]]:
    with engine.connect() as conn:
        oldest = conn.execute(
            text(f"SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0) FROM {service}.outbox")
            if service != "gateway"
            else text("SELECT 0")
        ).scalar_one()
        unwalled = conn.execute(
            text(
                "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant'"
                " WHERE c.relnamespace = to_regnamespace(:schema) AND c.relkind IN ('r', 'p')"
                " AND NOT (c.relrowsecurity AND c.relforcerowsecurity) ORDER BY 1"
            ),
            {"schema": service},
        )
        return float(oldest), tuple(row[0] for row in unwalled)


def _broker(settings: Settings, secret: str, clocks: dict[str, timedelta]) -> Sequence[Finding]:
    try:
        amqp_url, management_url = known_broker(settings)
    except NotRunning as error:
        return [_nowhere(broker.AREA, error)]
    nodes: list[Mapping[str, Any]] = []
    names: set[str] = set()
    try:
        if management_url:
            asked = datetime.now(UTC)
            nodes, shown = management.asked(management_url, "nodes")
            clocks["broker"] = clock.apart(shown, asked, datetime.now(UTC), timedelta(seconds=1))
            names = set(management.queues(management_url, vhost_of(amqp_url)))
        url = user_url(amqp_url, settings.core_user, secret)
        queues = [
            queue._asdict() for queue in counted(url, names | broker.needed() | {topology.DEAD}, "doctor")
        ]
    except BROKER_GONE as error:
        return broker.gone(error if isinstance(error, Exception) else ConnectionError())
    return broker.look(nodes, queues, broker.needed())
