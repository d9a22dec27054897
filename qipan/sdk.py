"""All that a tenant's own code may import, besides the contracts and the core service that it builds on.

A service is a class with a `name` and methods marked by what makes them run:

consume          `@consume(ReadingObserved)`: `method(self, work, batch)` gets the tenant's events in batches.
                 `work` is None, as a tenant's own service has no database: let repeats be harmless.
answer           `@answer(MyQuery)`: `method(self, work, call)` returns the answer, having asked `call.grant`.
background       `@background(every=10)`: `method(self)` runs again and again, seconds apart.
Received         One message or call: `data`, `id`, `tenant`, `time`, `subject`, `attempt`; a call's `grant`.

and with what it has in hand, as class attributes:

ClientProvider   `client = ClientProvider()`: `self.client.call(SubmitReport(…), tenant="sandun")` asks any
                 service in the name of this one; it returns the answer or raises its error.
DistrictProvider `district = DistrictProvider()`: the pack: tenants, units, matters, settings, territory.
ClocksProvider   `clocks = ClocksProvider()`: `self.clocks.now(tenant)` is the time; the machine's is not.

What it meets:

Caller           What `ClientProvider` injects.
Clocks           What `ClocksProvider` injects.
District         What `DistrictProvider` injects; `district.setting(tenant, key, default)` reads the pack.
Unit             A squad that tasks are offered to.
Matter           One thing that can be wrong: code, department, limits, severity.
Severity         How much harm a matter does while it stands.
Limit            A time limit: `Limit.parse("4 work-hours")`.
Calendar         When a tenant works: `district.calendar(tenant)`.
derived_id       The one identifier that belongs to some parts: the same key however often it is made.
logger           `log = logger(__name__)`, then `log.info("what", key=value)`. No names, no phone numbers.

Who may do what with commands and queries of the service's own:

allow            `allow(MyQuery.type, {Role.DISPATCHER: Scope.TENANT}, reads_only=True)`, at import.
Role             What somebody is there to do.
Scope            How far a right reaches.

What can go wrong, and what to raise so that the caller is told:

QipanError       The base of all of these; has `detail` for the person and a stable `code`.
Invalid          The request is not acceptable as it stands (422).
Forbidden        No right to do this here (403).
NotFound         No such thing (404).
Conflict         It has changed in the meantime (409).
IllegalTransition The process does not allow this step now (409).
KeyReused        The idempotency key was used for something else (409).
Unavailable      Nobody serves this at the moment (503).
DeadlineExceeded No answer came in time; it may have been carried out (504).
"""

from qipan.access import Role, Scope, allow
from qipan.contracts.errors import (
    Conflict,
    DeadlineExceeded,
    Forbidden,
    IllegalTransition,
    Invalid,
    KeyReused,
    NotFound,
    QipanError,
    Unavailable,
)
from qipan.ids import derived_id
from qipan.messaging.caller import Caller
from qipan.messaging.service import (
    ClientProvider,
    ClocksProvider,
    DistrictProvider,
    Received,
    answer,
    background,
    consume,
)
from qipan.observability.logs import logger
from qipan.tenancy import Clocks, District, Matter, Severity, Unit
from qipan.worktime import Calendar, Limit

__all__ = [
    "Calendar",
    "Caller",
    "ClientProvider",
    "Clocks",
    "ClocksProvider",
    "Conflict",
    "DeadlineExceeded",
    "District",
    "DistrictProvider",
    "Forbidden",
    "IllegalTransition",
    "Invalid",
    "KeyReused",
    "Limit",
    "Matter",
    "NotFound",
    "QipanError",
    "Received",
    "Role",
    "Scope",
    "Severity",
    "Unavailable",
    "Unit",
    "allow",
    "answer",
    "background",
    "consume",
    "derived_id",
    "logger",
]
