"""A town's own indicators: read from its pack, inherited, and refused when they are over nothing that is counted."""

import shutil
from pathlib import Path

import pytest

from qipan.tenancy import PackError, load_district
from qipan.tenancy.indicators import INDICATORS
from services.analytics.figures import declared

OWN = """
[indicators.closed-after-rework]
name = { zh = "返工后结案占比", en = "Closed after rework" }
numerator = ["closed_reworked"]
denominator = ["closed", "-satisfied"]
better = "less"
source = "the town's own"
"""


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    root = tmp_path / "xihu"
    shutil.copytree("districts/xihu", root)
    return root


def add(pack: Path, town: str, text: str) -> None:
    file = pack / "towns" / town / "town.toml"
    file.write_text(file.read_text(encoding="utf-8") + text, encoding="utf-8")


def test_a_town_has_it_with_who_inherits_and_nobody_else(pack: Path) -> None:
    add(pack, "sandun", OWN)
    district = load_district(pack)
    own = district.indicators_of("sandun")[-1]
    assert own.value({"closed_reworked": 1, "closed": 6, "satisfied": 2}) == 0.25
    assert own.value({"closed_reworked": 1, "closed": 2, "satisfied": 2}) is None
    assert declared(district.indicators_of("sandun"))[-1].own
    assert own in district.indicators_of("shuangpu")
    assert own in district.indicators_of("sandun~ex7")
    assert district.indicators_of("wenxin") == district.indicators_of("xihu") == INDICATORS


def test_a_formula_over_nothing_that_is_counted_is_refused_when_the_pack_loads(pack: Path) -> None:
    add(
        pack,
        "sandun",
        OWN.replace('"closed_reworked"', '"close_reworked"').replace("closed-after-rework", "rework"),
    )
    with pytest.raises(PackError) as refusal:
        load_district(pack)
    told = {(fault.file, fault.key): fault for fault in refusal.value.faults}
    formula = told["towns/sandun/town.toml", "indicators.rework.numerator"]
    assert "closed_reworked" in formula.allowed
    assert "indicators.rework" in {where for _, where in told}
