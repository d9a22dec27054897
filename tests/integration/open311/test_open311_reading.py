"""Open311: discovery, services, definitions, in both formats; and which questions are refused."""

import pytest
from sqlalchemy import text

from tests.integration.intake_here import xihu
from tests.integration.open311.endpoint import (
    CAR,
    LAMP,
    RUBBISH,
    Endpoint,
)

FORMATS = pytest.mark.parametrize("format", ["xml", "json"])


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
