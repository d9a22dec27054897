"""An Open311 endpoint on a real database: its clients' keys, its answers, and what happens to a report behind it."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import text

from qipan.access import api_key_digest, new_api_key
from qipan.contracts.case import Stage
from qipan.contracts.commands import IssueApiKey
from qipan.contracts.events import ReportReceived
from qipan.messaging.received import Received
from qipan.tenancy import District
from services.intake.desk import Desk
from services.intake.follow import follow
from services.intake.open311 import keys
from services.intake.triage_batch import triage
from tests.case_samples import EVENT_OF, case
from tests.integration.intake_here import NOON, Here, opened, xihu
from tests.open311_answers import read

LAMP, CAR, RUBBISH = "s:01037", "s:06034", "s:06010"
SANDUN_PLACE = {"lat": "30.325", "long": "120.085"}
LIUXIA_PLACE = {"lat": "30.245", "long": "120.062"}


def with_settings(tenant: str, settings: Mapping[str, Any]) -> District:
    """Xihu, where one tenant's pack says otherwise."""
    district = xihu()
    part = district.parts[tenant]
    changed = replace(part, settings={**part.settings, **settings})
    return replace(district, parts={**district.parts, tenant: changed})


@dataclass
class Endpoint:
    """The door, and one client's key for Sandun."""

    here: Here
    desk: Desk
    key: str

    def issue(self, tenant: str, client: str = "fixmystreet") -> tuple[str, str]:
        """A new key and its id, stored as the service stores it."""
        key = new_api_key(tenant)
        with self.here.database.begin() as work:
            command = IssueApiKey(client=client, digest=api_key_digest(key))
            issued = keys.issue(work, xihu(), tenant, command, "operator")
        return key, issued.key_id

    def get(self, address: str, schema: str, status: int = 200, /, **query: Any) -> Any:
        """What a GET answers, which must be as the schema says."""
        found = self.here.http.get(f"/open311/v2/{address}", params=query)
        assert found.status_code == status, found.text
        return read(found, schema)

    def post(
        self,
        format: str = "json",
        status: int = 200,
        schema: str = "created",
        headers: dict[str, str] | None = None,
        **form: Any,
    ) -> Any:
        """What posting answers; the form is a lamp of Sandun's unless it says otherwise. None leaves a field out."""
        whole = {
            "api_key": self.key,
            "jurisdiction_id": "sandun",
            "service_code": LAMP,
            **SANDUN_PLACE,
            **form,
        }
        sent = {name: value for name, value in whole.items() if value is not None}
        answer = self.here.http.post(f"/open311/v2/requests.{format}", data=sent, headers=headers)
        assert answer.status_code == status, answer.text
        return read(answer, schema)

    def posted(self, **form: Any) -> str:
        """The id of a new request."""
        return str(self.post(**form)[0]["service_request_id"])

    def refused(self, format: str, status: int, **form: Any) -> list[str]:
        """What is wrong with a form, in English."""
        english = {"Accept-Language": "en"}
        errors = self.post(format, status, "errors", english, **form)
        return [error["description"] for error in errors]

    def triage(self) -> None:
        """Let intake decide about what came in."""
        told = [said for said in self.here.said() if said["type"] == ReportReceived.type]
        batch = [
            Received(ReportReceived(**said["data"]), said["id"], said["tenant"], "intake", NOON)
            for said in told
        ]
        with self.here.database.begin() as work:
            work.conn.execute(text("DELETE FROM intake.outbox"))
            triage(work, self.desk, batch)

    def step(self, report_id: str, stage: Stage, at: datetime, version: int) -> None:
        """Let dispatch tell of a step of the report's case."""
        state = case(
            f"c-{report_id}",
            report_id=report_id,
            stage=stage,
            version=version,
            matter=LAMP,
            stage_times={stage: at},
        )
        event = EVENT_OF[stage](case=state)
        with self.here.database.begin() as work:
            follow(work, [Received(event, str(uuid.uuid4()), "sandun", "dispatch", NOON)])


@contextmanager
def endpoint(url: str, district: District | None = None, outbox_limit: int = 100_000) -> Iterator[Endpoint]:
    """An endpoint on this database, with a key for Sandun."""
    with opened(url, outbox_limit, district) as here:
        made = Endpoint(here, Desk(district or xihu()), "")
        made.key, _ = made.issue("sandun")
        yield made
