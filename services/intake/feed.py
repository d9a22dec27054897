"""The feed: a row for each change of status that a tenant's own systems are to hear of, fetched in order."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from pydantic_core import to_json
from sqlalchemy import Connection, Row, text

from qipan.contracts.errors import Fault, Invalid, NotFound
from qipan.contracts.feed import Feed, FeedEntry, GetFeed
from qipan.storage import Timer, Work
from qipan.tenancy import District, base_of, in_shadow, shadow_of
from services.intake.tables import SCHEMA

FORGET_DUE = "feed.forget"
DAYS = 30
"""How long entries are kept where the pack says nothing (`feed.days`)."""


class Changed(Protocol):
    """What a statement that changed a report's status says of it."""

    @property
    def tenant(self) -> str: ...
    @property
    def report_id(self) -> str: ...
    @property
    def client(self) -> str: ...
    @property
    def reference(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Told:
    """A change of status, before it is known who hears of it."""

    status: str
    at: datetime
    case_id: str | None = None
    matter: str | None = None
    department: str | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A change as one reader (`tenant`) hears of it; `town` is whose report it is."""

    tenant: str
    town: str
    report_id: str
    case_id: str | None
    status: str
    at: datetime
    matter: str | None
    department: str | None
    unit: str | None
    reference: str | None


@dataclass(frozen=True, slots=True)
class Readers:
    """Which tenants keep a feed, and for how many days."""

    days: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, district: District) -> "Readers":
        """Those whose packs say `feed.kept`."""
        return cls(
            {
                tenant: district.setting(tenant, "feed.days", DAYS)
                for tenant in district.tenants
                if district.setting(tenant, "feed.kept", False)
            }
        )

    def hears(self, changed: Changed, told: Told) -> list[str]:
        """Who hears of this change: the town, the department that has the case, and whose system reported it.

        In an exercise, their shadows.
        """
        if not self.days:
            return []
        named = {base_of(changed.tenant), told.department}
        if changed.reference is not None:
            named.add(sender_of(changed.client))
        shadow = shadow_of(changed.tenant)
        return sorted(
            tenant if shadow is None else in_shadow(tenant, shadow)
            for tenant in named
            if tenant is not None and tenant in self.days
        )


NOBODY = Readers()


def sender_of(client: str) -> str:
    """The tenant of the account by which a report came (`traffic-police.its`)."""
    return client.partition("~")[0].partition(".")[0]


_WRITE = text(f"""
    INSERT INTO {SCHEMA}.feed (tenant, town, report_id, case_id, status, at, matter, department, unit, reference)
    SELECT e.tenant, e.town, e.report_id, e.case_id, e.status, e.at, e.matter, e.department, e.unit,
        coalesce(n.reference, e.reference)
    FROM json_to_recordset(CAST(:rows AS json)) AS e (tenant text, town text, report_id text, case_id text,
        status text, at timestamptz, matter text, department text, unit text, reference text)
    LEFT JOIN {SCHEMA}.report_references AS n
        ON n.tenant = e.town AND n.report_id = e.report_id AND n.owner = e.tenant
""")

# Only what no transaction in progress can still come before: no reader passes over an entry that is committed late.
_READ = text(f"""
    SELECT * FROM {SCHEMA}.feed
    WHERE tenant = :tenant AND (xid, seq) > (:xid, :seq)
        AND xid < CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)
    ORDER BY xid, seq LIMIT :limit
""")

_FORGET = text(f"DELETE FROM {SCHEMA}.feed WHERE tenant = :tenant AND at < :before")

_NOTE = text(f"""
    INSERT INTO {SCHEMA}.report_references (tenant, report_id, owner, reference)
    VALUES (:tenant, :report_id, :owner, :reference)
    ON CONFLICT (tenant, report_id, owner) DO UPDATE SET reference = excluded.reference
""")


def write(work: Work, readers: Readers, changes: Iterable[tuple[Changed, Told]]) -> None:
    """Write down what readers are to hear; nothing at all where nobody keeps a feed."""
    if not readers.days:
        return
    entries = [
        Entry(
            reader,
            changed.tenant,
            changed.report_id,
            told.case_id,
            told.status,
            told.at,
            told.matter,
            told.department,
            told.unit,
            changed.reference if sender_of(changed.client) == base_of(reader) else None,
        )
        for changed, told in changes
        for reader in readers.hears(changed, told)
    ]
    if not entries:
        return
    work.conn.execute(_WRITE, {"rows": to_json(entries).decode()})
    for reader in {entry.tenant for entry in entries}:
        today = work.now(reader).date()
        kept = timedelta(days=readers.days[base_of(reader)] + 1)
        midnight = work.now(reader).replace(hour=0, minute=0, second=0, microsecond=0)
        work.set_timer(tenant=reader, kind=FORGET_DUE, ref=today.isoformat(), due_at=midnight + kept)


def forget(work: Work, readers: Readers, due: Sequence[Timer]) -> None:
    """Delete what is older than the readers' packs keep."""
    for timer in due:
        days = readers.days.get(base_of(timer.tenant), DAYS)
        before = timer.due_at - timedelta(days=days)
        work.conn.execute(_FORGET, {"tenant": timer.tenant, "before": before})


def page(conn: Connection, readers: Readers, tenant: str, asked: GetFeed) -> Feed:
    """What changed after the cursor, oldest first. NotFound for a tenant that keeps no feed."""
    if base_of(tenant) not in readers.days:
        raise NotFound(f"{tenant!r} keeps no feed; `feed.kept = true` in its pack begins one.")
    xid, seq = _place(asked.after)
    values = {"tenant": tenant, "xid": xid, "seq": seq, "limit": asked.limit + 1}
    found = list(conn.execute(_READ, values))
    entries = tuple(map(_entry, found[: asked.limit]))
    return Feed(
        entries=entries,
        next=entries[-1].cursor if entries else asked.after,
        more=len(found) > asked.limit,
    )


def note(conn: Connection, tenant: str, report_id: str, owner: str, reference: str) -> None:
    """Keep the owner's number for a report; another one takes its place."""
    values = {"tenant": tenant, "report_id": report_id, "owner": owner, "reference": reference}
    conn.execute(_NOTE, values)


def _place(after: str | None) -> tuple[int, int]:
    if after is None:
        return 0, 0
    xid, _, seq = after.partition("-")
    if not all(part.isascii() and part.isdigit() and len(part) <= 18 for part in (xid, seq)):
        raise Invalid(
            faults=(Fault(where="after", what="is not where a page ended", allowed="`next` of a page"),)
        )
    return int(xid), int(seq)


def _entry(row: Row[Any]) -> FeedEntry:
    return FeedEntry(
        cursor=f"{row.xid}-{row.seq}",
        tenant=row.town,
        report_id=row.report_id,
        case_id=row.case_id,
        status=row.status,
        at=row.at,
        matter=row.matter,
        department=row.department,
        unit=row.unit,
        reference=row.reference,
    )
