"""Open311 GeoReport v2: every address in both formats, by the specification's rules, on a real database."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from qipan.contracts.case import Stage
from qipan.contracts.commands import IssueApiKey
from qipan.contracts.errors import Invalid, NotFound
from qipan.testing import Databases
from services.intake.open311 import keys
from tests.integration.intake_here import CONTACTS, NOON, SANDUN, build_intake, xihu
from tests.integration.open311_here import (
    CAR,
    LAMP,
    LIUXIA_PLACE,
    RUBBISH,
    Endpoint,
    endpoint,
    with_settings,
)

FORMATS = pytest.mark.parametrize("format", ["xml", "json"])
HOUR = timedelta(hours=1)


@pytest.fixture
def open311(database_url: Databases) -> Iterator[Endpoint]:
    with endpoint(database_url(build_intake)) as made:
        yield made


@FORMATS
class TestReading:
    def test_discovery_names_this_endpoint(self, open311: Endpoint, format: str) -> None:
        found = open311.get(f"discovery.{format}", "discovery")
        [one] = found["endpoints"]
        assert one["url"] == "http://testserver/open311/v2"
        assert one["formats"] == ["text/xml", "application/json"]

    def test_the_services_are_the_towns_matters(self, open311: Endpoint, format: str) -> None:
        found = open311.get(f"services.{format}", "services", jurisdiction_id="sandun")
        assert [one["service_code"] for one in found] == list(xihu().matters_of("sandun"))
        flags = {one["service_code"]: one["metadata"] for one in found}
        assert (flags[LAMP], flags[RUBBISH]) == (True, False)

    def test_a_definition_lists_the_attributes_in_order(self, open311: Endpoint, format: str) -> None:
        found = open311.get(f"services/{CAR}.{format}", "service_definition", jurisdiction_id="sandun")
        assert found["service_code"] == CAR
        assert [one["code"] for one in found["attributes"]] == ["note", "plate", "signs", "since", "vehicles"]
        assert [one["order"] for one in found["attributes"]] == [1, 2, 3, 4, 5]
        assert [one["required"] for one in found["attributes"]] == [False, True, False, False, False]
        assert [value["key"] for value in found["attributes"][2]["values"]] == ["tyres", "glass", "dust"]

    def test_a_matter_without_attributes_has_an_empty_definition(
        self, open311: Endpoint, format: str
    ) -> None:
        address = f"services/{RUBBISH}.{format}"
        assert open311.get(address, "service_definition", jurisdiction_id="sandun")["attributes"] == []

    @pytest.mark.parametrize(
        "address",
        ["services", f"services/{LAMP}", "requests", "requests/r1", "tokens/t1", "servicerequestupdates"],
    )
    def test_the_jurisdiction_is_needed_and_must_be_a_town(
        self, open311: Endpoint, format: str, address: str
    ) -> None:
        for query, status in (
            ({}, 400),
            ({"jurisdiction_id": ""}, 400),
            ({"jurisdiction_id": "atlantis"}, 404),
            ({"jurisdiction_id": "sandun~ex7"}, 404),
            ({"jurisdiction_id": "traffic-police"}, 404),
        ):
            [error] = open311.get(f"{address}.{format}", "errors", status, **query)
            assert error["code"] == status
            assert "jurisdiction_id" in error["description"]

    @pytest.mark.parametrize(
        "address", ["services/s:99999", "requests/nothing", "tokens/nothing", "tokens/a.sandun.b"]
    )
    def test_what_does_not_exist_is_404(self, open311: Endpoint, format: str, address: str) -> None:
        [error] = open311.get(f"{address}.{format}", "errors", 404, jurisdiction_id="sandun")
        assert error["code"] == 404

    def test_a_query_with_faults_is_told_all_of_them(self, open311: Endpoint, format: str) -> None:
        query = {
            "start_date": "2026-01-01",
            "end_date": "x",
            "status": "done",
            "page": "0",
            "page_size": "1001",
        }
        errors = open311.get(f"requests.{format}", "errors", 400, jurisdiction_id="sandun", **query)
        assert len(errors) == 5

    def test_a_span_of_more_than_90_days_is_refused(self, open311: Endpoint, format: str) -> None:
        span = {"start_date": "2026-01-01T00:00:00Z", "end_date": "2026-04-02T00:00:00Z"}
        [error] = open311.get(f"requests.{format}", "errors", 400, jurisdiction_id="sandun", **span)
        assert "90" in error["description"]
        span["end_date"] = "2026-04-01T00:00:00Z"
        assert open311.get(f"requests.{format}", "requests", jurisdiction_id="sandun", **span) == []


class TestAddresses:
    @pytest.mark.parametrize(
        "address", ["services.yaml", "services", "nothing.json", "", "requests/r1", "services.JSON"]
    )
    def test_an_unknown_format_or_address_is_404_in_xml(self, open311: Endpoint, address: str) -> None:
        found = open311.here.http.get(f"/open311/v2/{address}", params={"jurisdiction_id": "sandun"})
        assert found.status_code == 404
        assert found.headers["content-type"] == "text/xml; charset=utf-8"
        assert b"<errors><error><code>404</code>" in found.content

    def test_what_takes_no_post_says_so(self, open311: Endpoint) -> None:
        assert open311.here.http.post("/open311/v2/services.json").status_code == 404

    def test_the_language_is_the_readers(self, open311: Endpoint) -> None:
        address = "/open311/v2/services.json?jurisdiction_id=sandun"
        names = {
            language: open311.here.http.get(address, headers={"Accept-Language": language}).json()[0][
                "service_name"
            ]
            for language in ("zh-CN", "en")
        }
        assert names == {"zh-CN": "上水井盖损坏", "en": "Damaged water manhole cover"}

    def test_a_fault_of_ours_is_told_in_the_format_too(self, open311: Endpoint) -> None:
        with open311.here.database.begin() as work:
            work.conn.execute(text("ALTER TABLE intake.open311_requests RENAME TO hidden"))
        for format in ("xml", "json"):
            [error] = open311.get(f"requests.{format}", "errors", 500, jurisdiction_id="sandun")
            assert error["code"] == 500


@FORMATS
class TestPosting:
    def test_a_request_is_stored_and_told_of_like_every_report(self, open311: Endpoint, format: str) -> None:
        [created] = open311.post(
            format, description="路灯不亮，请打 13812345678", address_string="墩祥街 12 号", first_name="四",
            last_name="李", phone="13812345678", email="li.si@example.com", device_id="d1", account_id="a1",
            **{"attribute[pole]": "SD-0412", "attribute[fault]": "dark"},
        )  # fmt: skip
        [row] = open311.here.rows()
        [said] = open311.here.said()
        assert (row.report_id, row.tenant, row.channel) == (
            created["service_request_id"],
            "sandun",
            "open311",
        )
        assert (row.client, row.matter_given) == ("open311:fixmystreet", LAMP)
        assert row.text == "路灯不亮，请打 13812345678\n灯杆编号：SD-0412\n故障现象：不亮"
        contact = CONTACTS.open(row.contact, "sandun", row.report_id)
        assert (contact.name, contact.phone, contact.email) == ("李四", "13812345678", "li.si@example.com")
        assert (said["type"], said["tenant"], said["subject"]) == (
            "report.received.v1",
            "sandun",
            row.report_id,
        )
        assert "工作日" in created["service_notice"]

    def test_what_is_shown_holds_nothing_of_who_reported(self, open311: Endpoint, format: str) -> None:
        id = open311.posted(
            description="Lamp dark, call 13812345678", first_name="Li", last_name="Si", phone="13812345678",
            email="li.si@example.com", address_string="Dunxiang Street 12", address_id="A-77",
            media_url="https://example.com/lamp.jpg",
        )  # fmt: skip
        [one] = open311.get(f"requests/{id}.{format}", "requests", jurisdiction_id="sandun")
        assert one == {
            "service_request_id": id,
            "status": "open",
            "status_notes": "已收到，等待受理",
            "service_name": "路灯损坏",
            "service_code": LAMP,
            "description": "Lamp dark, call ***",
            "agency_responsible": one["agency_responsible"],
            "service_notice": one["service_notice"],
            "requested_datetime": "2026-03-05T12:00:00+08:00",
            "updated_datetime": "2026-03-05T12:00:00+08:00",
            "expected_datetime": "2026-03-06T13:30:00+08:00",
            "address": "Dunxiang Street 12",
            "address_id": "A-77",
            "zipcode": None,
            "lat": 30.325,
            "long": 120.085,
            "media_url": "https://example.com/lamp.jpg",
        }
        whole = open311.here.http.get(f"/open311/v2/requests.{format}?jurisdiction_id=sandun").text
        assert not any(word in whole for word in ("13812345678", "li.si", "Li Si", "fixmystreet"))
        assert id in whole

    def test_a_description_is_optional(self, open311: Endpoint, format: str) -> None:
        [created] = open311.post(format)
        [one] = open311.get(
            f"requests/{created['service_request_id']}.{format}", "requests", jurisdiction_id="sandun"
        )
        assert one["description"] is None
        assert open311.here.rows()[0].text == "路灯损坏"

    def test_everything_that_is_wrong_is_told_at_once(self, open311: Endpoint, format: str) -> None:
        wrong = {
            "lat": "91", "long": None, "description": "x" * 4001, "phone": "call me", "email": "nobody",
            "media_url": "ftp://x", "first_name": "x" * 101, "address_string": "x" * 301, "service_code": CAR,
            "attribute[signs]": "rust", "attribute[colour]": "red",
        }  # fmt: skip
        found = open311.refused(format, 400, **wrong)
        named = {one.partition(":")[0].partition(" ")[0] for one in found}
        assert named == {
            "lat", "long", "description", "phone", "email", "media_url", "first_name", "address_string",
            "attribute[signs]", "attribute[colour]", "attribute[plate]",
        }  # fmt: skip
        assert open311.here.rows() == []

    @pytest.mark.parametrize(
        ("form", "status", "says"),
        [
            ({"jurisdiction_id": None}, 400, "jurisdiction_id was not provided"),
            ({"jurisdiction_id": "atlantis"}, 404, "jurisdiction_id 'atlantis' was not found"),
            ({"service_code": None}, 400, "service_code was not provided"),
            ({"service_code": "s:99999"}, 404, "service_code 's:99999' was not found"),
            ({"lat": None, "long": None, "address_string": "墩祥街 12 号"}, 400, "give lat and long"),
            ({"lat": "0", "long": "0"}, 400, "lies outside every town"),
            (LIUXIA_PLACE, 400, "the place lies in 'liuxia'"),
            ({"lat": "nan"}, 400, "lat"),
            ({"description": "a\x00b"}, 400, "NUL"),
            ({"description": "x" * 3900, "attribute[pole]": "y" * 200}, 400, "4000 characters"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_each_refusal_has_the_specifications_status_and_stores_nothing(
        self, open311: Endpoint, format: str, form: dict[str, Any], status: int, says: str
    ) -> None:
        [said] = open311.refused(format, status, **form)
        assert says in said
        assert open311.here.rows() == open311.here.said() == []

    @pytest.mark.parametrize(
        "case", ["without", "wrong", "revoked", "of another town", "of a shadow", "a signed token"]
    )
    def test_without_the_right_key_nothing_comes_in(self, open311: Endpoint, format: str, case: str) -> None:
        revoked, key_id = open311.issue("sandun", "gone")
        with open311.here.database.begin() as work:
            keys.revoke(work, "sandun", key_id, "operator")
        key = {
            "without": None,
            "wrong": f"{open311.key}x",
            "revoked": revoked,
            "of another town": open311.issue("liuxia")[0],
            "of a shadow": open311.key.replace("sandun.", "sandun~ex7."),
            "a signed token": open311.here.token("li", "sandun")["Authorization"].removeprefix("Bearer "),
        }[case]
        said = open311.refused(format, 403, api_key=key)
        assert len(said) == 1
        assert open311.here.rows() == open311.here.said() == []

    def test_the_districts_key_opens_every_town(self, open311: Endpoint, format: str) -> None:
        """The control of the test above, with the town's own key in the tests around it."""
        key, _ = open311.issue("xihu", "district-app")
        open311.post(format, api_key=key)
        open311.post(format, api_key=key, jurisdiction_id="liuxia", **LIUXIA_PLACE)
        assert {row.tenant for row in open311.here.rows()} == {"sandun", "liuxia"}

    def test_a_key_is_asked_for_before_anything_else_is_told(self, open311: Endpoint, format: str) -> None:
        assert len(open311.refused(format, 403, api_key=None, service_code=None, lat=None)) == 1

    def test_a_repeat_with_the_same_key_is_one_request(self, open311: Endpoint, format: str) -> None:
        once = {"Idempotency-Key": "k1"}
        first = open311.post(format, headers=once, description="暗")
        assert open311.post(format, headers=once, description="暗") == first
        open311.post(format, 409, "errors", once, description="亮")
        assert len(open311.here.rows()) == len(open311.here.rows("open311_requests")) == 1
        open311.post(format, description="暗")
        assert len(open311.here.rows()) == len(open311.here.rows("open311_requests")) == 2

    @pytest.mark.parametrize(
        ("body", "media"),
        [
            (b"{}", "application/json"),
            (b"a=\xff", "application/x-www-form-urlencoded"),
            (b"a=%ff", "application/x-www-form-urlencoded"),
            (b"&".join([b"a=1"] * 300), "application/x-www-form-urlencoded"),
            (b"a=" + b"x" * 70_000, "application/x-www-form-urlencoded"),
        ],
        ids=["json", "not-utf8", "escaped-not-utf8", "too-many", "too-large"],
    )
    def test_a_body_that_is_no_form_is_refused(
        self, open311: Endpoint, format: str, body: bytes, media: str
    ) -> None:
        answer = open311.here.http.post(
            f"/open311/v2/requests.{format}", content=body, headers={"Content-Type": media}
        )
        assert answer.status_code == 400
        assert b"400" in answer.content


