from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exercise.books import CaseSeen, ReportSeen, Seen, accounts, balance
from exercise.ledger import Account, Ledger
from exercise.sightings import subject_of


def promised(*keys: str) -> dict[str, Account]:
    return {
        key: Account(key, town="sandun", channel="hotline", attempts=1, answers=1, report_ids=[f"r-{key}"])
        for key in keys
    }


def saw(
    reports: Sequence[ReportSeen] = (),
    cases: Sequence[CaseSeen] = (),
    dead: Sequence[str] = (),
    doubled: Sequence[str] = (),
) -> Seen:
    """What an operator sees when analytics counts right."""
    counted = Counter(case.stage if case.stage in ("closed", "voided") else "open" for case in cases)
    received = sum(report.status != "received" for report in reports)
    totals = {"sandun": {"received": received, "filed": len(cases), **counted}}
    return Seen(list(reports), list(cases), list(dead), len(dead), [], 0, list(doubled), totals)


def a_case(report_id: str, stage: str = "closed", **more: int) -> CaseSeen:
    return CaseSeen(f"c-{report_id}", report_id, "sandun", stage, **more)


def test_every_state_makes_a_report_visible_once():
    sent = promised("a", "b", "c", "d", "e", "f", "g", "h")
    seen = saw(
        reports=[
            ReportSeen("r-c", "sandun", "declined"),
            ReportSeen("r-d", "sandun", "merged"),
            ReportSeen("r-e", "sandun", "held"),
            ReportSeen("r-f", "sandun", "self-disposed"),
            ReportSeen("r-g", "sandun", "received"),
        ],
        cases=[a_case("r-a"), a_case("r-b", "accepted"), a_case("r-h", "voided")],
        dead=["r-g"],
    )
    books = balance(sent, seen)
    assert books.balanced
    assert (books.accepted, books.visible, books.lost) == (8, 8, 0)
    assert books.by_state == {
        "closed": 1, "open": 1, "declined": 1, "merged": 1,
        "held": 1, "self-disposed": 1, "dead letter": 1, "voided": 1,
    }  # fmt: skip


@pytest.mark.parametrize("status", ["received", "filed", "closed"])
def test_a_report_that_only_intake_believes_in_is_lost(status: str):
    books = balance(promised("a"), saw(reports=[ReportSeen("r-a", "sandun", status)]))
    assert books.lost == 1
    assert not books.balanced
    assert books.doubts == {"lost": ["a: r-a"]}


def test_what_was_never_acknowledged_is_not_owed():
    sent = {"a": Account("a", attempts=1), "b": Account("b", attempts=1, answers=1, refusal="invalid")}
    books = balance(sent, saw())
    assert books.balanced
    assert (books.submitted, books.accepted, books.refused, books.unanswered) == (2, 0, 1, 1)
    assert books.refusals == {"invalid": 1}


def test_a_repeat_that_got_the_first_answer_is_counted_and_fine(tmp_path: Path):
    with Ledger(tmp_path / "ledger.jsonl") as ledger:
        for _ in range(2):
            ledger.sent("a", town="sandun", channel="hotline")
            ledger.acknowledged("a", "r-a", tenant="sandun", token="sandun.x")
    sent = accounts([ledger.path])
    books = balance(sent, saw(cases=[a_case("r-a")]))
    assert books.balanced
    assert (books.submitted, books.accepted, books.repeats) == (1, 1, 1)
    assert sent["a"].token == "sandun.x"


@pytest.mark.parametrize(
    ("seen", "doubt"),
    [
        (saw(cases=[a_case("r-a"), CaseSeen("c2", "r-a", "sandun", "closed")]), "one report, several cases"),
        (saw(cases=[a_case("r-a", "accepted", open_tasks=2)]), "one case, several open tasks"),
        (
            saw(cases=[a_case("r-a")], reports=[ReportSeen("r-a", "sandun", "declined")]),
            "one report, several states",
        ),
        (saw(cases=[a_case("r-a")], doubled=["mail-1"]), "one key, several deliveries"),
        (
            Seen(cases=[a_case("r-a")], totals={"sandun": {"filed": 2, "closed": 1}}),
            "totals differ from a recount",
        ),
    ],
)  # fmt: skip
def test_anything_that_took_effect_twice_is_found(seen: Seen, doubt: str):
    books = balance(promised("a"), seen)
    assert books.duplicate_effects == 1
    assert not books.balanced
    assert list(books.doubts) == [doubt]


def test_one_key_with_two_reports_is_a_double(tmp_path: Path):
    with Ledger(tmp_path / "ledger.jsonl") as ledger:
        ledger.sent("a")
        ledger.acknowledged("a", "r-1")
        ledger.acknowledged("a", "r-2")
    books = balance(accounts([ledger.path]), saw(cases=[a_case("r-1"), a_case("r-2")]))
    assert books.duplicate_effects == 1
    assert not books.balanced


def test_a_dead_letter_about_a_case_leaves_its_report_where_it_is():
    books = balance(promised("a"), saw(cases=[a_case("r-a", "offered")], dead=["c-r-a"]))
    assert books.by_state == {"open": 1}
    assert books.balanced


def test_a_line_torn_by_a_kill_is_left_out(tmp_path: Path):
    path = tmp_path / "ledger.jsonl"
    with Ledger(path) as ledger:
        ledger.sent("a")
        ledger.acknowledged("a", "r-a")
    with path.open("a", encoding="utf-8") as file:
        file.write('{"what": "acknowledged", "key": "b", "repo')
    assert list(accounts([path])) == ["a"]


@given(
    st.lists(
        st.sampled_from(
            ["closed", "offered", "voided", "declined", "merged", "held", "self-disposed", "gone"]
        ),
        max_size=30,
    )
)
def test_accepted_is_always_visible_or_lost(fates: list[str]):
    sent = promised(*(str(number) for number in range(len(fates))))
    cases: list[CaseSeen] = []
    reports: list[ReportSeen] = []
    for number, fate in enumerate(fates):
        if fate in ("closed", "offered", "voided"):
            cases.append(a_case(f"r-{number}", fate))
        elif fate != "gone":
            reports.append(ReportSeen(f"r-{number}", "sandun", fate))
    books = balance(sent, saw(reports, cases))
    assert books.visible + books.lost == books.accepted == len(fates)
    assert books.lost == fates.count("gone")
    assert books.balanced == ("gone" not in fates)
    assert sum(books.by_state.values()) == books.visible


def test_a_status_behind_its_case_is_stale_and_no_loss():
    seen = saw(reports=[ReportSeen("r-a", "sandun", "accepted")], cases=[a_case("r-a", "disposed")])
    books = balance(promised("a"), seen)
    assert (books.stale, books.visible) == (1, 1)
    seen = saw(reports=[ReportSeen("r-a", "sandun", "disposed")], cases=[a_case("r-a", "disposed")])
    assert balance(promised("a"), seen).stale == 0


@pytest.mark.parametrize(
    ("body", "subject"),
    [
        (b'{"subject": "r-1", "data": {}}', "r-1"),
        (b'{"data": {}}', ""),
        (b"[1]", ""),
        (b"\xff\xfe not JSON", ""),
    ],
)
def test_what_a_dead_letter_is_about_is_read_where_it_can_be(body: bytes, subject: str):
    assert subject_of(body) == subject
