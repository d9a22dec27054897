"""A town in the pack: how it comes, what is refused before anything is written, and how it goes and comes back."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from qipan.hosting.service_class import service_class
from qipan.tenancy import Clocks, PackError, load_district, pack_change
from qipan.tenancy.new_town import NewTown
from qipan.tenancy.pack_change import PENDING, PackChange, change_pack, finish
from qipan.tenancy.town_desk import Archive, TownDesk, TownRefused

XIHU = Path(__file__).parents[2] / "districts" / "xihu"
CLOCKS = Clocks.from_json(
    json.dumps(
        {"*": {"domain": "2026-06-16T04:00:00+00:00", "real": "2026-06-16T04:00:00+00:00", "rate": 0.001}}
    )
)
"""A day that goes on for as long as any test."""
QIAOXI = NewTown("qiaoxi", "330106014", "桥西街道", "Qiaoxi Sub-district", 60_000, ("dispatch",))
BOX = (120.09, 30.283, 120.105, 30.295)
EVERYWHERE = (119.0, 29.0, 121.0, 31.0)


def geojson(file: Path, *features: tuple[dict[str, Any], tuple[float, float, float, float]]) -> Path:
    def shape(box: tuple[float, float, float, float]) -> dict[str, Any]:
        west, south, east, north = box
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        return {"type": "Polygon", "coordinates": [ring]}

    found = [{"type": "Feature", "properties": own, "geometry": shape(box)} for own, box in features]
    file.write_text(json.dumps({"type": "FeatureCollection", "features": found}))
    return file


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(XIHU, tmp_path / "xihu", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "xihu"


@pytest.fixture
def outline(tmp_path: Path) -> Path:
    return geojson(tmp_path / "outline.geojson", ({}, BOX))


def content(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def added(root: Path, outline: Path, town: NewTown = QIAOXI) -> None:
    desk = TownDesk(root, CLOCKS)
    desk.make(desk.add(town, outline, {}))


def test_a_new_town_has_what_every_town_has_and_ground_that_fits(root: Path, outline: Path) -> None:
    added(root, outline)
    desk = TownDesk(root, CLOCKS)
    district = desk.desk.district
    assert district.town("qiaoxi").name.zh == "桥西街道"
    assert {unit.id.split("/")[1] for unit in district.units_of("qiaoxi")} >= {"sweep", "order", "rescue"}
    for layer in ("town", "community", "duty", "squad"):
        cells = desk.desk.cells_on(layer, desk.desk.today)
        assert desk.desk.seams(layer, cells, desk.desk.today) == []
        assert any(cell.town == "qiaoxi" for cell in cells)
    own = service_class(district, "dispatch", "qiaoxi")
    assert own.__name__ == "QiaoxiDispatch"
    assert issubclass(own, service_class(district, "dispatch", None))


def test_the_test_that_comes_with_its_service_passes(root: Path, outline: Path) -> None:
    added(root, outline)
    body = (root / "towns/qiaoxi/tests/test_qiaoxi_dispatch.py").read_text()
    names: dict[str, Any] = {
        "__file__": str(root / "towns/qiaoxi/tests/test_qiaoxi_dispatch.py"),
        "__name__": "t",
    }
    exec(compile(body, "test", "exec"), names)
    names["test_it_is_the_cores_with_the_towns_rules"]()
    (root / "towns/qiaoxi/town.toml").write_text(
        (root / "towns/qiaoxi/town.toml").read_text().replace('class = "dispatch.py:QiaoxiDispatch"\n', "")
    )
    with pytest.raises(AssertionError):
        names["test_it_is_the_cores_with_the_towns_rules"]()


def test_what_is_known_is_taken_as_it_is(root: Path, outline: Path, tmp_path: Path) -> None:
    west, south, east, north = BOX
    halves = geojson(
        tmp_path / "duty.geojson",
        ({"code": "330106014001001", "town": "qiaoxi"}, (west, south, 120.1, north)),
        ({"code": "330106014001002", "town": "qiaoxi"}, (120.1, south, east, north)),
    )
    desk = TownDesk(root, CLOCKS)
    desk.make(desk.add(QIAOXI, outline, {"duty": halves}))
    cells = TownDesk(root, CLOCKS).desk.cells_on("duty", desk.desk.today)
    assert [(c.code, c.synthetic) for c in cells if c.town == "qiaoxi"] == [
        ("330106014001001", False),
        ("330106014001002", False),
    ]


@pytest.mark.parametrize(
    ("town", "box", "why"),
    [
        (NewTown("qiaoxi", "330106013", "桥西", "Qiaoxi", 1), BOX, "'330106013' is another town's too"),
        (NewTown("qiaoxi", "", "", "Qiaoxi", 1), BOX, "code.*\n.*name.zh"),
        (NewTown("qiaoxi", "330106014", "桥西", "Qiaoxi", 1, ("gateway",)), BOX, "no core service"),
        (NewTown("xihu", "330106014", "桥西", "Qiaoxi", 1), BOX, "'xihu' names 2 tenants"),
        (NewTown("wenxin", "330106014", "桥西", "Qiaoxi", 1), BOX, "has 'wenxin' already"),
        (NewTown("Qiao_xi", "330106014", "桥西", "Qiaoxi", 1), BOX, "no name for a town"),
        (QIAOXI, EVERYWHERE, "leave no ground to beishan, .*xixi"),
    ],
)
def test_what_would_not_load_is_refused_before_anything_is_written(
    root: Path, tmp_path: Path, town: NewTown, box: tuple[float, float, float, float], why: str
) -> None:
    before = content(root)
    with pytest.raises((PackError, TownRefused), match=why):
        TownDesk(root, CLOCKS).add(town, geojson(tmp_path / "o.geojson", ({}, box)), {})
    assert content(root) == before


def test_files_that_are_no_ground_are_refused_with_every_fault(
    root: Path, outline: Path, tmp_path: Path
) -> None:
    others = geojson(
        tmp_path / "duty.geojson",
        ({"code": "1", "town": "wenxin"}, BOX),
        ({"code": "2", "town": "sandun"}, BOX),
    )
    desk = TownDesk(root, CLOCKS)
    with pytest.raises(PackError) as refused:
        desk.add(QIAOXI, outline, {"duty": others})
    assert len(refused.value.faults) == 2
    with pytest.raises(TownRefused, match="no layer 'street'"):
        desk.add(QIAOXI, outline, {"street": others})
    (tmp_path / "no.geojson").write_text("{}")
    with pytest.raises(PackError, match="not a list"):
        desk.add(QIAOXI, tmp_path / "no.geojson", {})


def test_a_version_of_the_grids_that_begins_later_would_take_its_ground_again(
    root: Path, outline: Path
) -> None:
    shutil.copy(root / "grids/duty.geojson", root / "grids/duty.2999-01-01.geojson")
    with pytest.raises(TownRefused, match="begins on 2999-01-01, without qiaoxi"):
        TownDesk(root, CLOCKS).add(QIAOXI, outline, {})


def test_two_towns_may_come_on_one_day(root: Path, outline: Path, tmp_path: Path) -> None:
    added(root, outline)
    other = geojson(tmp_path / "other.geojson", ({}, (120.06, 30.08, 120.07, 30.09)))
    added(root, other, NewTown("jiangbin", "330106111", "江滨", "Jiangbin", 20_000))
    desk = TownDesk(root, CLOCKS)
    assert {"qiaoxi", "jiangbin"} <= {cell.town for cell in desk.desk.cells_on("duty", desk.desk.today)}


@pytest.mark.parametrize("moves", [0, 1, 2, 5, 7])
def test_whoever_is_interrupted_amid_the_files_goes_on(
    root: Path, outline: Path, monkeypatch: pytest.MonkeyPatch, moves: int
) -> None:
    """The first move notes the change, each other one is a file's."""
    desk = TownDesk(root, CLOCKS)
    change = desk.add(QIAOXI, outline, {})
    made, real = 0, pack_change.os.replace

    def failing(source: Path, target: Path) -> None:
        nonlocal made
        if made == moves:
            raise KeyboardInterrupt
        made += 1
        real(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(pack_change.os, "replace", failing)
        with pytest.raises(KeyboardInterrupt):
            desk.make(change)
    if moves == 2:  # the control: half of a change is a pack that nobody can read
        with pytest.raises(PackError, match="belongs to no known town"):
            load_district(root)
    assert TownDesk(root, CLOCKS).has("qiaoxi") == (moves > 0)
    if moves == 0:
        added(root, outline)
    assert TownDesk(root, CLOCKS).has("qiaoxi")
    assert not list(root.glob(f"{PENDING}*"))


def test_what_goes_comes_back_as_it_was(root: Path, outline: Path, tmp_path: Path) -> None:
    added(root, outline)
    before = content(root)
    file = tmp_path / "kept/qiaoxi.zip"
    desk = TownDesk(root, CLOCKS)
    desk.archive("qiaoxi", file, {"timers": {}})
    assert file.stat().st_mode & 0o077 == 0
    desk.make(desk.remove("qiaoxi", "wenxin"))
    desk = TownDesk(root, CLOCKS)
    assert not desk.has("qiaoxi")
    assert not (root / "towns/qiaoxi").exists()
    territory = desk.desk.district.territory.layers["duty"].cells
    assert {cell.code for cell in territory if cell.town == "wenxin"} > {"330106014001001"}
    desk.make(desk.restore(Archive(file)))
    assert content(root) == before


def test_a_town_of_the_first_day_can_go_too(root: Path) -> None:
    desk = TownDesk(root, CLOCKS)
    desk.make(desk.remove("xixi", "gudang"))
    district = load_district(root)
    assert "xixi" not in district.tenants
    assert "xixi" not in {cell.town for cell in district.territory.layers["duty"].cells}


def test_a_town_that_the_pack_needs_is_not_taken_out(root: Path) -> None:
    before = content(root)
    desk = TownDesk(root, CLOCKS)
    with pytest.raises(PackError, match="inherits: there is no town 'sandun'"):
        desk.remove("sandun", "wenxin")
    for town, to, why in [
        ("nowhere", "wenxin", "no town 'nowhere'"),
        ("wenxin", "nowhere", "no town 'nowhere'"),
        ("wenxin", "wenxin", "its own successor"),
    ]:
        with pytest.raises(TownRefused, match=why):
            desk.remove(town, to)
    assert content(root) == before


def test_what_is_no_archive_is_not_read(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "x.zip"
    for body in (b"", b"PK", b"not"):
        file.write_bytes(body)
        with pytest.raises(TownRefused, match="no archive"):
            Archive(file)
    with pytest.raises(TownRefused, match="no archive"):
        Archive(tmp_path / "missing.zip")


def test_a_change_that_was_not_noted_whole_is_forgotten(root: Path) -> None:
    (root / f"{PENDING}.new/files/towns/x").mkdir(parents=True)
    assert not finish(root)
    change_pack(root, PackChange({"note.txt": b"here"}))
    assert (root / "note.txt").read_bytes() == b"here"
    assert not list(root.glob(f"{PENDING}*"))
