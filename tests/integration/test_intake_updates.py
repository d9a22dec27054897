"""Reporters who want to be told: their addresses are sealed, told to nobody, and gone with one click."""

from collections.abc import Iterator
from typing import Any

import pytest

from qipan.access import Role
from qipan.contracts.citizens import ReachReporter
from qipan.contracts.errors import Forbidden
from qipan.testing import Databases
from services.intake import updates
from services.intake.reseal import reseal
from services.intake.tracking import TrackingTokens
from tests.integration.intake_counter import Counter
from tests.integration.intake_here import CONTACTS, SANDUN, Here, build_intake, opened

MAIL = "li.lei@home.example"
TOKENS = TrackingTokens("secret")


@pytest.fixture
def here(database_url: Databases) -> Iterator[Here]:
    with opened(database_url(build_intake)) as door:
        yield door


def reported(here: Here) -> dict[str, Any]:
    return here.http.post("/v1/reports", json={"text": "路灯不亮", **SANDUN}).json()


def ask(here: Here, report: dict[str, Any], **body: object) -> Any:
    path = f"/v1/reports/{report['report_id']}/updates"
    return here.http.post(path, params={"token": report["token"]}, json={"email": MAIL, **body})


def reached(here: Here, report: dict[str, Any]) -> Any:
    with here.database.begin() as work:
        return updates.reached(work, CONTACTS, TOKENS, report["tenant"], report["report_id"])


def test_who_asks_is_reached_by_notify_and_their_address_lies_nowhere_in_the_clear(here: Here) -> None:
    report = reported(here)
    assert ask(here, report, language="en").json() == {"report_id": report["report_id"], "wanted": True}
    assert reached(here, report).email == MAIL
    said = [one for one in here.said() if one["type"] == "report.updateswanted.v1"]
    assert [(one["data"]["wanted"], one["data"]["language"]) for one in said] == [(True, "en")]
    assert MAIL not in str(here.said()) + str(here.rows("updates")) + str(here.rows("outbox"))
    with here.database.begin() as work:
        work.conn.exec_driver_sql("UPDATE intake.updates SET contact = contact")
    assert reseal(here.database, CONTACTS).unreadable == 0


def test_one_click_ends_it_and_looking_at_the_page_does_not(here: Here) -> None:
    report = reported(here)
    ask(here, report)
    stop = f"/v1/reports/{report['report_id']}/updates/stop"
    token = {"token": reached(here, report).stop_token}
    page = here.http.get(stop, params=token, headers={"Accept-Language": "en"})
    assert page.status_code == 200
    assert '<form method="post">' in page.text
    assert reached(here, report).email == MAIL
    for _ in range(2):  # a mail program may click twice
        done = here.http.post(stop, params=token, data={"List-Unsubscribe": "One-Click"})
        assert done.status_code == 200
    assert reached(here, report).email is None
    [row] = here.rows("updates")
    assert row.contact is None
    assert [one["data"]["wanted"] for one in here.said() if one["type"] == "report.updateswanted.v1"][:2] == [
        True,
        False,
    ]


def test_a_token_opens_what_it_is_for_and_nothing_else(here: Here) -> None:
    report, other = reported(here), reported(here)
    ask(here, report)
    stop_token = reached(here, report).stop_token
    path = f"/v1/reports/{report['report_id']}"
    assert here.http.get(path, params={"token": stop_token}).status_code == 404
    assert (
        here.http.post(f"{path}/updates", params={"token": stop_token}, json={"email": MAIL}).status_code
        == 404
    )
    for token in (report["token"], "", "sandun.x"):
        assert here.http.post(f"{path}/updates/stop", params={"token": token}).status_code == 404
        assert here.http.get(f"{path}/updates/stop", params={"token": token}).status_code == 404
    elsewhere = f"/v1/reports/{other['report_id']}/updates/stop"
    assert here.http.post(elsewhere, params={"token": stop_token}).status_code == 404
    assert reached(here, report).email == MAIL


@pytest.mark.parametrize("body", [{"email": "no address"}, {"language": "fr"}, {"colour": "red"}])
def test_what_is_no_wish_is_refused(here: Here, body: dict[str, object]) -> None:
    assert ask(here, reported(here), **body).status_code == 422
    assert here.rows("updates") == []


def test_an_address_is_told_to_notify_and_to_no_other_service(here: Here) -> None:
    report = reported(here)
    ask(here, report)
    counter, question = Counter.open(here), ReachReporter(report_id=report["report_id"])
    assert counter.ask(question, Role.SERVICE, of="xihu", sub="notify").email == MAIL
    assert counter.ask(question, Role.SERVICE, sub="notify@sandun").email == MAIL
    for sub in ("sandun.floodwatch", "dispatch@sandun", "notifyer"):
        with pytest.raises(Forbidden):
            counter.ask(question, Role.SERVICE, sub=sub)
    with pytest.raises(Forbidden):
        counter.ask(question, Role.ACCEPTOR)
    with pytest.raises(Forbidden):
        counter.ask(question, Role.SERVICE, of="wenxin", sub="notify@wenxin")
