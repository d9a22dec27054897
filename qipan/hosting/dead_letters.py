"""The store of dead letters, as an operator reaches it from the installation's own machine."""

from collections.abc import Iterator
from contextlib import contextmanager

from qipan.hosting.credentials import Credentials
from qipan.hosting.servers import known_broker, known_database
from qipan.messaging.dead import DeadLetters
from qipan.messaging.provision import user_url
from qipan.messaging.publisher import Publisher
from qipan.settings import Settings
from qipan.storage import Database
from qipan.storage.provision import service_url
from qipan.tenancy import Clocks

STEWARD = "steward"


@contextmanager
def dead_letters(settings: Settings) -> Iterator[DeadLetters]:
    """The store, with the steward's own role. NotRunning when no database is known."""
    secret = Credentials.kept_in(settings.var).secret
    url = service_url(known_database(settings), STEWARD, secret)
    database = Database(
        url, schema=STEWARD, clocks=Clocks.from_json(settings.clocks), source="operator", pool_size=1
    )
    try:
        yield DeadLetters(database)
    finally:
        database.close()


@contextmanager
def core_publisher(settings: Settings) -> Iterator[Publisher]:
    """A connection on which letters can be sent again. NotRunning when no broker is known."""
    amqp_url, _ = known_broker(settings)
    publisher = Publisher(
        user_url(amqp_url, settings.core_user, Credentials.kept_in(settings.var).secret), "operator"
    )
    try:
        yield publisher
    finally:
        publisher.close()
