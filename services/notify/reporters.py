"""Reporters who asked to be told: who they are is not known here, only their reports and languages."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from html import escape

from sqlalchemy import Connection, text

from qipan.contracts.case import CaseState
from qipan.contracts.citizens import ReachReporter, UpdatesWanted
from qipan.messaging.caller import Caller
from qipan.storage import arrays
from services.notify.channel import Outgoing, Refused
from services.notify.deliveries import Delivery
from services.notify.notes import Occurrence
from services.notify.rules import REPORTER

ENDS = {"zh": "不再接收进展通知", "en": "Stop these messages"}
"""What the last line of mail to a reporter says before the address at which it ends."""

NO_WAY_OUT = "QIPAN_PUBLIC_URL is not set for notify: the mail could not say where its reader ends such mail"

_OF = text(
    "SELECT r.tenant, r.report_id, r.language FROM notify.reporters AS r"
    " JOIN unnest(CAST(:tenants AS text[]), CAST(:reports AS text[])) AS asked (tenant, report_id)"
    " USING (tenant, report_id) WHERE r.wanted"
)
_KEEP = text(
    "INSERT INTO notify.reporters (tenant, report_id, language, wanted, changed_at)"
    " VALUES (:tenant, :report_id, :language, :wanted, :changed_at)"
    " ON CONFLICT (tenant, report_id) DO UPDATE SET language = excluded.language, wanted = excluded.wanted,"
    " changed_at = excluded.changed_at WHERE reporters.changed_at <= excluded.changed_at"
)


@dataclass(frozen=True, slots=True)
class Reached:
    """Where a reporter is reached at this moment, and where they end it."""

    address: str
    stop: str

    def told(self, message: Outgoing) -> Outgoing:
        """The message with its way out, in its own words and for mail programs."""
        ends = " / ".join(ENDS.values())
        html = message.html
        if html is not None:
            link = f'<p><a href="{escape(self.stop)}">{ends}</a></p>'
            html = html.replace("</body>", f"{link}</body>") if "</body>" in html else html + link
        return replace(message, body=f"{message.body}\n\n{ends}: {self.stop}", html=html, stop=self.stop)


def of(conn: Connection, heard: Iterable[Occurrence]) -> dict[tuple[str, str], str]:
    """The languages of the reporters of these cases who want to be told: (tenant, report) → language."""
    asked = sorted(
        {(one.about.tenant, one.about.report_id) for one in heard if isinstance(one.about, CaseState)}
    )
    if not asked:
        return {}
    tenants, reports = (arrays.texts(part) for part in zip(*asked, strict=True))
    rows = conn.execute(_OF, {"tenants": tenants, "reports": reports})
    return {(row.tenant, row.report_id): row.language for row in rows}


def keep(conn: Connection, wanted: Sequence[tuple[str, UpdatesWanted]]) -> None:
    """What they want from now on; an older word than the one known changes nothing."""
    rows = [
        {
            "tenant": tenant,
            "report_id": event.report_id,
            "language": event.language,
            "wanted": event.wanted,
            "changed_at": event.changed_at,
        }
        for tenant, event in sorted(wanted, key=lambda one: (one[0], one[1].report_id, one[1].changed_at))
    ]
    if rows:
        conn.execute(_KEEP, rows)


def reached(client: Caller, public_url: str, delivery: Delivery) -> Reached | None:
    """Ask intake where a reporter is reached; None when they want no more. Never in a transaction.

    Refused without a public address: nobody is written to who could not end it.
    """
    report_id = delivery.recipient.removeprefix(REPORTER)
    answer = client.call(ReachReporter(report_id=report_id), tenant=delivery.tenant)
    if answer.email is None:
        return None
    if not public_url:
        raise Refused(NO_WAY_OUT)
    stop = f"{public_url}/v1/reports/{report_id}/updates/stop?token={answer.stop_token}"
    return Reached(answer.email, stop)
