"""Indicators are what counting the cases one by one gives: over ten thousand of them, and small ones by Hypothesis."""

import random
from collections import defaultdict
from datetime import datetime, timedelta

import pytest
from case_samples import MORNING, case, lives
from hypothesis import given
from hypothesis import strategies as st

from qipan.contracts.case import CaseState, Counters, Run, Stage
from qipan.tenancy.indicators import INDICATORS, PENDING
from services.analytics import explaining
from services.analytics.explaining import Window
from services.analytics.facts import CaseFacts
from services.analytics.league import DEFAULT, LESS_IS_BETTER, Score, rates, score
from services.analytics.totals import Counts, Cut, Totals, add, buckets

ZONE = "Asia/Shanghai"
DAYS = 20
UNTIL = MORNING + timedelta(days=DAYS)
NOW = MORNING + timedelta(days=12, hours=5, minutes=20)
TOWNS = ("sandun", "wenxin", "xixi", "lingyin")
DEPARTMENTS = (None, "urban-management", "police", "water")


def at(dice: random.Random, after: datetime, hours: float) -> datetime:
    return after + timedelta(minutes=dice.randrange(1, int(hours * 60)))


def made_up(number: int, dice: random.Random) -> CaseState:
    """A case in any stage, early or late by chance; deadlines fall on both sides of now."""
    filed = at(dice, MORNING, 24 * (DAYS - 6))
    due = at(dice, filed, 72)
    stage = dice.choice(list(Stage))
    ended = stage in (Stage.DISPOSED, Stage.INSPECTED, Stage.CLOSED)
    disposed = at(dice, filed, 96) if ended else None
    runs = {"file": Run(due_at=dice.choice((None, filed)), ended_at=at(dice, filed - timedelta(hours=1), 2))}
    if stage is not Stage.FILED:
        dispatched = at(dice, filed, 2)
        runs["dispatch"] = Run(due_at=dice.choice((None, at(dice, filed, 2))), ended_at=dispatched)
    if stage in (Stage.INSPECTED, Stage.CLOSED) and disposed is not None:
        runs["inspect"] = Run(due_at=at(dice, disposed, 4), ended_at=at(dice, disposed, 4))
    closed = None
    if stage is Stage.CLOSED and disposed is not None:
        closed = at(dice, disposed, 8)
        runs["close"] = Run(due_at=at(dice, disposed, 8), ended_at=closed)
    elif stage is Stage.VOIDED:
        closed = at(dice, filed, 8)
    returns = dice.choice((0, 0, 1, 2))
    return case(
        f"c-{number}",
        tenant=dice.choice(TOWNS),
        stage=stage,
        department=dice.choice(DEPARTMENTS),
        matter=dice.choice(("s:06010", "s:09009", "s:01001")),
        channel=dice.choice(("app", "sensor")),
        place={"lon": 120.0, "lat": 30.0, "cells": {"duty": f"cell-{dice.randrange(8)}"}},
        filed_at=filed,
        due_at=None if closed else at(dice, filed, 96),
        dispose_due_at=dice.choice((due, due, due, None)),
        disposed_at=disposed,
        closed_at=closed,
        rating=dice.choice((None, 1, 3, 5)) if stage is Stage.CLOSED else None,
        counters=Counters(
            offers=dice.randrange(1, 4),
            returns=returns,
            unjustified_returns=dice.randrange(returns + 1),
            reworks=dice.choice((0, 0, 0, 1)),
            extensions=dice.choice((0, 0, 1)),
        ),
        runs=runs,
    )


