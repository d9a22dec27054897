"""Histories nobody can change unseen: the chain, what keeps the rows, and `qipan audit verify`."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from dispatch_desk import CELL, Desk, build_dispatch, triaged
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from qipan.contracts.commands import AcceptTask, DisposeTask, InspectCase
from qipan.contracts.queries import TellCase
from qipan.testing import Databases
from services.dispatch import __main__ as program
from services.dispatch.audit import Verdict, verify

Tamper = Callable[[str], None]


def build_worked(url: str) -> None:
    """Six cases, one of them in an exercise, another with four rows of history."""
    build_dispatch(url)
    desk = Desk.open(url)
    desk.file(*(triaged(f"r{n}") for n in range(5)))
    worker = desk.cases()[0].worker or ""
    case_id = desk.cases()[0].case_id
    desk.ask(worker, AcceptTask(case_id=case_id))
    desk.clock.advance(timedelta(minutes=7))
    desk.ask(worker, DisposeTask(case_id=case_id, note="清理完毕", evidence=("photo:1",)))
    inspector = next(p.id for p in desk.process.district.people if CELL in p.cells)
    desk.ask(inspector, InspectCase(case_id=case_id, passed=False, note="还有垃圾"))
    desk.file(triaged("r1"), tenant="sandun~ex7")
    desk.database.close()


@pytest.fixture
def desk(database_url: Databases) -> Iterator[Desk]:
    desk = Desk.open(database_url(build_worked))
    yield desk
    desk.database.close()


@pytest.fixture
def tamper(desk: Desk) -> Tamper:
    """Does something to the rows behind the trigger's back."""

    def does(statement: str) -> None:
        with desk.database.begin() as work:
            work.conn.execute(text("ALTER TABLE dispatch.history DISABLE TRIGGER history_stays"))
            assert work.conn.execute(text(statement)).rowcount > 0
            work.conn.execute(text("ALTER TABLE dispatch.history ENABLE TRIGGER history_stays"))

    return does


def found(desk: Desk, **asked: str) -> list[Verdict]:
    return [verdict for verdict in verify(desk.database.engine, page=2, **asked) if verdict.broken]


def test_what_was_written_holds_and_says_by_which_right(desk: Desk) -> None:
    verdicts = list(verify(desk.database.engine, page=2))
    assert [v.broken for v in verdicts] == [None] * 6
    assert [v.rows for v in verdicts] == [v.chained for v in verdicts]
    assert sum(v.rows for v in verdicts) == 9
    assert len(list(verify(desk.database.engine, "sandun~ex7"))) == 1
    case_id = desk.cases()[0].case_id
    [one] = verify(desk.database.engine, case_id=case_id)
    assert one.rows == 4
    told = desk.ask("sandun.supervisor.1", TellCase(subject=case_id)).happenings
    assert [h.authority for h in told] == [
        "system",
        "handler@sandun",
        "handler@sandun",
        "grid-worker@sandun",
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE dispatch.history SET who = 'somebody'",
        "DELETE FROM dispatch.history WHERE version = 2",
        "TRUNCATE dispatch.history",
    ],
)
def test_the_database_refuses_to_change_what_happened(desk: Desk, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"), desk.database.begin() as work:
        work.conn.execute(text(statement))


LONG = "(SELECT case_id FROM dispatch.history WHERE version = 4)"


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        (f"UPDATE dispatch.history SET who = 'x' WHERE version = 2 AND case_id = {LONG}", "row 2"),
        (
            f"UPDATE dispatch.history SET authority = 'x' WHERE version = 3 AND case_id = {LONG}",
            "row 3",
        ),
        (f"UPDATE dispatch.history SET at = at - interval '1 hour' WHERE case_id = {LONG}", "row 1"),
        (
            "UPDATE dispatch.history SET real_at = real_at - interval '1 hour'"
            f" WHERE version = 4 AND case_id = {LONG}",
            "row 4",
        ),
        (
            "UPDATE dispatch.history SET detail = jsonb_set(detail, '{note}', '\"done\"')"
            f" WHERE version = 4 AND case_id = {LONG}",
            "row 4",
        ),
        (f"DELETE FROM dispatch.history WHERE version = 2 AND case_id = {LONG}", "row 2 is missing"),
        (f"DELETE FROM dispatch.history WHERE version = 4 AND case_id = {LONG}", "ends with row 3"),
        (f"DELETE FROM dispatch.history WHERE case_id = {LONG}", "ends with row 0"),
        (
            f"UPDATE dispatch.history SET hash = NULL WHERE version <= 2 AND case_id = {LONG}",
            "after chains began",
        ),
        (f"UPDATE dispatch.history SET hash = NULL WHERE version = 3 AND case_id = {LONG}", "row 3 has"),
        (f"UPDATE dispatch.history SET hash = NULL WHERE case_id = {LONG}", "after chains began"),
        (
            "UPDATE dispatch.cases SET state = jsonb_set(state, '{summary}', '\"nothing\"')"
            f" WHERE id = {LONG}",
            "state",
        ),
        (f"DELETE FROM dispatch.cases WHERE id = {LONG}", "case is missing"),
    ],
)
def test_what_was_changed_behind_its_back_is_found(
    desk: Desk, tamper: Tamper, statement: str, says: str
) -> None:
    tamper(statement)
    [verdict] = found(desk)
    assert says in (verdict.broken or "")


