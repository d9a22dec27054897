"""Where a report lies, from the door through triage to the case: landmarks, and cells that change with time."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from qipan.contracts.events import Outcome
from qipan.contracts.queries import HeldReport
from qipan.tenancy import load_district
from qipan.tenancy.grid_desk import GridDesk
from qipan.territory.geojson import write_cells
from qipan.testing import Databases
from services.intake import store
from services.intake.desk import Desk
from tests.integration.intake_here import NOON, ROOT, SANDUN, build_intake, opened, xihu
from tests.integration.test_intake_triage import Office


@pytest.fixture
def office(database_url: Databases) -> Iterator[Office]:
    with opened(database_url(build_intake)) as here:
        yield Office(here, Desk(xihu()))


def named(office: Office, words: str, address: str) -> tuple[str, str]:
    """Post a report that says where by name; its tenant and id."""
    answer = office.here.http.post("/v1/reports", json={"text": words, "address": address})
    assert answer.status_code == 201, answer.text
    return answer.json()["tenant"], answer.json()["report_id"]


def test_a_report_at_a_landmark_is_filed_and_its_case_knows_how_it_was_found(office: Office) -> None:
    _, report_id = named(office, "门口暴露垃圾无人清理", "灵隐寺")
    office.triage()
    assert office.outcome(report_id) == Outcome.FILE
    [told] = office.here.said()
    place = told["data"]["place"]
    assert place["located"]["name"] == "灵隐寺"
    assert place["cells"].keys() >= {"town", "duty"}


def test_a_place_that_is_too_large_waits_for_a_person_who_sees_why(office: Office) -> None:
    tenant, report_id = named(office, "湖边暴露垃圾无人清理", "西湖")
    office.triage()
    assert office.outcome(report_id) == Outcome.HOLD
    with office.here.database.begin() as work:
        [row] = store.held(work.conn, tenant, 10, None)
    held = HeldReport.model_validate(row, from_attributes=True)
    assert (held.reason, held.address) == ("uncertain-place", "西湖")
    assert held.located is not None
    assert held.located.metres > 500


def test_an_emergency_is_filed_however_large_the_place(office: Office) -> None:
    _, report_id = named(office, "水管爆裂，路面积水", "西湖")
    office.triage()
    assert office.outcome(report_id) == Outcome.FILE


def test_reports_that_name_the_same_large_place_are_not_one(office: Office) -> None:
    """All who name a campus have its point: that is no sign of the same rubbish. The control is below."""
    _, first = named(office, "食堂门口暴露垃圾成堆", "黄龙体育中心")
    _, second = named(office, "食堂门口暴露垃圾成堆！", "黄龙体育中心")
    office.triage()
    assert {office.outcome(first), office.outcome(second)} == {Outcome.FILE}


def test_reports_with_the_same_coordinates_are(office: Office) -> None:
    first, second = office.report("食堂门口暴露垃圾成堆"), office.report("食堂门口暴露垃圾成堆！")
    office.triage()
    assert {office.outcome(first), office.outcome(second)} == {Outcome.FILE, Outcome.MERGE}


def test_a_case_keeps_the_cells_of_its_day(office: Office, tmp_path: Path) -> None:
    """A version is published: what was triaged stays, what came in before is located as before, the rest anew."""
    pack = tmp_path / "xihu"
    shutil.copytree(ROOT / "districts/xihu", pack)
    office.desk = Desk(load_district(pack))
    early = office.report("小区门口暴露垃圾无人清理")
    office.triage()
    old = office.row(early).cells["duty"]

    grids = GridDesk(pack, office.here.clock)
    cells = [replace(c, valid_from=None, valid_until=None) for c in grids.cells_on("duty", grids.today)]
    renumbered = [replace(cell, code=f"{old[:-3]}999") if cell.code == old else cell for cell in cells]
    write_cells(tmp_path / "new.geojson", renumbered, "renumbered")
    draft, _ = grids.draft("duty", tmp_path / "new.geojson")
    _, begins = grids.publish(draft)
    assert begins == NOON.astimezone(ZoneInfo("Asia/Shanghai")).date() + timedelta(days=1)

    waiting = office.report("路灯不亮一整晚", lon=SANDUN["lon"], lat=SANDUN["lat"])
    received = [one for one in office.received() if one.data.report_id == waiting]
    office.here.clock.set(NOON + timedelta(days=1))
    office.desk = Desk(load_district(pack))
    office.triage(received)
    late = office.report("人行道上井盖缺失")
    office.triage()
    assert office.row(early).cells["duty"] == old
    assert office.row(waiting).cells["duty"] == old
    assert office.row(late).cells["duty"] == f"{old[:-3]}999"