def by_hand(
    cases: list[CaseState], since: datetime, until: datetime, over: datetime
) -> dict[str, float | None]:
    """Every indicator of cases, after its words, from the cases themselves; no counter takes part."""

    def within(moment: datetime | None) -> bool:
        return moment is not None and since <= moment < until

    def waits(moment: datetime | None) -> bool:
        return within(moment) and moment is not None and moment < over

    def share(above: int, below: int) -> float | None:
        return above / below if below else None

    filed = [c for c in cases if within(c.filed_at)]
    live = [c for c in cases if c.stage is not Stage.VOIDED]
    disposed = [c for c in live if within(c.disposed_at)]
    pending = [c for c in live if c.disposed_at is None and waits(c.dispose_due_at)]
    closed = [c for c in live if c.stage is Stage.CLOSED and within(c.closed_at)]
    unclosed = [c for c in live if c.stage is not Stage.CLOSED and waits(c.dispose_due_at)]
    due, due_for_closure = len(disposed) + len(pending), len(closed) + len(unclosed)

    def disposed_in_time(c: CaseState) -> bool:
        return c.disposed_at is not None and (c.dispose_due_at is None or c.disposed_at <= c.dispose_due_at)

    def run_in_time(c: CaseState, clock: str) -> bool:
        run = c.runs.get(clock)
        return run is None or run.due_at is None or run.ended_at <= run.due_at

    closed_in_time = [c for c in closed if disposed_in_time(c) and run_in_time(c, "close")]
    to_dispatch = (Stage.FILED, Stage.RETURNED)
    dispatched = [
        c
        for c in live
        if "dispatch" in c.runs and within(c.runs["dispatch"].ended_at) and c.stage not in to_dispatch
    ]
    undispatched = [c for c in live if c.stage in to_dispatch and waits(c.due_at)]
    well = [
        c
        for c in dispatched
        if run_in_time(c, "dispatch") and c.counters.returns == c.counters.unjustified_returns
    ]
    inspected = [
        c
        for c in live
        if "inspect" in c.runs and within(c.runs["inspect"].ended_at) and c.stage is not Stage.DISPOSED
    ]
    uninspected = [c for c in live if c.stage is Stage.DISPOSED and waits(c.due_at)]
    offers = sum(c.counters.offers for c in filed)
    rated = [c for c in closed if c.rating is not None]
    return {
        "disposal": share(len(disposed), due),
        "on_time_disposal": share(sum(map(disposed_in_time, disposed)), due),
        "overdue_pending": share(len(pending), due),
        "closure": share(len(closed), due_for_closure),
        "on_time_closure": share(len(closed_in_time), due_for_closure),
        "overdue_closure": share(len(closed) - len(closed_in_time), due_for_closure),
        "rework": share(sum(c.counters.reworks > 0 for c in (*closed, *unclosed)), due_for_closure),
        "extension": share(sum(c.counters.extensions > 0 for c in (*disposed, *pending)), due),
        "on_time_accurate_filing": share(
            sum(run_in_time(c, "file") and c.stage is not Stage.VOIDED for c in filed), len(filed)
        ),
        "on_time_accurate_dispatch": share(len(well), len(dispatched) + len(undispatched)),
        "on_time_inspection": share(
            sum(run_in_time(c, "inspect") for c in inspected), len(inspected) + len(uninspected)
        ),
        "returned": share(sum(c.counters.returns for c in filed), offers),
        "buck_passing": share(sum(c.counters.unjustified_returns for c in filed), offers),
        "satisfaction": share(sum((c.rating or 0) >= 3 for c in rated), len(rated)),
    }


def summed(totals: Totals, cut: Cut, over: datetime) -> dict[tuple[str, str], list[tuple[datetime, Counts]]]:
    """What reading the totals gives: counts by tenant and member, with what waits and is overdue by now."""
    found: dict[tuple[str, str], list[tuple[datetime, Counts]]] = defaultdict(list)
    for key, counts in totals.items():
        if key.cut == cut:
            made = {
                name: counts.get(pending.stored, 0) for name, pending in PENDING.items() if key.bucket < over
            }
            found[key.tenant, key.member].append((key.bucket, {**counts, **made}))
    return found


def together(rows: list[tuple[datetime, Counts]], since: datetime, until: datetime) -> Counts:
    sums: Counts = defaultdict(int)
    for bucket, counts in rows:
        if since <= bucket < until:
            for counter, count in counts.items():
                sums[counter] += count
    return sums


@pytest.fixture(scope="module")
def cases() -> list[CaseState]:
    dice = random.Random(20260302)
    return [made_up(number, dice) for number in range(10_000)]


@pytest.fixture(scope="module")
def totals(cases: list[CaseState]) -> Totals:
    found: Totals = {}
    for state in cases:
        add(found, state.tenant, ZONE, CaseFacts.of(state).moments())
    return found


def periods() -> list[tuple[datetime, datetime]]:
    """All, each week, and some days."""
    _, today = buckets(MORNING, ZONE)
    day = timedelta(days=1)
    begins = [today + number * day for number in range(-1, DAYS + 2)]
    weeks = [(begins[number], begins[number + 7]) for number in (0, 7, 14)]
    return [(begins[0], begins[-1]), *weeks, *((begins[n], begins[n + 1]) for n in (3, 12, 13))]


