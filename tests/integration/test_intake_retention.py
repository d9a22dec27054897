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
            assert retention.forget_contacts(work, {"sandun": DAYS}) == len(retention.OVER)
        waiting = {id for id, status in old.items() if status not in retention.OVER}
        assert known(here) == stirred | young | waiting
        assert len(here.rows()) == 3 * len(statuses)


def test_it_is_the_packs_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    assert retention.days_kept(xihu(), ("sandun", "wenxin")) == {}
    said = {"sandun": 180}
    monkeypatch.setattr(type(xihu()), "setting", lambda _, tenant, key, default: said.get(tenant, default))
    assert retention.days_kept(xihu(), ("sandun", "wenxin")) == said
