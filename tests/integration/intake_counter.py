"""The service side of intake on the tables of a door, called as the wrapper calls it."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from nameko.testing.services import worker_factory

from qipan.access import Principal, Role, Verifier
from qipan.contracts.base import Request
from qipan.contracts.envelope import Envelope
from qipan.contracts.events import CaseEvent, ReportReceived
from qipan.ids import new_id
from qipan.messaging.received import Received
from qipan.messaging.serving import Answering, carry_out
from qipan.tenancy import District
from services.intake.contacts import Contacts
from services.intake.desk import Desk
from services.intake.photo_names import PhotoNames
from services.intake.service import Intake
from services.intake.tracking import TrackingTokens
from tests.integration.intake_here import CONTACTS, NOON, Here, xihu


@dataclass
class Counter:
    """A service process's part of intake, without the broker."""

    here: Here
    service: Intake
    process: Any

    @classmethod
    def open(cls, here: Here, contacts: Contacts = CONTACTS, district: District | None = None) -> "Counter":
        here_is = district or xihu()
        service = worker_factory(
            Intake,
            district=here_is,
            desk=Desk(here_is),
            contacts=contacts,
            photo_names=PhotoNames("secret"),
            tokens=TrackingTokens("secret"),
        )
        process = SimpleNamespace(
            service="intake",
            serves="intake",
            district=here_is,
            database=here.database,
            verifier=Verifier(here.verify_key),
        )
        return cls(here, service, process)

    def ask(self, request: Request[Any], *roles: Role, id: str | None = None, **traits: Any) -> Any:
        """What the service answers somebody of Sandun (or of `of`) about Sandun (or `tenant`)."""
        of, tenant = traits.pop("of", "sandun"), traits.pop("tenant", "sandun")
        sub = traits.pop("sub", f"{of}.{'-'.join(sorted(roles))}.1")
        principal = Principal(sub=sub, name="某人", tenant=of, roles=frozenset(roles), **traits)
        return self.carry(request, self.here.signer.token(principal, 600), tenant, id)

    def carry(self, request: Request[Any], token: str | None, tenant: str, id: str | None = None) -> Any:
        """What the service answers the bearer of this token."""
        envelope = Envelope[type(request)](
            id=id or new_id(),
            type=request.type,
            source="test",
            tenant=tenant,
            principal=token,
            data=request,
        )
        method = next(
            getattr(self.service, name)
            for name, one in vars(Intake).items()
            if any(
                getattr(e, "request", None) is type(request) for e in getattr(one, "nameko_entrypoints", ())
            )
        )
        return carry_out(self.process, {request.type: Answering(type(request), method)}, envelope)

    def triage(self) -> None:
        """Hand what the door told to triage; the outbox is left as it is."""
        told = [said for said in self.here.said() if said["type"] == ReportReceived.type]
        batch = [
            Received(ReportReceived(**said["data"]), said["id"], said["tenant"], "intake", NOON)
            for said in told
        ]
        with self.here.database.begin() as work:
            self.service.triage_reports(work, batch)

    def follow(self, *events: CaseEvent, tenant: str = "sandun") -> None:
        """Let the reports hear of their cases."""
        batch = [Received(event, new_id(), tenant, "dispatch", NOON) for event in events]
        with self.here.database.begin() as work:
            self.service.follow_cases(work, batch)