def test_ten_thousand_cases_by_town_hour_by_hour(cases: list[CaseState], totals: Totals) -> None:
    hour, _ = buckets(NOW, ZONE)
    by_town = summed(totals, Cut.HOUR, hour)
    compared = 0
    for since, until in periods():
        for town in TOWNS:
            expected = by_hand([c for c in cases if c.tenant == town], since, until, hour)
            found = rates(together(by_town[town, ""], since, until))
            assert {name: found[name] for name in expected} == expected
            compared += sum(value is not None for value in expected.values())
    assert compared > 300


@pytest.mark.parametrize(
    ("cut", "trait"),
    [
        (Cut.DEPARTMENT, lambda c: c.department),
        (Cut.MATTER, lambda c: c.matter),
        (Cut.CELL, lambda c: c.place.cells["duty"]),
        (Cut.CHANNEL, lambda c: c.channel),
    ],
)
def test_ten_thousand_cases_by_member(
    cases: list[CaseState], totals: Totals, cut: Cut, trait: object
) -> None:
    _, today = buckets(NOW, ZONE)
    groups: dict[tuple[str, str], list[CaseState]] = defaultdict(list)
    for state in cases:
        if trait(state) is not None:
            groups[state.tenant, trait(state)].append(state)
    found = summed(totals, cut, today)
    assert found.keys() == groups.keys()
    for key, own in groups.items():
        for since, until in periods()[:3]:
            expected = by_hand(own, since, until, today)
            measured = rates(together(found[key], since, until))
            assert {name: measured[name] for name in expected} == expected


@given(st.lists(lives(), max_size=6), st.integers(0, 96))
def test_a_few_cases_at_any_hour(versions: list[list[CaseState]], hours: int) -> None:
    newest = {(life[-1].tenant, life[-1].case_id): life[-1] for life in versions}
    states = [one for one in newest.values() if one.stage is not Stage.CLOSED or one.closed_at]
    totals: Totals = {}
    for state in states:
        add(totals, "sandun", ZONE, CaseFacts.of(state).moments())
    over, _ = buckets(MORNING + timedelta(hours=hours), ZONE)
    since, until = MORNING - timedelta(days=3), MORNING + timedelta(days=9)
    found = rates(together(summed(totals, Cut.HOUR, over)["sandun", ""], since, until))
    expected = by_hand(states, since, until, over)
    assert {name: found[name] for name in expected} == expected


def test_every_lost_point_is_some_cases_and_they_add_up(cases: list[CaseState]) -> None:
    since, until = periods()[0]
    hour, _ = buckets(NOW, ZONE)
    facts = [CaseFacts.of(state) for state in cases if state.tenant == "sandun"]
    window = Window(since, until, hour)
    sums: Counts = defaultdict(int)
    for one in facts:
        for counter, count in window.counts(one).items():
            sums[counter] += count
    weights = {**DEFAULT, "buck_passing": 7, "on_time_accurate_dispatch": 11, "on_time_inspection": 13}
    result: Score = score(rates(sums), weights)
    weighed = [one for one in INDICATORS if one.id in weights]
    found = explaining.ledger(facts, weighed, window)
    for line in result.lines:
        cost = explaining.costs(line, found)
        assert line.lost > 0
        assert sum(cost.values()) == pytest.approx(line.lost)
    told = explaining.explained(result, found)
    assert [line.indicator for line in told] == list(weights)
    assert all(len(line.cases) == explaining.SHOWN and line.more > 0 for line in told)
    assert "rework" in LESS_IS_BETTER


def test_control_a_case_left_out_is_missed(cases: list[CaseState]) -> None:
    """An explanation that forgets a case does not add up."""
    since, until = periods()[0]
    hour, _ = buckets(NOW, ZONE)
    facts = [CaseFacts.of(state) for state in cases if state.tenant == "sandun"]
    window = Window(since, until, hour)
    weighed = [one for one in INDICATORS if one.id == "disposal"]
    all_of_it = explaining.ledger(facts, weighed, window)
    forgotten = [f for f in facts if f.key != all_of_it.bad["disposal"][0][1]]
    fewer = explaining.ledger(forgotten, weighed, window)
    fewer.below = all_of_it.below
    line = score(
        {"disposal": 1 - len(all_of_it.bad["disposal"]) / all_of_it.below["disposal"]}, {"disposal": 30}
    ).lines[0]
    assert sum(explaining.costs(line, all_of_it).values()) == pytest.approx(line.lost)
    assert sum(explaining.costs(line, fewer).values()) < line.lost - 1e-6
