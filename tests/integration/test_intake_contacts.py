"""A reporter's name and number: sealed in the tables, masked on lists, unmasked with a purpose, told to nobody."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import create_engine, text, update
from sqlalchemy.exc import DBAPIError

from qipan.access import Role
from qipan.contracts.commands import UnmaskContact
from qipan.contracts.errors import Forbidden, Invalid, KeyReused, NotFound, Unavailable
from qipan.contracts.events import ReportTriaged
from qipan.contracts.queries import ListHeld, TellReport
from qipan.observability import logs
from qipan.storage import migrate
from qipan.testing import Databases
from services.intake.contacts import Contacts
from services.intake.digest import canonical_digest, keyed_digest
from services.intake.forms import ReportForm
from services.intake.reseal import reseal
from services.intake.sealing import Keyring
from services.intake.tables import reports
from tests.integration.dispatch_desk import Desk, build_dispatch, told
from tests.integration.intake_counter import Counter
from tests.integration.intake_here import CONTACT_KEYS, CONTACTS, ROOT, SANDUN, Here, build_intake, opened

NAME, PHONE = "王芳菲", "13912345678"
CONTACT = {"name": NAME, "phone": PHONE}


@pytest.fixture
def here(database_url: Databases) -> Iterator[Here]:
    with opened(database_url(build_intake)) as door:
        yield door


@pytest.fixture
def counter(here: Here) -> Counter:
    return Counter.open(here)


def report(here: Here, words: str = "路边垃圾成堆", **fields: Any) -> str:
    body = {"text": words, **SANDUN, "contact": CONTACT, **fields}
    answer = here.http.post("/v1/reports", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["report_id"])


def dumped(url: str, schema: str) -> str:
    """Every row of a schema as text, bytes as what they spell."""
    engine = create_engine(url)
    found = []
    with engine.connect() as conn:
        tables = conn.execute(
            text("SELECT table_name FROM information_schema.tables WHERE table_schema = :s"), {"s": schema}
        ).scalars()
        for table in tables.all():
            for row in conn.execute(text(f"SELECT * FROM {schema}.{table}")):
                for value in row:
                    if isinstance(value, bytes | memoryview):
                        found.append(bytes(value).decode(errors="replace"))
                    else:
                        found.append(json.dumps(value, ensure_ascii=False, default=str))
    engine.dispose()
    return "\n".join(found)


def url_of(here: Here) -> str:
    return here.database.engine.url.render_as_string(hide_password=False)


def test_neither_name_nor_number_lies_in_the_tables_in_plain(here: Here) -> None:
    report(here)
    plain = dumped(url_of(here), "intake")
    assert NAME not in plain
    assert PHONE not in plain
    [row] = here.rows()
    assert CONTACTS.open(row.contact, row.tenant, row.report_id).phone == PHONE


def test_the_digest_of_a_request_with_a_number_cannot_be_tried_out(here: Here) -> None:
    body = {"text": "路边垃圾成堆", **SANDUN, "contact": CONTACT}
    key = {"Idempotency-Key": "k1"}
    first, again = (here.http.post("/v1/reports", json=body, headers=key) for _ in range(2))
    other = here.http.post(
        "/v1/reports", json={**body, "contact": {**CONTACT, "phone": "13912345679"}}, headers=key
    )
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 409)
    assert first.json() == again.json()
    [row] = here.rows()
    plain = canonical_digest(ReportForm.model_validate(body), ReportForm)
    assert row.digest == keyed_digest(plain, "secret") != plain


def test_lists_show_masks(here: Here, counter: Counter) -> None:
    report(here, "嗯嗯嗯")
    report(here, "啊啊啊", contact=None)
    counter.triage()
    page = counter.ask(ListHeld(), Role.ACCEPTOR)
    by_words = {held.text: held.contact for held in page.reports}
    assert by_words["嗯嗯嗯"].model_dump() == {
        "name": "王**",
        "phone": "139****5678",
        "email": None,
    }
    assert by_words["啊啊啊"] is None
    assert PHONE not in page.model_dump_json()


def test_an_acceptor_sees_all_that_is_known_of_a_held_report(here: Here, counter: Counter) -> None:
    """What triage found out is for whoever decides, and goes through the list as it stands in the row."""
    report(here, "学校后门")
    counter.triage()
    [row] = here.rows()
    found = {
        "suggestion": {"matter": "06010", "confidence": 0.4, "by": "model", "version": "v1"},
        "place": {"lon": row.lon, "lat": row.lat, "cells": row.cells, "component": "SD-LAMP-1"},
        "located": {"by": "gazetteer", "name": "灵隐寺", "confidence": 0.9, "metres": 40.0},
        "component": "SD-LAMP-2",
        "address": "灵隐寺",
    }
    with here.database.begin() as work:
        work.conn.execute(update(reports).values(found))
    [held] = counter.ask(ListHeld(), Role.ACCEPTOR).reports
    shown = held.model_dump(exclude_unset=True)
    for field, value in found.items():
        assert value == shown[field] or value.items() <= shown[field].items(), field
    assert held.contact is not None
    assert held.contact.phone == "139****5678"


def test_the_gravest_stands_first_in_an_acceptors_list_whatever_page(here: Here, counter: Counter) -> None:
    levels = {"none": None, "normal": "normal", "urgent": "urgent", "low": "low", "urgent too": "urgent"}
    for number, words in enumerate(levels):
        report(here, f"嗯嗯嗯{number} {words}")
        counter.triage()
    with here.database.begin() as work:
        for words, level in levels.items():
            said = reports.c.text.endswith(f" {words}")
            work.conn.execute(update(reports).where(said).values(level=level))
    seen, after = [], None
    while True:
        page = counter.ask(ListHeld(limit=1, after=after), Role.ACCEPTOR)
        seen += [held.text.partition(" ")[2] for held in page.reports]
        after = page.next
        if after is None:
            break
    assert sorted(seen[:2]) == ["urgent", "urgent too"]
    assert sorted(seen[2:4]) == ["none", "normal"]
    assert seen[4:] == ["low"]
    for wrong in ("x/2026-03-05T04:00:00Z/r1", "2026-03-05T04:00:00Z/r1", "٣/2026-03-05T04:00:00Z/r1"):
        with pytest.raises(Invalid):
            counter.ask(ListHeld(after=wrong), Role.ACCEPTOR)


def test_unmasking_is_for_acceptors_and_shift_leaders_and_is_written_down(
    here: Here, counter: Counter
) -> None:
    report_id = report(here)
    command = UnmaskContact(report_id=report_id, purpose="  核实\n地点 ")
    for role in (Role.ACCEPTOR, Role.SHIFT_LEADER):
        answer = counter.ask(command, role)
        assert (answer.name, answer.phone) == (NAME, PHONE)
        assert PHONE not in repr(answer)
    entries = sorted(here.rows("unmaskings"), key=lambda row: row.who)
    assert [(row.tenant, row.report_id, row.who, row.purpose) for row in entries] == [
        ("sandun", report_id, "sandun.acceptor.1", "核实 地点"),
        ("sandun", report_id, "sandun.shift-leader.1", "核实 地点"),
    ]
    story = counter.ask(TellReport(subject=report_id), Role.SUPERVISOR)
    assert [one.who for one in story.happenings if one.what == "contact unmasked"] == [
        "sandun.acceptor.1",
        "sandun.shift-leader.1",
    ]


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.ACCEPTOR, Role.SHIFT_LEADER}))
def test_nobody_else_may(here: Here, counter: Counter, role: Role) -> None:
    report_id = report(here)
    with pytest.raises(Forbidden):
        counter.ask(UnmaskContact(report_id=report_id, purpose="好奇"), role)
    assert here.rows("unmaskings") == []


@pytest.mark.parametrize("of", ["xixi", "traffic-police", "sandun~ex7"])
def test_no_other_town_department_or_exercise_may(here: Here, counter: Counter, of: str) -> None:
    report_id = report(here)
    with pytest.raises(Forbidden):
        counter.ask(UnmaskContact(report_id=report_id, purpose="好奇"), Role.ACCEPTOR, of=of)
    assert here.rows("unmaskings") == []


def test_what_is_refused_is_not_in_the_log(here: Here, counter: Counter) -> None:
    known, anonymous = report(here), report(here, contact=None)
    refused = [
        (UnmaskContact(report_id=known, purpose=" \t"), Invalid),
        (UnmaskContact(report_id=anonymous, purpose="回访"), NotFound),
        (UnmaskContact(report_id="nothing", purpose="回访"), NotFound),
    ]
    for command, error in refused:
        with pytest.raises(error):
            counter.ask(command, Role.ACCEPTOR)
    without_keys = Counter.open(here, Contacts(Keyring.parse("")))
    with pytest.raises(Unavailable):
        without_keys.ask(UnmaskContact(report_id=known, purpose="回访"), Role.ACCEPTOR)
    assert here.rows("unmaskings") == []


def test_a_repeat_is_one_entry_and_its_answer_is_not_stored(here: Here, counter: Counter) -> None:
    report_id = report(here)
    command = UnmaskContact(report_id=report_id, purpose="回访")
    first, again = (counter.ask(command, Role.ACCEPTOR, id="u1") for _ in range(2))
    assert first == again
    assert len(here.rows("unmaskings")) == 1
    assert PHONE not in dumped(url_of(here), "intake")
    for other in (command.model_copy(update={"purpose": "别的"}), command):
        sub = "sandun.acceptor.2" if other is command else "sandun.acceptor.1"
        with pytest.raises(KeyReused):
            counter.ask(other, Role.ACCEPTOR, id="u1", sub=sub)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE intake.unmaskings SET who = 'x'", "DELETE FROM intake.unmaskings", "TRUNCATE intake.unmaskings"],
)
def test_the_log_is_only_added_to(here: Here, counter: Counter, statement: str) -> None:
    counter.ask(UnmaskContact(report_id=report(here), purpose="回访"), Role.ACCEPTOR)
    with pytest.raises(DBAPIError, match="only ever added to"), here.database.begin() as work:
        work.conn.execute(text(statement))
    assert len(here.rows("unmaskings")) == 1


def everything_told(
    here: Here,
    database_url: Databases,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    **fields: Any,
) -> str:
    """All that leaves intake while a report becomes a case, all that dispatch keeps and says, and every log line."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    logs.configure("test", "json")
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [*root.handlers, caplog.handler])
    caplog.set_level(logging.DEBUG)
    counter = Counter.open(here)
    report_id = report(here, **fields)
    counter.triage()
    url = database_url(build_dispatch)
    desk = Desk.open(url)
    triaged = [said for said in here.said() if said["type"] == ReportTriaged.type]
    desk.hear([told(ReportTriaged(**said["data"])) for said in triaged])
    counter.ask(UnmaskContact(report_id=report_id, purpose="核实地点"), Role.ACCEPTOR)
    [case] = desk.cases()
    assert case.report_id == report_id
    desk.database.close()
    said = json.dumps(here.said(), ensure_ascii=False)
    lines = "\n".join(record.getMessage() + str(record.__dict__) for record in caplog.records)
    assert "contact unmasked" in lines
    return "\n".join((said, dumped(url, "dispatch"), lines))


