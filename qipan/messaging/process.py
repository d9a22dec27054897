"""What a process of a service has in hand: its settings, district, database, client, verifier, health."""

from dataclasses import dataclass
from pathlib import Path

from qipan.access import Verifier
from qipan.ids import new_id
from qipan.messaging import topology
from qipan.messaging.client import Client
from qipan.messaging.consumer import Policy
from qipan.messaging.unguarded import PublishAfterCommit
from qipan.observability.health import Health
from qipan.settings import Settings
from qipan.storage.database import Database
from qipan.tenancy import District, load_district
from qipan.tenancy.clocks import Clocks


@dataclass(frozen=True)
class Process:
    """Everything that entrypoints and dependencies of one process share. Made once, before anything starts."""

    settings: Settings
    service: str
    tenant: str | None
    instance: str
    district: District
    clocks: Clocks
    database: Database | None
    verifier: Verifier
    client: Client
    health: Health
    policy: Policy

    @property
    def serves(self) -> str:
        """How this process is called by people: `dispatch`, or `dispatch@sandun`."""
        return self.service if self.tenant is None else f"{self.service}@{self.tenant}"


def prepare(settings: Settings, service: str, tenant: str | None, *, schema: str | None) -> Process:
    """Read the pack, make the pool and the client; nothing is connected yet.

    `schema` is the service's schema, None for a stateless service. Raises PackError or ValueError saying what
    in the pack or the settings is wrong.
    """
    clocks = Clocks.from_json(settings.clocks)
    instance = settings.instance or f"{service}-{new_id()[-12:]}"
    database = None
    if schema is not None:
        database = Database(
            settings.database_url,
            schema=schema,
            clocks=clocks,
            source=service if tenant is None else f"{service}@{tenant}",
            instead_of_outbox=PublishAfterCommit(settings.amqp_url)
            if settings.unguarded == "no_outbox"
            else None,
            outbox_limit=settings.outbox_limit,
        )
    return Process(
        settings=settings,
        service=service,
        tenant=tenant,
        instance=instance,
        district=load_district(Path(settings.district)),
        clocks=clocks,
        database=database,
        verifier=Verifier(settings.verify_key),
        client=_client(settings, service, tenant, instance),
        health=Health(service),
        policy=Policy(
            batch_size=settings.batch_size,
            linger=settings.linger_ms / 1000,
            delays_ms=settings.retry_delays_ms,
            inbox=settings.unguarded != "no_inbox",
        ),
    )


def _client(settings: Settings, service: str, tenant: str | None, instance: str) -> Client:
    if tenant is None:
        return Client(settings.amqp_url, service)
    return Client(
        settings.amqp_url,
        f"{service}@{tenant}",
        reply_queue=topology.reply_queue(tenant, instance),
        reply_id=instance,
    )
