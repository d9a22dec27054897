"""Programs that others wrote for Open311, used on a running door over the loopback."""

import itertools
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from georeport import GeoReport
from requests import HTTPError

from qipan.contracts.case import Stage
from qipan.testing import Databases
from tests.integration.intake_here import CONTACTS, NOON, build_intake
from tests.integration.open311.endpoint import CAR, LAMP, RUBBISH, Endpoint, endpoint
from tests.open311_answers import valid


@pytest.fixture
def served(database_url: Databases) -> Iterator[tuple[Endpoint, str]]:
    """The endpoint, and its address on this machine."""
    with endpoint(database_url(build_intake)) as made:
        config = uvicorn.Config(made.here.http.app, port=0, lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            port = server.servers[0].sockets[0].getsockname()[1]
            yield made, f"http://127.0.0.1:{port}/open311/v2/"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def three(served: tuple[Endpoint, str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of `three`; version 0.8 takes from itertools what Python 3 has as a builtin."""
    monkeypatch.setattr(itertools, "ifilter", filter, raising=False)
    from three import Three

    made, address = served
    return Three(address, api_key=made.key, jurisdiction="sandun")


def test_three_goes_the_whole_way(served: tuple[Endpoint, str], three: Any) -> None:
    made, address = served
    found = valid(three.discovery(), "discovery")
    assert found["endpoints"][0]["url"] == address.rstrip("/")
    assert CAR in {one["service_code"] for one in valid(three.services(), "services")}
    assert len(valid(three.services(CAR), "service_definition")["attributes"]) == 5

    [created] = valid(
        three.post(
            LAMP, description="灯不亮", lat=30.325, long=120.085, address="墩祥街 12 号", name="Li Si"
        ),
        "created",
    )
    id = created["service_request_id"]
    [row] = made.here.rows()
    assert CONTACTS.open(row.contact, "sandun", row.report_id).name == "Li Si"
    assert [one["service_request_id"] for one in valid(three.requests(), "requests")] == [id]
    assert valid(three.requests(CAR), "requests") == []
    assert len(valid(three.requests(between=["03-01-2026", "03-31-2026"], count=10), "requests")) == 1
    made.triage()
    made.step(id, Stage.CLOSED, NOON, 1)
    [one] = valid(three.request(id), "requests")
    assert (one["status"], one["address"]) == ("closed", "墩祥街 12 号")
    [error] = valid(three.token("nothing"), "errors")
    assert error["code"] == 404


def test_three_is_refused_in_words(three: Any) -> None:
    three.configure(api_key="sandun.wrong")
    [error] = valid(three.post(LAMP, lat=30.325, long=120.085), "errors")
    assert error["code"] == 403


@pytest.mark.parametrize("format", ["json", "xml"])
def test_georeport_reads_in_both_formats(served: tuple[Endpoint, str], format: str) -> None:
    made, address = served
    client = GeoReport(address, jurisdiction="sandun", output_format=format)
    assert CAR in {one["service_code"] for one in client.get_service_list()}
    assert client.get_service_definition(CAR)["service_code"] == CAR
    ids = {made.posted(), made.posted(service_code=RUBBISH)}
    assert {one["service_request_id"] for one in client.get_service_requests()} == ids
    span = {"start_date": "2026-03-05T00:00:00Z", "end_date": "2026-03-06T00:00:00Z"}
    assert {one["status"] for one in client.get_service_requests(status="open", **span)} == {"open"}
    with pytest.raises(HTTPError, match="404"):
        client.get_service_definition("s:99999")
