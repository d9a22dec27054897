"""Versions of a grid: drafted, refused where they do not fit, published once, and holding from their day on."""

import json
import os
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy
import pytest
import shapely
from shapely import box
from typer.testing import CliRunner, Result

from qipan.cli import commands
from qipan.tenancy import PackError, TestClock, load_district
from qipan.tenancy.grid_desk import GridDesk, GridRefused
from qipan.tenancy.grid_versions import Version, in_force, version_file, version_files
from qipan.territory import Cell
from qipan.territory.coordinates import System, wgs84_to_gcj02
from qipan.territory.geojson import read_cells, write_cells
from qipan.territory.seams import SeamKind
from tests.unit.test_pack_faults import faults, written

TODAY = date(2026, 3, 5)
JULY, AUGUST = date(2026, 7, 1), date(2026, 8, 1)
WEST, EAST = box(0, 0, 1, 1), box(1, 0, 2, 1)
NEW = [
    Cell("100100001001011", "west", box(0, 0, 0.5, 1), community="100100001001"),
    Cell("100100001002012", "west", box(0.5, 0, 1, 1), community="100100001002"),
]
EASTERN = Cell("100100002001001", "east", EAST, community="100100002001")


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A town in the west with one duty cell, one in the east with one."""
    root = written(tmp_path / "pack")
    old = [Cell("100100001001001", "west", WEST, community="100100001001"), EASTERN]
    write_cells(root / "grids" / "duty.geojson", old, "test")
    return root


def desk(pack: Path, today: date = TODAY) -> GridDesk:
    # Midday in Shanghai.
    return GridDesk(pack, TestClock(datetime(today.year, today.month, today.day, 4, tzinfo=UTC)))


def source(tmp_path: Path, *cells: Cell) -> Path:
    path = tmp_path / "new.geojson"
    write_cells(path, cells, "drawn by hand")
    return path


def publish(pack: Path, tmp_path: Path, begins: date, *cells: Cell) -> str:
    here = desk(pack)
    draft, _ = here.draft("duty", source(tmp_path, *cells), begins)
    return here.publish(Path(draft).stem)[0]


def at(day: date, hour: int = 4) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def test_a_published_version_holds_from_its_day_on_and_the_old_one_until_then(
    pack: Path, tmp_path: Path
) -> None:
    assert publish(pack, tmp_path, JULY, *NEW, EASTERN) == "grids/duty.2026-07-01.geojson"
    ground = load_district(pack).territory
    # Midnight in Shanghai is 16:00 UTC of the day before.
    before = ground.locate(0.2, 0.5, at(JULY, 0) - timedelta(hours=8, seconds=1))
    after = ground.locate(0.2, 0.5, at(JULY, 0) - timedelta(hours=8))
    assert before is not None
    assert after is not None
    assert (before.cells["duty"], after.cells["duty"]) == ("100100001001001", "100100001001011")
    same = ground.locate(1.5, 0.5, at(TODAY)), ground.locate(1.5, 0.5, at(AUGUST))
    assert {found.cells["duty"] for found in same if found} == {EASTERN.code}


def test_a_third_version_ends_the_second(pack: Path, tmp_path: Path) -> None:
    publish(pack, tmp_path, JULY, *NEW, EASTERN)
    third = Cell("100100001001021", "west", WEST, community="100100001001")
    publish(pack, tmp_path, AUGUST, third, EASTERN)
    ground = load_district(pack).territory
    codes = [ground.locate(0.2, 0.5, at(day)).cells["duty"] for day in (TODAY, JULY, AUGUST)]
    assert codes == ["100100001001001", "100100001001011", "100100001001021"]
    assert ground.locate(0.2, 0.5).cells["duty"] == "100100001001021"


def test_cells_of_every_version_are_somebodys_and_numbers_stay(pack: Path, tmp_path: Path) -> None:
    workers = {p.id: p.cells for p in load_district(pack).people_of("west") if "grid-worker" in p.roles}
    assert workers == {"west.grid-worker.1": ("100100001001001",)}
    first = replace(NEW[0], community="100100001000")  # sorts before the community that was there
    publish(pack, tmp_path, JULY, first, NEW[1], EASTERN)
    people = {p.id: p.cells for p in load_district(pack).people_of("west") if "grid-worker" in p.roles}
    assert people["west.grid-worker.1"] == ("100100001001001",)
    assert people["west.grid-worker.2"] == ("100100001001011",)
    assert people["west.grid-worker.3"] == ("100100001002012",)


def test_a_draft_changes_nothing_until_it_is_published(pack: Path, tmp_path: Path) -> None:
    before = load_district(pack).territory.layers["duty"].cells
    draft, found = desk(pack).draft("duty", source(tmp_path, *NEW, EASTERN), JULY)
    assert (draft, found) == ("grids/drafts/duty.2026-07-01.geojson", [])
    assert load_district(pack).territory.layers["duty"].cells == before
    assert [(each.begins, each.draft) for each in desk(pack).versions() if each.layer == "duty"] == [
        (None, False),
        (JULY, True),
    ]
    assert json.loads((pack / draft).read_text())["note"] == "drawn by hand"


def test_without_a_day_a_version_begins_tomorrow(pack: Path, tmp_path: Path) -> None:
    draft, _ = desk(pack).draft("duty", source(tmp_path, *NEW, EASTERN))
    assert Path(draft).name == "duty.2026-03-06.geojson"


def test_one_towns_cells_leave_the_others_as_they_are(pack: Path, tmp_path: Path) -> None:
    draft, _ = desk(pack).draft("duty", source(tmp_path, *NEW), JULY, town="west")
    assert [cell.code for cell in read_cells(pack / draft)] == [*(cell.code for cell in NEW), EASTERN.code]
    with pytest.raises(PackError, match="belongs to 'east'"):
        desk(pack).draft("duty", source(tmp_path, *NEW, EASTERN), JULY, town="west")


def test_cells_that_do_not_fit_are_refused_with_every_seam_and_may_be_allowed(
    pack: Path, tmp_path: Path
) -> None:
    wide = replace(NEW[1], shape=box(0.4, 0, 1, 0.9))
    path = source(tmp_path, NEW[0], wide, EASTERN)
    with pytest.raises(GridRefused, match="--allow gap --allow overlap") as refused:
        desk(pack).draft("duty", path, JULY)
    assert {(seam.kind, seam.cells) for seam in refused.value.seams} == {
        (SeamKind.OVERLAP, (NEW[0].code, wide.code)),
        (SeamKind.GAP, (NEW[0].code, wide.code, EASTERN.code)),
    }
    assert not (pack / "grids" / "drafts").exists()
    allowed = {SeamKind.GAP, SeamKind.OVERLAP}
    draft, found = desk(pack).draft("duty", path, JULY, allow=allowed)
    assert len(found) == 2
    with pytest.raises(GridRefused):
        desk(pack).publish("duty.2026-07-01")
    assert desk(pack).publish(draft, allow=allowed) == ("grids/duty.2026-07-01.geojson", JULY)


def test_a_border_between_towns_may_move_but_the_district_stays_whole(pack: Path, tmp_path: Path) -> None:
    moved = [Cell("100100001", "west", box(0, 0, 0.9, 1)), Cell("100100002", "east", box(0.9, 0, 2, 1))]
    draft, found = desk(pack).draft("town", source(tmp_path, *moved), JULY)
    assert found == []
    desk(pack).publish(draft)
    ground = load_district(pack).territory
    assert [ground.locate(0.95, 0.5, at(day)).town for day in (TODAY, JULY)] == ["west", "east"]
    with pytest.raises(GridRefused, match="gap"):
        desk(pack).draft("town", source(tmp_path, moved[0]), AUGUST)


@pytest.mark.parametrize(
    ("begins", "why"),
    [(TODAY - timedelta(days=1), "has passed"), (JULY, "let this one begin after"), (TODAY, "begin after")],
)
def test_the_past_and_what_is_published_stay_as_they_are(
    pack: Path, tmp_path: Path, begins: date, why: str
) -> None:
    published = publish(pack, tmp_path, JULY, *NEW, EASTERN)
    content = (pack / published).read_bytes()
    with pytest.raises(GridRefused, match=why):
        desk(pack).draft("duty", source(tmp_path, *NEW, EASTERN), begins)
    assert (pack / published).read_bytes() == content


def test_a_draft_that_waited_too_long_is_refused(pack: Path, tmp_path: Path) -> None:
    draft, _ = desk(pack).draft("duty", source(tmp_path, *NEW, EASTERN), JULY)
    with pytest.raises(GridRefused, match="has passed"):
        desk(pack, AUGUST).publish(draft)


def test_two_who_publish_the_same_day_do_not_overwrite_each_other(
    pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = desk(pack)
    draft, _ = here.draft("duty", source(tmp_path, *NEW, EASTERN), JULY)
    link = os.link

    def late(src: Path, dst: Path) -> None:
        dst.write_text("another's")
        link(src, dst)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(GridRefused, match="never replaced"):
        here.publish(draft)
    assert (pack / "grids/duty.2026-07-01.geojson").read_text() == "another's"


def test_what_would_break_the_pack_is_not_published(pack: Path, tmp_path: Path) -> None:
    """A unit serves a community that the new grid does not have any more: it stays, with its old cells."""
    draft, _ = desk(pack).draft("duty", source(tmp_path, *NEW, EASTERN), JULY)
    lines = (pack / draft).read_text().replace('"town":"west"', '"town":"north"')
    (pack / draft).write_text(lines)
    with pytest.raises((PackError, GridRefused)):
        desk(pack).publish(draft, allow=set(SeamKind))
    assert not (pack / "grids/duty.2026-07-01.geojson").exists()
    assert load_district(pack).id == "testland"


def test_every_fault_of_a_file_is_told(pack: Path, tmp_path: Path) -> None:
    cells = [
        NEW[0],
        NEW[0],
        replace(NEW[1], town="north"),
        replace(EASTERN, valid_from=JULY),
    ]
    with pytest.raises(PackError) as refused:
        desk(pack).draft("duty", source(tmp_path, *cells), JULY)
    assert len(refused.value.faults) == 3
    with pytest.raises(PackError, match="there is no cell"):
        desk(pack).draft("duty", source(tmp_path), JULY)
    with pytest.raises(PackError, match="No such file"):
        desk(pack).draft("duty", tmp_path / "none.geojson", JULY)
    with pytest.raises(GridRefused, match="There is no layer 'beat'"):
        desk(pack).draft("beat", source(tmp_path, *NEW), JULY)
    with pytest.raises(GridRefused, match="no draft 'duty'"):
        desk(pack).publish("duty")


def test_a_version_named_after_no_day_is_a_fault_of_the_pack(pack: Path) -> None:
    shutil.copy(pack / "grids/duty.geojson", pack / "grids/duty.2026-02-30.geojson")
    assert faults(pack) == [
        "grids/duty.2026-02-30.geojson: is named after no day (allowed: <layer>.YYYY-MM-DD)"
    ]


def test_a_fault_in_a_version_names_its_file(pack: Path) -> None:
    write_cells(pack / "grids/duty.2026-07-01.geojson", [replace(NEW[0], town="north")], "test")
    assert any(
        fault.startswith("grids/duty.2026-07-01.geojson: 100100001001011: belongs to no known town")
        for fault in faults(pack)
    )


def test_files_in_another_coordinate_system_are_converted(tmp_path: Path) -> None:
    root = Path("districts/xihu")
    pack = tmp_path / "xihu"
    shutil.copytree(root, pack)
    cells = read_cells(root / "grids/duty.geojson")

    def shifted(points: numpy.ndarray) -> numpy.ndarray:
        return numpy.array([wgs84_to_gcj02(lon, lat) for lon, lat in points.tolist()])

    gcj = [
        replace(cell, shape=shapely.transform(cell.shape, shifted)) for cell in cells if cell.town == "sandun"
    ]
    path = source(tmp_path, *gcj)
    with pytest.raises(GridRefused):
        desk(pack).draft("duty", path, JULY, town="sandun")
    # Converted there and back, and rounded twice: slivers of less than a square metre or so.
    _draft, found = desk(pack).draft("duty", path, JULY, town="sandun", system=System.GCJ02, tolerance=500.0)
    assert found == []


def test_versions_beside_a_file(tmp_path: Path) -> None:
    for name in ("duty.geojson", "duty.2026-07-01.geojson", "duty.2026-13-01.geojson", "duty.old.geojson"):
        (tmp_path / name).write_text("")
    assert version_file("grids/duty.geojson", JULY) == "grids/duty.2026-07-01.geojson"
    assert version_files(tmp_path, "duty.geojson") == (
        [("duty.2026-07-01.geojson", JULY)],
        ["duty.2026-13-01.geojson"],
    )


def test_cells_with_days_of_their_own_hold_within_their_version() -> None:
    short = Cell("A", "west", WEST, valid_until=TODAY)
    late = Cell("B", "west", WEST, valid_from=AUGUST)
    plain = Cell("C", "west", WEST)
    versions = [Version("a", None, (short, late, plain)), Version("b", JULY, (plain,))]
    assert [(cell.code, cell.valid_from, cell.valid_until) for cell in in_force(versions)] == [
        ("A", None, TODAY),
        ("C", None, JULY),
        ("C", JULY, None),
    ]


# The commands.


@pytest.fixture
def qipan(pack: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("QIPAN_DISTRICT", str(pack))
    clock = {"*": {"domain": at(TODAY).isoformat(), "real": at(TODAY).isoformat(), "rate": 0.0}}
    monkeypatch.setenv("QIPAN_CLOCKS", json.dumps(clock))

    def run(*words: str) -> Result:
        return CliRunner().invoke(commands, ["grid", *words])

    return run


def test_the_commands_take_a_grid_from_a_file_to_a_version(qipan, tmp_path: Path) -> None:
    path = source(tmp_path, *NEW, EASTERN)
    drafted = qipan("import", str(path), "--layer", "duty", "--valid-from", "2026-07-01")
    assert drafted.exit_code == 0, drafted.output
    assert "grids/drafts/duty.2026-07-01.geojson" in drafted.output
    differs = qipan("diff", "duty", "duty.2026-07-01")
    assert differs.exit_code == 0
    for word in ("removed", "added", "100100001001001", "100100001002012"):
        assert word in differs.output
    assert "Nothing differs." in qipan("diff", "duty", "duty").output
    assert "draft" in qipan("list").output
    published = qipan("publish", "duty.2026-07-01")
    assert published.exit_code == 0, published.output
    assert "when they start" in published.output
    assert "draft" not in qipan("list").output
    assert "Nothing differs." in qipan("diff", "duty.2026-07-01", str(path)).output


def test_a_gap_is_shown_and_refused(qipan, tmp_path: Path) -> None:
    path = source(tmp_path, NEW[0], EASTERN)
    refused = qipan("import", str(path), "--layer", "duty")
    assert isinstance(refused.exception, GridRefused)
    assert "gap" in refused.output
    assert NEW[0].code in refused.output
    taken = qipan("import", str(path), "--layer", "duty", "--allow", "gap")
    assert taken.exit_code == 0


def test_checking_the_grids_of_today(qipan, pack: Path) -> None:
    assert qipan("check").exit_code == 0
    write_cells(pack / "grids/duty.geojson", [NEW[0], EASTERN], "test")
    found = qipan("check", "--layer", "duty")
    assert found.exit_code == 1
    assert "gap" in found.output
    assert qipan("check", "--layer", "town").exit_code == 0