def test_while_the_outbox_is_full_it_refuses_and_says_when_to_come_back(database_url: Databases) -> None:
    with endpoint(database_url(build_intake), outbox_limit=-1) as full:
        answer = full.here.http.post(
            "/open311/v2/requests.xml",
            data={
                "api_key": full.key,
                "jurisdiction_id": "sandun",
                "service_code": LAMP,
                "lat": 30.325,
                "long": 120.085,
            },
        )
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert b"<code>503</code>" in answer.content
        assert full.here.rows() == full.here.rows("open311_requests") == []


@FORMATS
def test_a_batch_town_gives_a_token_that_leads_to_the_id(database_url: Databases, format: str) -> None:
    with endpoint(database_url(build_intake), with_settings("sandun", {"open311.type": "batch"})) as batch:
        services = batch.get(f"services.{format}", "services", jurisdiction_id="sandun")
        assert {one["type"] for one in services} == {"batch"}
        [created] = batch.post(format)
        assert "service_request_id" not in created
        token = created["token"]
        [row] = batch.here.rows()
        answer = batch.get(f"tokens/{token}.{format}", "token", jurisdiction_id="sandun")
        assert answer == [{"service_request_id": row.report_id, "token": token}]
        batch.get(f"tokens/{token}.{format}", "errors", 404, jurisdiction_id="liuxia")
        batch.get(f"tokens/{token[:-2]}xx.{format}", "errors", 404, jurisdiction_id="sandun")
        tracking = token.partition(".")[2]
        assert (
            batch.here.http.get(f"/v1/reports/{row.report_id}", params={"token": tracking}).status_code == 200
        )


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