def test_the_unit_complained_about_never_learns_who_complained(
    here: Here,
    database_url: Databases,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    everything = everything_told(here, database_url, caplog, monkeypatch)
    assert NAME not in everything
    assert PHONE not in everything


def test_what_the_reporter_writes_does_travel(
    here: Here,
    database_url: Databases,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control of the test above: a name that leaves intake would be found."""
    everything = everything_told(here, database_url, caplog, monkeypatch, words=f"路边垃圾成堆，{NAME}看见的")
    assert NAME in everything


def plain_reports(url: str, count: int) -> None:
    """Reports as they were stored before contacts were sealed."""
    engine = create_engine(url)
    with engine.begin() as conn:
        conn.execute(text("CREATE SCHEMA intake"))
    migrate.migrate(url, "intake", ROOT / "services", "0001")
    with engine.begin() as conn:
        conn.execute(
            text("""
                INSERT INTO intake.reports (tenant, report_id, client, digest, channel, text, lon, lat, received_at,
                    status, changed_at, contact_name, contact_phone)
                SELECT 'sandun', 'r' || n, 'anonymous', CASE n % 2 WHEN 0 THEN 'd' || n END, 'citizen', 'x', 120, 30,
                    now(), 'received', now(), CASE WHEN n % 3 > 0 THEN :name || n END, :phone || n
                FROM generate_series(1, :count) AS n
            """),
            {"name": NAME, "phone": PHONE, "count": count},
        )
        conn.execute(
            text("""
                INSERT INTO intake.reports (tenant, report_id, client, channel, text, lon, lat, received_at, status,
                    changed_at)
                VALUES ('sandun', 'nobody', 'anonymous', 'citizen', 'x', 120, 30, now(), 'received', now())
            """)
        )
    engine.dispose()


def file_of(url: str) -> bytes:
    """The table's own file, as it lies on the disk."""
    engine = create_engine(url)
    with engine.connect() as conn:
        conn.execute(text("CHECKPOINT"))
        found = conn.execute(
            text("SELECT pg_read_binary_file(pg_relation_filepath('intake.reports'))")
        ).scalar_one()
    engine.dispose()
    return bytes(found)


def test_old_reports_are_sealed_and_nothing_plain_is_left_in_the_tables_file(database_url: Databases) -> None:
    url = database_url()
    plain_reports(url, 1500)
    assert PHONE.encode() in file_of(url)  # the control: in plain it would be found there
    secrets = {"QIPAN_CONTACT_KEYS": CONTACT_KEYS, "QIPAN_DOOR_SECRET": "secret"}
    migrate.migrate(url, "intake", ROOT / "services", secrets=secrets)
    assert PHONE.encode() not in file_of(url)
    assert NAME.encode() not in file_of(url)
    engine = create_engine(url)
    with engine.connect() as conn:
        rows = {row.report_id: row for row in conn.execute(text("SELECT * FROM intake.reports"))}
    engine.dispose()
    assert len(rows) == 1501
    assert rows["nobody"].contact is None
    for number in range(1, 1501):
        row = rows[f"r{number}"]
        contact = CONTACTS.open(row.contact, "sandun", row.report_id)
        assert contact.phone == f"{PHONE}{number}"
        assert contact.name == (f"{NAME}{number}" if number % 3 else None)
        assert row.digest == (None if number % 2 else keyed_digest(f"d{number}", "secret"))


def test_without_a_key_plain_reports_stop_the_migration_and_stay_as_they_were(
    database_url: Databases,
) -> None:
    url = database_url()
    plain_reports(url, 1)
    with pytest.raises(ValueError, match="QIPAN_CONTACT_KEYS"):
        migrate.migrate(url, "intake", ROOT / "services")
    assert migrate.current(url, "intake") == "0001"


def test_what_lies_under_an_old_key_is_resealed_once(here: Here) -> None:
    for number in range(3):
        report(here, f"报告 {number}")
    report(here, contact=None)
    grown = Contacts(Keyring.parse(f"2:{'6f' * 32},{CONTACT_KEYS}"))
    assert reseal(here.database, grown) == (3, 0)
    assert reseal(here.database, grown) == (0, 0)
    for row in here.rows():
        if row.contact is not None:
            assert Keyring.key_of(row.contact) == 2
            assert grown.open(row.contact, row.tenant, row.report_id).phone == PHONE


def test_what_cannot_be_read_is_left_as_it_is_and_counted(here: Here) -> None:
    report(here)
    stranger = Contacts(Keyring.parse(f"2:{'6f' * 32}"))
    assert reseal(here.database, stranger) == (0, 1)
    [row] = here.rows()
    assert CONTACTS.open(row.contact, row.tenant, row.report_id).phone == PHONE