def test_a_column_that_lists_go_by_and_that_is_not_the_states_is_found(desk: Desk, tamper: Tamper) -> None:
    changes = {
        "stage": "'closed'", "worker": "'x'", "unit": "NULL", "department": "'x'",
        "due_at": "due_at + interval '1 day'",
    }  # fmt: skip
    for column, value in changes.items():
        tamper(f"UPDATE dispatch.cases SET {column} = {value} WHERE id = {LONG}")
    [verdict] = found(desk)
    says, _, columns = (verdict.broken or "").partition(": ")
    assert (says, set(columns.split(", "))) == (
        "the case's columns say something else than its state",
        {*changes},
    )


def test_a_tail_cut_off_with_the_case_set_back_is_found_by_its_hash(desk: Desk, tamper: Tamper) -> None:
    tamper(f"UPDATE dispatch.cases SET version = 3 WHERE id = {LONG}")
    tamper(f"DELETE FROM dispatch.history WHERE version = 4 AND case_id = {LONG}")
    [verdict] = found(desk)
    assert verdict.broken == "the case's own hash is not that of its last row"


def test_rows_older_than_the_chain_are_counted_and_the_chain_begins_after_them(
    desk: Desk, tamper: Tamper
) -> None:
    case = next(case for case in desk.cases() if case.version == 1 and case.tenant == "sandun")
    tamper(
        f"UPDATE dispatch.history SET hash = NULL, shown = NULL, real_at = now() WHERE case_id = '{case.case_id}'"
    )
    tamper(f"UPDATE dispatch.cases SET chain = NULL WHERE id = '{case.case_id}'")
    [verdict] = found(desk)
    assert verdict.broken == "row 1 has no hash, although it was written after chains began"
    tamper(
        f"UPDATE dispatch.history SET real_at = real_at - interval '1 day' WHERE case_id = '{case.case_id}'"
    )
    assert found(desk) == []
    desk.ask(case.worker or "", AcceptTask(case_id=case.case_id))
    [verdict] = verify(desk.database.engine, case_id=case.case_id)
    assert (verdict.rows, verdict.chained, verdict.broken) == (2, 1, None)


def test_the_command_says_where_and_ends_with_1(
    desk: Desk, tamper: Tamper, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = desk.database.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("QIPAN_DATABASE_URL", url)
    assert program.main(["verify"]) == 0
    assert "6 cases, 9 rows of history: every chain holds." in capsys.readouterr().out
    assert program.main(["verify", "--case", "nobody's"]) == 2
    tamper(f"UPDATE dispatch.history SET who = 'x' WHERE version = 2 AND case_id = {LONG}")
    assert program.main(["verify", "--tenant", "sandun"]) == 1
    out = capsys.readouterr().out
    assert "row 2 (accept)" in out
    assert "1 broken" in out