class TestKeys:
    def test_the_table_holds_no_key(self, open311: Endpoint) -> None:
        open311.posted()
        secret = open311.key.partition(".")[2]
        rows = [
            str(row)
            for table in ("api_keys", "reports", "open311_requests")
            for row in open311.here.rows(table)
        ]
        assert rows
        assert not any(secret in row for row in rows)
        assert not any(secret in str(said) for said in open311.here.said())

    def test_a_key_is_a_towns_or_the_districts(self, open311: Endpoint) -> None:
        with open311.here.database.begin() as work, pytest.raises(Invalid) as refused:
            keys.issue(work, xihu(), "traffic-police", IssueApiKey(client="A b", digest="short"), "operator")
        assert [fault.where for fault in refused.value.faults] == ["tenant", "client", "digest"]

    def test_they_are_listed_in_pages_and_revoked_once(self, open311: Endpoint) -> None:
        _, key_id = open311.issue("sandun", "second")
        with open311.here.database.begin() as work:
            first = keys.page(work, "sandun", None, 1)
            assert first.next is not None
            assert [key.client for key in keys.page(work, "sandun", first.next, 10).keys] == ["second"]
            closed = keys.revoke(work, "sandun", key_id, "operator")
            assert (
                keys.revoke(work, "sandun", key_id, "somebody").revoked_by == closed.revoked_by == "operator"
            )
            with pytest.raises(NotFound):
                keys.revoke(work, "liuxia", key_id, "operator")
