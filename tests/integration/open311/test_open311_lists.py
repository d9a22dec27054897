"""Open311: what is listed, filtered and followed."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from qipan.contracts.case import Stage
from tests.integration.intake_here import NOON, SANDUN
from tests.integration.open311.endpoint import (
    CAR,
    LAMP,
    RUBBISH,
    Endpoint,
)

FORMATS = pytest.mark.parametrize("format", ["xml", "json"])
HOUR = timedelta(hours=1)


@FORMATS
class TestLists:
    def test_only_what_came_in_through_open311_is_listed(self, open311: Endpoint, format: str) -> None:
        open311.here.http.post("/v1/reports", json={"text": "给本人看的", **SANDUN})
        assert open311.get(f"requests.{format}", "requests", jurisdiction_id="sandun") == []
        id = open311.posted()
        found = open311.get(f"requests.{format}", "requests", jurisdiction_id="sandun")
        assert [one["service_request_id"] for one in found] == [id]
        other = next(row.report_id for row in open311.here.rows() if row.report_id != id)
        open311.get(f"requests/{other}.{format}", "errors", 404, jurisdiction_id="sandun")
        assert open311.get(f"requests.{format}", "requests", jurisdiction_id="liuxia") == []

    def test_filters_and_pages(self, open311: Endpoint, format: str) -> None:
        def ids(**query: Any) -> list[str]:
            found = open311.get(f"requests.{format}", "requests", jurisdiction_id="sandun", **query)
            return [names[one["service_request_id"]] for one in found]

        names: dict[str, str] = {}
        for hours, code in enumerate((LAMP, RUBBISH, LAMP, CAR)):
            open311.here.clock.set(NOON + hours * HOUR)
            plate = {"attribute[plate]": "无"} if code == CAR else {}
            names[open311.posted(service_code=code, **plate)] = f"r{hours}"
        by_name = {name: id for id, name in names.items()}
        assert ids() == ["r3", "r2", "r1", "r0"]
        assert ids(service_code=LAMP) == ["r2", "r0"]
        assert ids(service_code=f"{LAMP},{CAR}") == ["r3", "r2", "r0"]
        assert ids(service_code=[LAMP, CAR]) == ["r3", "r2", "r0"]
        assert ids(start_date="2026-03-05T13:00:00+08:00", end_date="2026-03-05T06:00:00Z") == ["r2", "r1"]
        assert ids(end_date="2026-03-05T04:00:00Z") == ["r0"]
        assert ids(start_date="2026-01-01T00:00:00Z") == ["r3", "r2", "r1", "r0"]
        assert ids(start_date="2025-11-01T00:00:00Z") == []
        assert ids(service_request_id=f"{by_name['r0']},{by_name['r2']},unknown", status="closed") == [
            "r2",
            "r0",
        ]
        assert ids(page_size=3) == ["r3", "r2", "r1"]
        assert ids(page_size=3, page=2) == ["r0"]
        assert ids(page_size=3, page=3) == []
        assert ids(status="open") == ids(status="open,closed") == ids()
        assert ids(status="closed") == []
        open311.here.clock.set(NOON + timedelta(days=91))
        assert ids() == []

    def test_a_closed_request_says_when_and_what_happened(self, open311: Endpoint, format: str) -> None:
        done, waits = open311.posted(description="灯不亮"), open311.posted(service_code=RUBBISH)
        open311.triage()
        for version, stage in enumerate(
            (Stage.OFFERED, Stage.ACCEPTED, Stage.DISPOSED, Stage.CLOSED), start=1
        ):
            open311.step(done, stage, NOON + version * HOUR, version)
        open311.step(done, Stage.ACCEPTED, NOON + 2 * HOUR, 2)  # told again, late: changes nothing
        [one] = open311.get(f"requests/{done}.{format}", "requests", jurisdiction_id="sandun")
        assert (one["status"], one["status_notes"]) == ("closed", "已结案")
        assert one["updated_datetime"] == "2026-03-05T16:00:00+08:00"
        assert one["expected_datetime"] is None

        def ids(**query: Any) -> list[str]:
            found = open311.get(f"requests.{format}", "requests", jurisdiction_id="sandun", **query)
            return [row["service_request_id"] for row in found]

        assert ids(status="closed") == [done]
        assert ids(status="open") == [waits]
        assert ids(updated_after="2026-03-05T05:00:00Z") == [done]
        assert ids(updated_before="2026-03-05T05:00:00Z") == [waits]
        assert ids(updated_after="2026-03-05T09:00:00Z") == []

        def steps(**query: Any) -> list[tuple[str, str, str]]:
            found = open311.get(
                f"servicerequestupdates.{format}", "updates", jurisdiction_id="sandun", **query
            )
            assert len({update["update_id"] for update in found}) == len(found)
            mine = [update for update in found if update["service_request_id"] == done]
            return [
                (update["status"], update["description"], update["updated_datetime"][11:16])
                for update in mine
            ]

        all_steps = [
            ("open", "已立案，等待派遣", "12:00"),
            ("open", "已派遣，等待接单", "13:00"),
            ("open", "处置人员已接单，正在处置", "14:00"),
            ("open", "已处置，等待核查", "15:00"),
            ("closed", "已结案", "16:00"),
        ]
        span = {"start_date": "2026-03-05T00:00:00Z", "end_date": "2026-03-06T00:00:00Z"}
        assert steps(**span) == all_steps
        assert steps(start_date="2026-03-05T06:00:00Z", end_date="2026-03-05T07:00:00Z") == all_steps[2:4]
        assert steps(service_request_id=done) == all_steps
        assert steps(service_request_id=waits) == []
        assert steps(page_size=2, page=2, service_request_id=done) == all_steps[2:4]

    def test_a_merged_request_goes_on_with_its_original(self, open311: Endpoint, format: str) -> None:
        first = open311.posted(description="墩祥街路灯不亮")
        open311.triage()
        second = open311.posted(description="墩祥街路灯不亮")
        open311.triage()
        query = {"jurisdiction_id": "sandun"}
        [one] = open311.get(f"requests/{second}.{format}", "requests", **query)
        assert (one["status"], one["status_notes"]) == ("open", "与先前的同一事项合并办理；已立案，等待派遣")
        open311.step(first, Stage.CLOSED, NOON + HOUR, 1)
        [one] = open311.get(f"requests/{second}.{format}", "requests", **query)
        assert (one["status"], one["status_notes"]) == ("closed", "与先前的同一事项合并办理；已结案")
        assert one["updated_datetime"] == "2026-03-05T13:00:00+08:00"
        span = {"start_date": "2026-03-05T00:00:00Z", "end_date": "2026-03-06T00:00:00Z"}
        told = open311.get(f"servicerequestupdates.{format}", "updates", **query, **span)
        assert [one["status"] for one in told if one["service_request_id"] == second] == ["open", "closed"]

    def test_a_list_ends_after_a_thousand_rows(self, open311: Endpoint, format: str) -> None:
        with open311.here.database.begin() as work:
            work.conn.execute(
                text("""
                    INSERT INTO intake.reports (tenant, report_id, client, channel, text, lon, lat, matter_given,
                        received_at, status, changed_at)
                    SELECT 'sandun', 'r' || n, 'x', 'open311', 'x', 120.085, 30.325, 's:01037', :at, 'received', :at
                    FROM generate_series(1, 1005) AS n
                """),
                {"at": NOON},
            )
            work.conn.execute(
                text("""
                    INSERT INTO intake.open311_requests (tenant, report_id, attributes, requested_at, updated_at)
                    SELECT tenant, report_id, '{}', received_at, received_at FROM intake.reports
                """)
            )
        assert len(open311.get(f"requests.{format}", "requests", jurisdiction_id="sandun")) == 1000
        rest = open311.get(f"requests.{format}", "requests", jurisdiction_id="sandun", page=2)
        assert len(rest) == 5
