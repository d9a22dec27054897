"""Totals follow from the newest states alone, whatever the order and however often their events come."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from case_samples import MORNING, case, lives, triaged
from hypothesis import given
from hypothesis import strategies as st

from qipan.contracts.case import CaseState, Counters, Stage
from qipan.contracts.events import Outcome
from services.analytics.facts import CaseFacts, ReportFacts
from services.analytics.totals import (
    EPOCH,
    Cut,
    Key,
    Totals,
    add,
    buckets,
    change,
    contributions,
    merge,
    without_zeros,
)

ZONE = "Asia/Shanghai"
FILED = {"filed": 1, "filed_well": 1, "open": 1}


def fold(states: list[CaseFacts | ReportFacts]) -> Totals:
    """What the store does with states as they come, without a database."""
    known: dict[tuple[str, str], CaseFacts | ReportFacts] = {}
    totals: Totals = {}
    for state in states:
        old = known.get(state.key)
        if old is None or state.order > old.order:
            add(totals, state.tenant, ZONE, change(old, state))
            known[state.key] = state
    return without_zeros(totals)


def of_newest(states: list[CaseFacts | ReportFacts]) -> Totals:
    """What only the newest state of each thing contributes."""
    newest: dict[tuple[str, str], CaseFacts | ReportFacts] = {}
    for state in states:
        if state.key not in newest or state.order > newest[state.key].order:
            newest[state.key] = state
    totals: Totals = {}
    for state in newest.values():
        merge(totals, contributions(state, ZONE).items())
    return without_zeros(totals)


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[CaseFacts], list[CaseFacts]]:
    """Some cases' events in order, and the same shuffled, repeated, and with gaps but for the last."""
    life = {
        (versions[0].tenant, versions[0].case_id): versions
        for versions in draw(st.lists(lives(), max_size=4))
    }
    ordered = [CaseFacts.of(state) for versions in life.values() for state in versions]
    last = [CaseFacts.of(versions[-1]) for versions in life.values()]
    some = draw(st.lists(st.sampled_from(ordered), max_size=20)) if ordered else []
    return ordered, draw(st.permutations(some + last))


@given(streams())
def test_any_order_repetition_and_gap_gives_what_the_last_states_alone_give(
    stream: tuple[list[CaseFacts], list[CaseFacts]],
) -> None:
    ordered, disturbed = stream
    assert fold(disturbed) == fold(ordered) == of_newest(ordered)


@given(lives())
def test_control_without_comparing_versions_a_late_event_would_count_again(versions: list[CaseState]) -> None:
    first, last = CaseFacts.of(versions[0]), CaseFacts.of(versions[-1])
    careless: Totals = {}
    for state in (last, first):
        add(careless, state.tenant, ZONE, state.moments())
    day = Key(first.tenant, Cut.EVER, EPOCH, "")
    assert careless[day]["filed"] == 2
    assert fold([last, first])[day]["filed"] == 1


@given(lives(max_size=2))
def test_a_change_is_the_difference_of_contributions(versions: list[CaseState]) -> None:
    old, new = CaseFacts.of(versions[0]), CaseFacts.of(versions[-1])
    totals = contributions(old, ZONE)
    add(totals, new.tenant, ZONE, change(old, new))
    assert without_zeros(totals) == contributions(new, ZONE)


