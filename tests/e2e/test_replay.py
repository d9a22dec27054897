"""Another city's rows through the whole stack."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAPPING = ROOT / "exercise" / "mappings" / "baltimore.toml"
SAMPLE = ROOT / "tests" / "data" / "baltimore_311_sample.csv"
WHOLE = Path(os.environ.get("QIPAN_TEST_DATA", ROOT.parent / "shared" / "data")) / "baltimore_311.csv"


def replay(file: Path, var: Path, *options: str) -> dict[str, object]:
    out = var / "replay.json"
    words = [sys.executable, "-m", "qipan", "replay", str(file), "--mapping", str(MAPPING), "--out", str(out)]
    run = subprocess.run(
        [*words, *options],
        cwd=ROOT,
        env={**os.environ, "QIPAN_VAR": str(var)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    told: dict[str, object] = json.loads(out.read_text("utf-8"))
    return told


def refusals(var: Path) -> list[dict[str, str]]:
    with (var / "replay-refusals.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.timeout(600)
def test_every_row_ends_accepted_or_refused_with_its_line(tmp_path: Path):
    told = replay(SAMPLE, tmp_path, "--limit", "150")
    assert told["rows"] == 150
    assert told["accepted"] + told["refused"] == 150
    assert told["books"]["balanced"] is True
    assert told["books"]["visible"] == told["accepted"]
    refused = refusals(tmp_path)
    assert len(refused) == told["refused"] > 0
    assert {each["reason"] for each in refused} == {"no-coordinates", "outside-territory"}
    with SAMPLE.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for each in refused:
        assert rows[int(each["line"]) - 2]["SRRecordID"] == each["key"]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not WHOLE.exists(), reason="the whole file is not here; QIPAN_TEST_DATA names its folder")
def test_the_whole_file(tmp_path: Path):
    told = replay(WHOLE, tmp_path)
    assert told["rows"] == 10_000
    assert told["accepted"] + told["refused"] == 10_000
    assert told["unanswered"] == 0
    assert told["accepted"] > 8_000
