"""What the steward's tables say of the district as a whole, as figures: dead letters, and who serves."""

from collections import Counter
from collections.abc import Iterable

from qipan.messaging.dead import DeadLetters
from qipan.observability import metrics
from qipan.storage import Database
from qipan.tenancy import ServiceSpec
from services.steward import store


def count(db: Database, services: Iterable[ServiceSpec]) -> None:
    """Tell how many dead letters are open, how old the oldest is, and how many serve each tenant.

    `services` are those that the pack names: one that nobody serves is told with 0.
    """
    letters = DeadLetters(db)
    metrics.DEAD_OPEN.tell(letters.counts())
    metrics.DEAD_AGE.set(letters.oldest_age())
    serving = Counter({(spec.tenant, spec.service): 0 for spec in services})
    with db.begin() as work:
        serving.update(
            (holder.tenant, holder.service) for holder in store.holders(work.conn) if not holder.leaving
        )
    metrics.SERVING.tell(serving)
