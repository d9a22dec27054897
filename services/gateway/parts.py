"""What the gateway works with, put together once."""

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from qipan.access import Signer, Verifier
from qipan.messaging.client import Client
from qipan.observability import metrics
from qipan.observability.health import Health
from qipan.settings import Settings
from qipan.storage import Database
from qipan.tenancy import Clocks, District, load_district
from services.gateway.accounts import Accounts
from services.gateway.caller import Caller
from services.gateway.door import Door
from services.gateway.inbox import Inbox
from services.gateway.live import Live
from services.gateway.news import FromNotify
from services.gateway.sessions import Sessions
from services.gateway.tables import SCHEMA


@dataclass(frozen=True, slots=True)
class Parts:
    """What the gateway works with."""

    district: District
    verifier: Verifier
    sessions: Sessions
    caller: Caller
    door: Door
    live: Live
    inbox: Inbox
    report_font: Path | None = None
    clocks: Clocks = field(default_factory=Clocks)


class Resources:
    """The parts of a real gateway, from its settings; started and stopped with the server.

    Raises ValueError or PackError saying which setting or pack is wrong.
    """

    def __init__(self, settings: Settings, health: Health) -> None:
        district = load_district(settings.district)
        clocks = Clocks.from_json(settings.clocks)
        self._db = Database(settings.database_url, schema=SCHEMA, clocks=clocks, source="gateway")
        self._client = Client(settings.amqp_url, "gateway")
        signer = Signer(settings.signing_key)
        sessions = Sessions(
            Accounts(district, self._db, settings.account_secret), signer, settings.session_seconds
        )
        live = Live(lambda: Client(settings.amqp_url, "gateway live"))
        self.parts = Parts(
            district=district,
            verifier=Verifier(settings.verify_key),
            sessions=sessions,
            caller=self._client,
            door=Door(settings.door_url, settings.photo_bytes),
            live=live,
            inbox=Inbox(FromNotify(self._client, signer, district.id), live, district.id),
            report_font=settings.report_font,
            clocks=clocks,
        )
        health.add_check("broker", self._broker)
        health.add_check("database", self._database)

    def start(self) -> None:
        """Begin to connect; readiness tells when it worked."""
        self._client.start()
        pool = self._db.engine.pool
        if isinstance(pool, QueuePool):
            metrics.watch_pool(SCHEMA, lambda: {"in_use": pool.checkedout(), "idle": pool.checkedin()})

    async def stop(self) -> None:
        """Close every connection."""
        self.parts.live.close()
        self._client.stop()
        await self.parts.door.close()
        self._db.close()

    def _broker(self) -> tuple[bool, str]:
        ready = self._client.ready()
        metrics.BROKER_CONNECTED.labels(SCHEMA).set(ready)
        return ready, "connected" if ready else "not connected, or blocked by the broker"

    def _database(self) -> tuple[bool, str]:
        try:
            self._db.check()
        except SQLAlchemyError as error:
            return False, f"does not answer: {type(error).__name__}"
        return True, "answers"
