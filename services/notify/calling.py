"""Call-outs: one after the other on a roster is asked, until somebody answers or everybody was asked."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from qipan.contracts.callouts import Callout, Callouts, CalloutState, ListCallouts
from qipan.contracts.errors import Conflict, NotFound
from qipan.contracts.events import CaseAccepted, CaseClosed, CaseVoided
from qipan.ids import derived_id, new_id
from qipan.storage import Timer, Work
from qipan.tenancy import base_of
from services.notify import wish_store
from services.notify.desk import UNANSWERED, Desk
from services.notify.notes import Heading, Note, Occurrence
from services.notify.rosters import Roster
from services.notify.rules import Channel, Rule
from services.notify.templates import LANGUAGES

TIMER = "callout.due"

_BEGIN = text(
    """
    INSERT INTO notify.callouts (tenant, callout_id, roster, template, event, about_tenant, case_id, report_id, version,
        at, traceparent, words, people, asked, state)
    VALUES (:tenant, :callout_id, :roster, :template, :event, :tenant, :case_id, :report_id, :version,
        :at, :traceparent, CAST(:words AS jsonb), :people, 0, 'open')
    ON CONFLICT DO NOTHING RETURNING *
    """
)
_LOCK = text("SELECT * FROM notify.callouts WHERE tenant = :tenant AND callout_id = :callout_id FOR UPDATE")
_ASKED = text(
    "UPDATE notify.callouts SET people = :people, asked = asked + 1, due_at = :due_at"
    " WHERE tenant = :tenant AND callout_id = :callout_id"
)
_SETTLE = text(
    """
    UPDATE notify.callouts SET state = 'answered', due_at = NULL
    WHERE about_tenant = :tenant AND case_id = :case_id AND state = 'open' AND version < :version
    RETURNING tenant, callout_id
    """
)
_SETTLES = frozenset({CaseAccepted.type, CaseClosed.type, CaseVoided.type})
_END = text(
    """
    UPDATE notify.callouts SET state = :state, answered_by = :by, answered_at = :at, due_at = NULL
    WHERE tenant = :tenant AND callout_id = :callout_id RETURNING *
    """
)
_PAGE = text(
    """
    SELECT * FROM notify.callouts
    WHERE tenant = :tenant AND (NOT :open OR state = 'open')
        AND (CAST(:person AS text) IS NULL OR :person = ANY(people[1:asked]))
        AND (CAST(:after AS text) IS NULL OR number < (
            SELECT number FROM notify.callouts WHERE tenant = :tenant AND callout_id = :after
        ))
    ORDER BY number DESC LIMIT :limit
    """
)


def begin(work: Work, desk: Desk, occurrence: Occurrence) -> list[Note]:
    """Call out whom this event's rules call out: the notes to the first on each roster, once.

    Whoever was called out about the case before need not come once it is taken on, closed or voided.
    """
    _settle(work, desk, occurrence)
    notes: list[Note] = []
    for rule in desk.callouts(occurrence):
        notes += _begin(work, desk, occurrence, rule)
    return notes


def go_on(work: Work, desk: Desk, due: Sequence[Timer]) -> list[Note]:
    """Ask the next of those who did not answer in time; after the last, tell the town's overseers."""
    notes: list[Note] = []
    for timer in due:
        row = _locked(work.conn, timer.tenant, timer.ref)
        if row is not None and row["state"] == CalloutState.OPEN:
            notes += _ask(work, desk, row)
    return notes


def answer(work: Work, tenant: str, callout_id: str, person: str) -> Callout:
    """Somebody who was asked takes it on. NotFound for who was not asked, Conflict when another one has it."""
    row = _locked(work.conn, tenant, callout_id)
    if row is None or person not in row["people"][: row["asked"]]:
        raise NotFound("You were not called out by this.")
    if row["state"] == CalloutState.ANSWERED:
        if row["answered_by"] == person:
            return shown(row)
        if row["answered_by"] is None:
            raise Conflict("The case has been taken on, closed or voided meanwhile.")
        raise Conflict(f"{row['answered_by']} has answered it already.")
    work.cancel_timers(tenant, callout_id, TIMER)
    return shown(_ended(work.conn, row, CalloutState.ANSWERED, person, work.now(tenant)))


def page(conn: Connection, tenant: str, ask: ListCallouts, person: str | None) -> Callouts:
    """A tenant's call-outs, newest first; with a `person` those in which they were asked."""
    asked = {
        "tenant": tenant,
        "open": ask.open,
        "person": person,
        "after": ask.after,
        "limit": ask.limit + 1,
    }
    rows = [shown(row) for row in conn.execute(_PAGE, asked).mappings()]
    found = tuple(rows[: ask.limit])
    return Callouts(callouts=found, next=found[-1].callout_id if len(rows) > ask.limit else None)


