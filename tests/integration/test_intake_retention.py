"""Reporters' contacts go when their report has been over for as long as the pack says, and not before."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from qipan.contracts.case import Stage
from qipan.testing import Databases
from services.intake import retention
from services.intake.public_status import ReportStatus
from tests.integration.intake_here import SANDUN, Here, build_intake, opened, xihu

CONTACT = {"name": "张三", "phone": "13812345678"}
DAYS = 30


OVER = {"declined", "self-disposed", "closed", "voided"}


def report(here: Here, status: str, age: timedelta, changed: timedelta) -> str:
    """A report with its reporter's contact, that came and changed so long ago."""
    answer = here.http.post("/v1/reports", json={"text": "路边垃圾成堆", **SANDUN, "contact": CONTACT})
    report_id: str = answer.json()["report_id"]
    with here.database.begin() as work:
        work.conn.execute(
            text(
                "UPDATE intake.reports SET status = :status, received_at = :came, changed_at = :changed"
                " WHERE report_id = :id"
            ),
            {
                "status": status,
                "came": here.clock.now("sandun") - age,
                "changed": here.clock.now("sandun") - changed,
                "id": report_id,
            },
        )
    return report_id


def known(here: Here) -> set[str]:
    return {row.report_id for row in here.rows() if row.contact is not None}


def test_only_what_is_over_and_old_enough_loses_its_contact(database_url: Databases) -> None:
    before, after = timedelta(days=DAYS, hours=1), timedelta(days=DAYS, hours=-1)
    statuses = sorted({*map(str, ReportStatus), *map(str, Stage)})
    with opened(database_url(build_intake)) as here:
        old = {report(here, status, before, before): status for status in statuses}
        stirred = {report(here, status, before, after) for status in statuses}
        young = {report(here, status, after, after) for status in statuses}
        with here.database.begin() as work:
            assert retention.forget_contacts(work, {"wenxin": 1}) == 0
            assert retention.forget_contacts(work, {"sandun": DAYS}) == len(OVER)
        waiting = {id for id, status in old.items() if status not in OVER}
        assert known(here) == stirred | young | waiting
        assert len(here.rows()) == 3 * len(statuses)


@pytest.mark.parametrize(("original", "forgotten"), [("closed", 2), ("accepted", 0), ("merged", 0)])
def test_what_was_joined_to_another_is_over_when_that_is(
    database_url: Databases, original: str, forgotten: int
) -> None:
    before = timedelta(days=DAYS, hours=1)
    with opened(database_url(build_intake)) as here:
        first, second = (report(here, status, before, before) for status in (original, "merged"))
        with here.database.begin() as work:
            work.conn.execute(
                text("UPDATE intake.reports SET merged_into = :first WHERE report_id = :second"),
                {"first": first, "second": second},
            )
            assert retention.forget_contacts(work, {"sandun": DAYS}) == forgotten


@pytest.mark.parametrize(("status", "left"), [("closed", 0), ("accepted", 1)])
def test_the_address_for_updates_goes_with_it(database_url: Databases, status: str, left: int) -> None:
    before = timedelta(days=DAYS, hours=1)
    with opened(database_url(build_intake)) as here:
        id = report(here, status, before, before)
        with here.database.begin() as work:
            work.conn.execute(
                text("INSERT INTO intake.updates VALUES ('sandun', :id, 'sealed', :at)"),
                {"id": id, "at": work.now("sandun") - before},
            )
            retention.forget_contacts(work, {"sandun": DAYS})
            kept = work.conn.execute(text("SELECT count(*) FROM intake.updates WHERE contact IS NOT NULL"))
            assert kept.scalar_one() == left


def test_it_is_the_packs_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    assert retention.days_kept(xihu(), ("sandun", "wenxin")) == {}
    said = {"sandun": 180}
    monkeypatch.setattr(type(xihu()), "setting", lambda _, tenant, key, default: said.get(tenant, default))
    assert retention.days_kept(xihu(), ("sandun", "wenxin")) == said
