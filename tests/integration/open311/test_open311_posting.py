"""Open311: what comes in is stored and told of like every report, or refused with every fault."""

from typing import Any

import pytest

from qipan.testing import Databases
from services.intake.open311 import keys
from tests.integration.intake_here import CONTACTS, build_intake
from tests.integration.open311.endpoint import (
    CAR,
    LAMP,
    LIUXIA_PLACE,
    Endpoint,
    endpoint,
    with_settings,
)

FORMATS = pytest.mark.parametrize("format", ["xml", "json"])


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

    def test_a_landmark_or_a_component_is_a_place_enough(self, open311: Endpoint, format: str) -> None:
        nowhere = {"lat": None, "long": None}
        lamp = open311.posted(**nowhere, address_id="33010601037000001")
        lingyin = {"jurisdiction_id": "lingyin", "api_key": open311.issue("lingyin")[0]}
        stadium = open311.posted(**nowhere, **lingyin, address_string="黄龙体育中心东门")
        given = open311.posted(address_string="嗯嗯嗯 12 号", address_id="of/another/register")
        rows = {row.report_id: row for row in open311.here.rows()}
        assert (rows[lamp].lon, rows[lamp].lat) == (120.08602, 30.32610)
        assert rows[lamp].component == "33010601037000001"
        assert rows[stadium].located["by"] == "gazetteer"
        assert (rows[given].lon, rows[given].lat, rows[given].located) == (120.085, 30.325, None)

    @pytest.mark.parametrize(
        ("form", "status", "says"),
        [
            ({"jurisdiction_id": None}, 400, "jurisdiction_id was not provided"),
            ({"jurisdiction_id": "atlantis"}, 404, "jurisdiction_id 'atlantis' was not found"),
            ({"service_code": None}, 400, "service_code was not provided"),
            ({"service_code": "s:99999"}, 404, "service_code 's:99999' was not found"),
            ({"lat": None, "long": None}, 400, "give lat and long"),
            ({"lat": None, "long": None, "address_id": "of/another/register"}, 400, "give lat and long"),
            (
                {"lat": None, "long": None, "address_string": "嗯嗯嗯 12 号"},
                400,
                "address_string: names no landmark",
            ),
            (
                {"lat": None, "long": None, "address_id": "A-77"},
                400,
                "address_id: there is no component 'A-77'",
            ),
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