def shown(row: Mapping[str, Any]) -> Callout:
    """A row as callers see it."""
    return Callout(
        callout_id=row["callout_id"],
        roster=row["roster"],
        event=row["event"],
        case_id=row["case_id"],
        report_id=row["report_id"],
        title=row["words"][LANGUAGES[0]][0],
        at=row["at"],
        state=row["state"],
        asked=tuple(row["people"][: row["asked"]]),
        due_at=row["due_at"],
        answered_by=row["answered_by"],
        answered_at=row["answered_at"],
    )


def _begin(work: Work, desk: Desk, occurrence: Occurrence, rule: Rule) -> list[Note]:
    tenant, name = occurrence.about.tenant, rule.roster or ""
    roster = desk.books[tenant].rosters[name]
    row = (
        work.conn.execute(
            _BEGIN,
            {
                "tenant": tenant,
                "callout_id": derived_id("callout", tenant, occurrence.message_id, rule.name),
                "roster": name,
                "template": rule.template,
                "event": occurrence.event,
                "case_id": occurrence.case_id,
                "report_id": occurrence.report_id,
                "version": occurrence.version,
                "at": occurrence.at,
                "traceparent": occurrence.traceparent,
                "words": json.dumps(desk.words_of(occurrence, rule.template), ensure_ascii=False),
                "people": list(roster.order(occurrence.at, desk.zone(tenant))),
            },
        )
        .mappings()
        .one_or_none()
    )
    return _ask(work, desk, row) if row is not None else []


def _settle(work: Work, desk: Desk, occurrence: Occurrence) -> None:
    """End the case's open call-outs that are older than this event, if it settles what they called for."""
    tenant = occurrence.about.tenant
    if occurrence.event not in _SETTLES or not desk.books[base_of(tenant)].rosters:
        return
    asked = {"tenant": tenant, "case_id": occurrence.case_id, "version": occurrence.version}
    for row in work.conn.execute(_SETTLE, asked).all():
        work.cancel_timers(row.tenant, row.callout_id, TIMER)


def _ask(work: Work, desk: Desk, row: Mapping[str, Any]) -> list[Note]:
    """Ask the next one who is still of the tenant."""
    tenant, callout_id = row["tenant"], row["callout_id"]
    roster: Roster | None = desk.books[tenant].rosters.get(row["roster"])
    now, number = work.now(tenant), row["asked"]
    left = [one for one in row["people"][number:] if (p := desk.directory.person(one)) and p.tenant == tenant]
    if not left or roster is None:
        _ended(work.conn, row, CalloutState.UNANSWERED, None, now)
        return _unanswered(desk, row, now)
    due_at = now + roster.answer_within
    people = [*row["people"][:number], *left]
    work.conn.execute(
        _ASKED, {"tenant": tenant, "callout_id": callout_id, "due_at": due_at, "people": people}
    )
    work.set_timer(tenant=tenant, kind=TIMER, ref=callout_id, due_at=due_at)
    person = left[0]
    known, me = desk.directory.person(person), (tenant, person)
    wished = wish_store.wishes_of(work.conn, [me]).get(me, wish_store.NONE).language
    language = wished or (known.language if known else LANGUAGES[0])
    title, body = row["words"][language]
    heading = _heading(row, now)
    note = Note(tenant, person, Channel.IN_APP, title, body, heading, callout_id=callout_id)
    others = [channel for channel in roster.channels if channel != Channel.IN_APP]
    return [note, *desk.outside(person, tenant, others, language, (title, body), heading)]


def _unanswered(desk: Desk, row: Mapping[str, Any], now: datetime) -> list[Note]:
    notes = []
    heading = _heading(row, now)
    for person in desk.directory.overseers(row["tenant"]):
        words = {
            "call": row["words"][person.language][0],
            "roster": row["roster"],
            "asked": ", ".join(row["people"]),
        }
        said = desk.say(row["tenant"], UNANSWERED, person.language, words)
        notes.append(Note(person.tenant, person.id, Channel.IN_APP, *said, heading))
    return notes


def _heading(row: Mapping[str, Any], now: datetime) -> Heading:
    """A message of its own for everybody who is asked: ids grow with time."""
    return Heading(
        new_id(),
        row["event"],
        row["about_tenant"],
        row["case_id"],
        row["report_id"],
        row["version"],
        now,
        row["traceparent"],
    )


def _locked(conn: Connection, tenant: str, callout_id: str) -> Mapping[str, Any] | None:
    return conn.execute(_LOCK, {"tenant": tenant, "callout_id": callout_id}).mappings().one_or_none()


def _ended(
    conn: Connection, row: Mapping[str, Any], state: CalloutState, by: str | None, at: datetime
) -> Mapping[str, Any]:
    asked = {"tenant": row["tenant"], "callout_id": row["callout_id"], "state": state.value}
    return conn.execute(_END, {**asked, "by": by, "at": at if by else None}).mappings().one()
