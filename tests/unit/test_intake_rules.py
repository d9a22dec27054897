"""Intake's pure rules: what is the same request, what is meant, what is a duplicate, what becomes of a report."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qipan.contracts.case import Stage
from qipan.contracts.errors import Invalid
from qipan.contracts.events import Outcome
from qipan.territory.coordinates import metres_between
from services.intake.classify import Vocabulary, Wording
from services.intake.digest import canonical_digest, keyed_report_id
from services.intake.duplicates import (
    FARTHEST_METRES,
    Box,
    Closeness,
    OpenReports,
    Said,
    bucket_of,
    likeness,
    meeting_places,
)
from services.intake.forms import BatchLine, ReportForm
from services.intake.pages import mark, place_of
from services.intake.public_status import STATUS_OF, WORDS, ReportStatus, may_be_rated, words_for
from services.intake.tracking import TrackingTokens
from services.intake.triage import TABLE, Finding, decide

NOON = datetime(2026, 3, 5, 4, tzinfo=UTC)
texts = st.text(min_size=1, max_size=60).filter(lambda text: text.strip() and "\x00" not in text)
longitudes = st.floats(-179, 179)
latitudes = st.floats(-60, 60)


def digest(form: ReportForm) -> str:
    return canonical_digest(form, ReportForm)


@given(texts, longitudes, latitudes, st.permutations(["text", "lon", "lat", "address", "matter"]))
def test_the_digest_is_of_the_meaning_not_of_the_writing(
    words: str, lon: float, lat: float, order: list[str]
) -> None:
    plain = {"text": words, "lon": lon, "lat": lat}
    spelt = {**plain, "text": f"  {words}\n", "address": None, "matter": None}
    shuffled = json.dumps({name: spelt[name] for name in order})
    assert digest(ReportForm(**plain)) == digest(ReportForm.model_validate_json(shuffled))
    assert digest(ReportForm(**plain)) == digest(BatchLine(**plain, key="k"))


@given(texts, texts, longitudes, longitudes)
def test_another_meaning_has_another_digest(one: str, other: str, here: float, there: float) -> None:
    a, b = ReportForm(text=one, lon=here, lat=30), ReportForm(text=other, lon=there, lat=30)
    assert (digest(a) == digest(b)) == (a == b)


def test_a_key_stands_for_one_report_of_one_client_and_tenant() -> None:
    ids = {keyed_report_id(*parts) for parts in product(("a", "b"), ("sandun", "liuxia"), ("k", "l"))}
    assert len(ids) == 8
    assert keyed_report_id("a", "sandun", "k") in ids


def test_a_tracking_token_opens_its_report_and_no_other() -> None:
    tokens = TrackingTokens("secret")
    token = tokens.token("sandun~ex7", "r1")
    assert tokens.token("sandun~ex7", "r1") == token
    assert tokens.tenant_of(token, "r1") == "sandun~ex7"
    assert tokens.tenant_of(token, "r2") is None
    assert tokens.tenant_of(token.replace("~ex7", ""), "r1") is None
    assert TrackingTokens("other").tenant_of(token, "r1") is None


VOCABULARY = Vocabulary(
    [
        Wording("rubbish", ("暴露垃圾", "exposed rubbish")),
        Wording("bin", ("垃圾箱满溢", "overflowing bin", "bin")),
        Wording("lamp", ("路灯", "street lamp")),
        Wording("burst", ("水管爆裂", "burst main"), emergency=True),
    ]
)


@pytest.mark.parametrize(
    ("text", "matter"),
    [
        ("小区门口有暴露垃圾", "rubbish"),
        ("EXPOSED  rubbish, everywhere", "rubbish"),
        ("Two street lamps are dark", "lamp"),
        ("the cabin is dark", None),
        ("你好", None),
        ("", None),
        ("路灯旁水管爆裂，暴露垃圾被冲走", "burst"),
    ],
)
def test_the_matter_is_the_one_whose_words_are_said(text: str, matter: str | None) -> None:
    assert VOCABULARY.classify(text).matter == matter


def test_confidence_is_the_share_of_the_evidence() -> None:
    assert VOCABULARY.classify("路灯不亮").confidence == 1.0
    between = VOCABULARY.classify("路灯旁的暴露垃圾")
    assert between.matter == "rubbish"
    assert 0.5 < between.confidence < 1.0
    assert VOCABULARY.classify("路灯旁水管爆裂").confidence == 1.0


@given(texts)
def test_classifying_never_fails_and_never_makes_a_matter_up(text: str) -> None:
    found = VOCABULARY.classify(text)
    assert found.matter in {None, "rubbish", "bin", "lamp", "burst"}
    assert 0.0 <= found.confidence <= 1.0
    assert (found.confidence > 0) == (found.matter is not None)


findings = st.builds(
    Finding,
    matter=st.sampled_from([None, "s:06010"]),
    confidence=st.floats(0, 1),
    least_confidence=st.floats(0, 1),
    emergency=st.booleans(),
    out_of_scope=st.booleans(),
    urgent=st.booleans(),
    place_uncertain=st.booleans(),
    duplicate_of=st.sampled_from([None, "r1"]),
    self_disposed=st.booleans(),
    self_disposable=st.booleans(),
    to_verify=st.booleans(),
    grid_worker=st.booleans(),
)


@given(findings)
def test_triage_decides_about_everything_and_keeps_its_promises(finding: Finding) -> None:
    outcome = decide(finding).outcome
    if finding.emergency:
        assert outcome is Outcome.FILE
        return
    sent_away = finding.out_of_scope and finding.matter is None and not finding.urgent
    assert (outcome is Outcome.DECLINE) == sent_away
    if finding.matter is None:
        assert outcome in (Outcome.HOLD, Outcome.DECLINE)
    elif finding.confidence < finding.least_confidence or finding.place_uncertain:
        assert outcome is Outcome.HOLD
    elif finding.duplicate_of:
        assert outcome is Outcome.MERGE
    else:
        disposed = finding.self_disposed and finding.self_disposable
        filed = finding.self_disposed or not finding.to_verify
        looked_at = Outcome.VERIFY if finding.grid_worker else Outcome.HOLD
        assert outcome is (Outcome.SELF_DISPOSE if disposed else Outcome.FILE if filed else looked_at)


def test_every_row_of_the_table_is_needed() -> None:
    plain = Finding("s:06010", 1.0, 0.6)
    cases = [
        replace(plain, emergency=True),
        Finding(None, out_of_scope=True, urgent=True),
        Finding(None, out_of_scope=True),
        Finding(None),
        replace(plain, confidence=0.5),
        replace(plain, place_uncertain=True),
        replace(plain, duplicate_of="r1"),
        replace(plain, self_disposed=True, self_disposable=True),
        replace(plain, self_disposed=True),
        replace(plain, likely_duplicate=True, to_verify=True),
        replace(plain, to_verify=True, grid_worker=False),
        replace(plain, to_verify=True),
        plain,
    ]
    assert [decide(case).reason for case in cases] == [row.reason for row in TABLE]


def said(report_id: str, lon: float = 120.085, lat: float = 30.325, **fields: object) -> Said:
    return replace(Said(report_id, "sandun", "s:06010", lon, lat, "文三路口暴露垃圾成堆", NOON), **fields)


NEAR = Closeness(metres=30, within=timedelta(hours=2), likeness=0.6)


@given(longitudes, latitudes, st.floats(0, FARTHEST_METRES), st.floats(-1, 1), st.floats(-1, 1))
def test_a_search_touches_the_square_of_everything_near(
    lon: float, lat: float, metres: float, east: float, north: float
) -> None:
    degrees = metres / 111_000
    other = (lon + east * degrees / 2, lat + north * degrees)
    if metres_between((lon, lat), other) <= metres * 0.99:
        assert bucket_of(*other) in set(Box.around(lon, lat, metres).buckets())


@given(longitudes, latitudes, st.floats(0, FARTHEST_METRES), st.floats(-1, 1), st.floats(-1, 1))
def test_two_that_may_be_the_same_meet(
    lon: float, lat: float, metres: float, east: float, north: float
) -> None:
    """Each takes few places, in a fixed way; another matter or tenant has others."""
    near = Closeness(metres, timedelta(hours=1), 0.5)
    degrees = metres / 111_000
    one, other = (
        said("r1", lon=lon, lat=lat),
        said("r2", lon=lon + east * degrees / 2, lat=lat + north * degrees),
    )
    mine = meeting_places(one, near)
    assert 1 <= len(mine) <= 9
    if metres_between((one.lon, one.lat), (other.lon, other.lat)) <= metres * 0.99:
        assert mine & meeting_places(other, near)
    assert not mine & meeting_places(replace(one, matter="s:09009"), near)
    assert not mine & meeting_places(replace(one, tenant="liuxia"), near)


@given(longitudes, latitudes)
def test_a_search_touches_few_squares(lon: float, lat: float) -> None:
    assert 1 <= len(set(Box.around(lon, lat, 30).buckets())) <= 6
    assert len(set(Box.around(lon, lat, 10_000).buckets())) <= 60


def test_the_original_is_the_earliest_that_says_the_same() -> None:
    first, second = said("r1", received_at=NOON - timedelta(minutes=9)), said("r2")
    found = OpenReports([second, first]).original_of(said("r3"), NEAR)
    assert found == first


@pytest.mark.parametrize(
    "other",
    [
        said("r2", tenant="liuxia"),
        said("r2", matter="s:06011"),
        said("r2", lon=120.0855),
        said("r2", received_at=NOON - timedelta(hours=2, seconds=1)),
        said("r2", text="小区里有人乱停车"),
        said("r1"),
    ],
    ids=["another town", "another matter", "50 m away", "too long ago", "other words", "itself"],
)
def test_what_differs_in_one_respect_is_no_original(other: Said) -> None:
    assert OpenReports([other]).original_of(said("r1"), NEAR) is None
    assert OpenReports([said("r2")]).original_of(said("r1"), NEAR) is not None


@given(texts, texts)
def test_likeness_is_a_share_and_has_no_direction(one: str, other: str) -> None:
    assert 0.0 <= likeness(one, other) <= 1.0
    assert likeness(one, other) == likeness(other, one)
    assert likeness(one, one) == 1.0


@given(st.datetimes(timezones=st.just(UTC)), st.text(min_size=1))
def test_a_page_goes_on_where_the_last_one_ended(moment: datetime, report_id: str) -> None:
    assert place_of(mark(moment, report_id)) == (moment, report_id)


@pytest.mark.parametrize("after", ["", "r1", "2026-03-05T04:00:00/r1", "2026-03-05T04:00:00+00:00/"])
def test_what_is_no_mark_is_refused(after: str) -> None:
    with pytest.raises(Invalid):
        place_of(after)


def test_every_state_a_report_can_be_in_has_plain_words() -> None:
    for status in [*ReportStatus, *Stage]:
        assert all(words_for(status).values())
    assert set(STATUS_OF) == set(Outcome)
    assert set(WORDS) == {*ReportStatus, *Stage}


def test_only_what_was_closed_can_be_rated() -> None:
    assert [stage for stage in Stage if may_be_rated(stage)] == [Stage.CLOSED]
