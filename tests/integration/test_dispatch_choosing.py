"""Choosing on a real database: nobody vanishes, and what was chosen and why can be read."""

from dataclasses import replace

import pytest
from dispatch_desk import Desk, build_dispatch, triaged, xihu

from qipan.contracts.case import Stage
from qipan.contracts.queries import ListWork, TellCase
from qipan.tenancy import District
from qipan.testing import Databases
from services.dispatch.availability import Availability, Presence
from services.dispatch.service import Dispatch


def sandun(**settings: object) -> District:
    """Xihu, with settings of Sandun's under `dispatch.`."""
    district = xihu()
    parts = district.parts["sandun"]
    own = {f"dispatch.{key.replace('_', '-')}": value for key, value in settings.items()}
    changed = replace(parts, settings={**parts.settings, **own})
    return replace(district, parts={**district.parts, "sandun": changed})


@pytest.fixture
def url(database_url: Databases) -> str:
    return database_url(build_dispatch)


class Empty(Dispatch):
    """A dispatch on a day when none of the sweepers is there."""

    def field(self, work: object, tenants: object) -> dict[str, Availability]:
        return {
            "sandun": Availability(
                {f"sandun.sweep.{n}": Presence(available=False, why="off shift") for n in range(1, 9)}
            )
        }


def test_a_case_nobody_can_be_found_for_lies_on_a_named_dispatchers_list(url: str) -> None:
    desk = Desk.open(url, Empty)
    desk.file(triaged("r1"), triaged("r2", matter="s:99999"))
    for case in desk.cases():
        assert (case.stage, case.unit) == (Stage.FILED, None)
        [filed] = desk.ask("sandun.supervisor.1", TellCase(subject=case.case_id)).happenings
        assert filed.detail["why"] == case.reason
        mine = desk.ask(filed.detail["waits_for"], ListWork()).cases
        assert case in mine
    reasons = sorted(case.reason or "" for case in desk.cases())
    assert "sandun.sweep.1 is not there: off shift" in reasons[0]
    assert "no matter of this town" in reasons[1]
    desk.database.close()


def test_a_town_may_keep_the_choice_to_its_dispatchers(url: str) -> None:
    desk = Desk.open(url, district=sandun(choose="recommend"))
    desk.file(triaged("r1"))
    case = desk.case()
    assert (case.stage, case.worker) == (Stage.FILED, None)
    assert "recommended is sandun.sweep.1" in (case.reason or "")
    desk.database.close()


def test_a_worker_gets_no_more_than_the_town_allows(url: str) -> None:
    desk = Desk.open(url, district=sandun(most_each=2))
    desk.file(*(triaged(f"r{n}") for n in range(20)))
    loads = desk.rows("SELECT open FROM dispatch.loads")
    assert [row.open for row in loads] == [2] * 8
    waiting = [case for case in desk.cases() if case.stage is Stage.FILED]
    assert len(waiting) == 4
    assert all("2 are the most" in (case.reason or "") for case in waiting)
    desk.database.close()
