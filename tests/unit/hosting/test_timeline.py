"""A case's story from what several services tell, whoever of them is away."""

from collections.abc import Sequence
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from qipan.contracts.base import Query
from qipan.contracts.errors import NotFound, Unavailable
from qipan.contracts.queries import Happening, Happenings
from qipan.hosting.timeline import timeline
from qipan.messaging.dead_letter import DeadLetter
from qipan.tenancy import District, load_district

NOON = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)


def happening(service: str, what: str, second: int, version: int | None = None) -> Happening:
    at = NOON + timedelta(seconds=second)
    return Happening(at=at, real_at=at, service=service, what=what, version=version)


def letter(second: int) -> DeadLetter:
    at = NOON + timedelta(seconds=second)
    return DeadLetter(
        tenant="sandun",
        id="letter-1",
        service="notify",
        message_id="m-1",
        key="sandun.case.filed.v1",
        reason="no such template",
        traceback="",
        properties={},
        headers={},
        body=b"case-1",
        first_at=at,
    )


class Told:
    """Answers from a table: (service, tenant, subject) → what is told, or an error."""

    def __init__(
        self, district: District, answers: dict[tuple[str, str, str], Happenings | Exception]
    ) -> None:
        self.district = district
        self._answers = answers
        self.asked: list[tuple[str, str, str]] = []

    def submit(self, request: Query[Happenings], tenant: str) -> "Future[Happenings]":
        subject = request.model_dump()["subject"]
        self.asked.append((request.service, tenant, subject))
        answer = self._answers.get((request.service, tenant, subject), NotFound())
        future: Future[Happenings] = Future()
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
        return future


class Letters:
    def __init__(self, *letters: DeadLetter) -> None:
        self._letters = letters

    def about(self, subject: str) -> Sequence[DeadLetter]:
        return [each for each in self._letters if subject.encode() in each.body]


@pytest.fixture(scope="module")
def xihu() -> District:
    return load_district(Path("districts/xihu"))


def answers() -> dict[tuple[str, str, str], Happenings | Exception]:
    filed = Happenings(
        happenings=(happening("dispatch", "filed", 2, 1), happening("dispatch", "accepted", 5, 2)),
        case_id="case-1",
        report_id="report-1",
    )
    return {
        ("intake", "sandun", "report-1"): Happenings(happenings=(happening("intake", "received", 0),)),
        ("dispatch", "sandun", "case-1"): filed,
        ("dispatch", "sandun", "report-1"): filed,
        ("notify", "sandun", "case-1"): Happenings(happenings=(happening("notify", "sent", 3),)),
    }


@pytest.mark.parametrize("subject", ["case-1", "report-1"])
def test_by_either_id_the_whole_story_is_told_once_in_order(xihu: District, subject: str) -> None:
    told = timeline(Told(xihu, answers()), Letters(letter(4)), subject, None)
    assert [each.what for each in told.happenings] == [
        "received",
        "filed",
        "sent",
        "dead letter (open)",
        "accepted",
    ]
    assert told.silent == ()


def test_a_service_that_is_away_is_named_and_the_rest_is_told(xihu: District) -> None:
    table = answers() | {("notify", "sandun", "case-1"): Unavailable()}
    told = timeline(Told(xihu, table), Letters(), "case-1", "sandun")
    assert [each.service for each in told.happenings] == ["intake", "dispatch", "dispatch"]
    assert told.silent == ("notify",)


def test_one_tenant_is_asked_alone_when_it_is_named(xihu: District) -> None:
    asker = Told(xihu, answers())
    timeline(asker, Letters(), "case-1", "sandun")
    assert {tenant for _, tenant, _ in asker.asked} == {"sandun"}


def test_what_nobody_knows_is_not_found(xihu: District) -> None:
    with pytest.raises(NotFound, match="atlantis"):
        timeline(Told(xihu, {}), Letters(), "atlantis", None)