@given(lives(max_size=1))
def test_every_cut_by_day_adds_up_to_the_day(versions: list[CaseState]) -> None:
    facts = CaseFacts.of(versions[0])
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for key, counts in contributions(facts, ZONE).items():
        sums[key.cut].update(counts)
    complete = [Cut.HOUR, Cut.DAY, Cut.EVER, Cut.MATTER, Cut.CELL, Cut.CHANNEL]
    assert all(sums[cut] == sums[Cut.DAY] for cut in complete)
    assert sums[Cut.DEPARTMENT] == (sums[Cut.DAY] if facts.department else Counter())


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {**FILED, "undisposed": 1, "unclosed": 1}),
        (
            {"counters": Counters(offers=2, returns=1)},
            {**FILED, "offers": 2, "returns": 1, "undisposed": 1, "unclosed": 1},
        ),
        (
            {"stage": Stage.DISPOSED, "disposed_at": MORNING + timedelta(hours=4)},
            {**FILED, "unclosed": 1, "disposed": 1, "on_time": 1, "uninspected": 1},
        ),
        (
            {"stage": Stage.DISPOSED, "disposed_at": MORNING + timedelta(hours=5)},
            {**FILED, "unclosed": 1, "disposed": 1, "late": 1, "uninspected": 1},
        ),
        (
            {"stage": Stage.REWORK, "disposed_at": None, "counters": Counters(reworks=1, extensions=1)},
            {**FILED, "undisposed": 1, "extended_undisposed": 1, "unclosed": 1, "reworked_unclosed": 1},
        ),
        (
            {
                "stage": Stage.CLOSED,
                "disposed_at": MORNING + timedelta(hours=3),
                "closed_at": MORNING + timedelta(hours=6),
                "rating": 3,
                "counters": Counters(reworks=2, extensions=2),
            },
            {
                "filed": 1,
                "filed_well": 1,
                "disposed": 1,
                "on_time": 1,
                "reworked": 1,
                "extended_disposed": 1,
                "settled": 1,
                "closed": 1,
                "closed_on_time": 1,
                "closed_reworked": 1,
                "rated": 1,
                "satisfied": 1,
            },
        ),
        (
            {"stage": Stage.VOIDED, "disposed_at": MORNING, "closed_at": MORNING + timedelta(hours=6)},
            {"filed": 1, "voided": 1},
        ),
    ],
)
def test_what_a_case_counts_for(changes: dict[str, object], expected: dict[str, int]) -> None:
    totals = contributions(CaseFacts.of(case(**changes)), ZONE)
    assert totals[Key("sandun", Cut.EVER, EPOCH, "")] == expected


def test_a_poor_rating_is_rated_and_not_satisfied() -> None:
    state = case(stage=Stage.CLOSED, closed_at=MORNING, rating=2)
    counts = contributions(CaseFacts.of(state), ZONE)[Key("sandun", Cut.EVER, EPOCH, "")]
    assert counts["rated"] == 1
    assert "satisfied" not in counts


@pytest.mark.parametrize("outcome", Outcome)
def test_a_report_counts_as_received_and_as_what_was_decided(outcome: Outcome) -> None:
    facts = ReportFacts.of("sandun", triaged(outcome=outcome))
    counts = contributions(facts, ZONE)[Key("sandun", Cut.EVER, EPOCH, "")]
    assert counts["received"] == 1
    assert sum(counts.values()) == 2


def test_a_held_report_that_is_decided_leaves_the_held_ones() -> None:
    held = ReportFacts.of("sandun", triaged(outcome=Outcome.HOLD))
    later = held.triaged_at + timedelta(hours=1)
    decided = ReportFacts.of("sandun", triaged(outcome=Outcome.DECLINE, triaged_at=later))
    expected = {"received": 1, "declined": 1}
    for order in ([held, decided], [decided, held, held]):
        assert fold(order)[Key("sandun", Cut.EVER, EPOCH, "")] == expected


def test_at_the_same_moment_a_decision_outweighs_holding() -> None:
    held = ReportFacts.of("sandun", triaged(outcome=Outcome.HOLD))
    filed = ReportFacts.of("sandun", triaged(outcome=Outcome.FILE))
    assert filed.order > held.order


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from(["Asia/Shanghai", "America/New_York", "Asia/Kathmandu", "UTC"]),
)
def test_buckets_begin_at_the_local_hour_and_day(at: datetime, zone: str) -> None:
    hour, day = (bucket.astimezone(ZoneInfo(zone)) for bucket in buckets(at, zone))
    local = at.astimezone(ZoneInfo(zone))
    assert hour <= local < hour + timedelta(hours=1)
    assert (hour.minute, hour.second) == (0, 0)
    assert (day.date(), day.hour, day.minute) == (local.date(), 0, 0)


def test_both_hours_of_the_end_of_summer_time_are_kept_apart() -> None:
    first = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    assert buckets(first, "America/New_York")[0] == datetime(2026, 11, 1, 5, tzinfo=UTC)
    assert buckets(first + timedelta(hours=1), "America/New_York")[0] == datetime(2026, 11, 1, 6, tzinfo=UTC)
