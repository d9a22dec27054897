"""What of a town is not finished yet: looked up in the services' tables, each as its own role, and on the broker."""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from qipan.contracts.subscriptions import CORE_SERVICES
from qipan.hosting.credentials import Credentials
from qipan.hosting.servers import Servers
from qipan.messaging.withdraw import queues_of
from qipan.storage.database import make_engine
from qipan.storage.provision import service_url

_MINE = "split_part(tenant, '~', 1) = :town"
"""The town's rows, and those of its exercises."""


@dataclass(frozen=True)
class Standing:
    """How much of each is open; by words that an operator reads. `passing` goes by itself, `lasting` does not."""

    lasting: Mapping[str, int]
    passing: Mapping[str, int]

    def said(self, of: Mapping[str, int]) -> str:
        """The counts that are not nothing, in words."""
        return ", ".join(f"{many} {what}" for what, many in of.items() if many)


class TownRows:
    """A town's rows in the services' schemas."""

    def __init__(self, servers: Servers, credentials: Credentials, town: str) -> None:
        self._servers = servers
        self._secret = credentials.secret
        self._town = town

    def standing(self) -> Standing:
        """What is open now. ProvisionError when the broker cannot be asked."""
        lasting = {what: self._count(service, query) for what, (service, query) in _LASTING.items()}
        unsent = sum(self._count(service, _outbox(service)) for service in CORE_SERVICES)
        queues: Mapping[str, int] = {}
        if self._servers.amqp_management_url:
            queues = queues_of(self._servers.amqp_management_url, self._servers.amqp_url, self._town)
        passing = {"messages in an outbox": unsent, "messages in its queues": sum(queues.values())}
        return Standing(lasting, passing)

    def takeovers(self) -> list[str]:
        """The services of its own of which the steward still has something in hand."""
        with self._at("steward") as conn:
            rows = conn.execute(
                text(f"SELECT DISTINCT service FROM steward.takeovers WHERE {_MINE} ORDER BY 1"),
                {"town": self._town},
            )
            return list(rows.scalars())

    def kept(self) -> dict[str, Any]:
        """What the archive keeps of it besides its pack: open cases as they are, letters, and when time is up."""
        return {
            "cases": self._rows("dispatch", _OPEN_CASES.format(what="tenant, state")),
            "reports": self._rows("intake", _OPEN_REPORTS.format(what="tenant, report_id, status")),
            "letters": self._rows(
                "steward", _LETTERS.format(what="tenant, id, service, message_id, key, reason, body")
            ),
            "timers": {
                service: self._rows(
                    service,
                    f"SELECT tenant, kind, ref, due_at, payload FROM {service}.timers WHERE {_MINE}",
                )
                for service in CORE_SERVICES
            },
        }

    def forget_timers(self) -> int:
        """Take its timers out, so that none comes due for a town that nobody knows; they are in the archive."""
        gone = 0
        for service in CORE_SERVICES:
            with self._at(service) as conn:
                done = conn.execute(text(f"DELETE FROM {service}.timers WHERE {_MINE}"), {"town": self._town})
                gone += done.rowcount
        return gone

    def bring_timers(self, timers: Mapping[str, list[Mapping[str, Any]]]) -> int:
        """Put an archive's timers back; one that is there already stays as it is."""
        came = 0
        for service, rows in timers.items():
            with self._at(service) as conn:
                for row in rows:
                    done = conn.execute(
                        text(
                            f"INSERT INTO {service}.timers (tenant, kind, ref, due_at, payload) VALUES (:tenant, :kind,"
                            " :ref, CAST(:due_at AS timestamptz), CAST(:payload AS jsonb)) ON CONFLICT DO NOTHING"
                        ),
                        {**row, "payload": json.dumps(row["payload"])},
                    )
                    came += done.rowcount
        return came

    def _count(self, service: str, query: str) -> int:
        with self._at(service) as conn:
            asked = text(query.format(what="count(*)"))
            return int(conn.execute(asked, {"town": self._town}).scalar_one())

    def _rows(self, service: str, query: str) -> list[dict[str, Any]]:
        with self._at(service) as conn:
            rows = conn.execute(text(query), {"town": self._town}).mappings()
            return [{name: _plain(value) for name, value in row.items()} for row in rows]

    @contextmanager
    def _at(self, service: str) -> Iterator[Connection]:
        engine = make_engine(service_url(self._servers.database_url, service, self._secret), pool_size=1)
        try:
            with engine.begin() as conn:
                yield conn
        finally:
            engine.dispose()


def _outbox(service: str) -> str:
    return f"SELECT {{what}} FROM {service}.outbox WHERE {_MINE}"


def _plain(value: Any) -> Any:
    """As JSON has it. Instants in ISO 8601, bytes in base64, tables as they are."""
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(bytes(value)).decode()
    return value.isoformat() if hasattr(value, "isoformat") else value


_OPEN_CASES = f"SELECT {{what}} FROM dispatch.cases WHERE {_MINE} AND stage NOT IN ('closed', 'voided')"
_OPEN_REPORTS = (
    f"SELECT {{what}} FROM intake.reports WHERE {_MINE} AND status IN ('received', 'held', 'verifying')"
)
_LETTERS = f"SELECT {{what}} FROM steward.dead_letters WHERE {_MINE} AND state IN ('open', 'redriving')"
_OF_LETTERS = "tenant, id, service, message_id, key, reason, body"
_LASTING = {
    "open cases": ("dispatch", _OPEN_CASES),
    "open cases of others that it takes part in": (
        "dispatch",
        "SELECT {what} FROM dispatch.parties p JOIN dispatch.cases c ON c.tenant = p.tenant AND c.id = p.case_id"
        " WHERE p.party = :town AND split_part(p.tenant, '~', 1) <> :town AND c.stage NOT IN ('closed', 'voided')",
    ),
    "reports not decided": ("intake", _OPEN_REPORTS),
    "messages to people and systems not sent": (
        "notify",
        f"SELECT {{what}} FROM notify.deliveries WHERE {_MINE}"
        " AND state IN ('queued', 'sending', 'failed', 'gathering')",
    ),
    "open dead letters": ("steward", _LETTERS),
}
