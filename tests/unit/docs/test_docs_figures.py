"""README's figures are those of the files that make wrote, and nobody's hand."""

import json
from pathlib import Path

import pytest

from scripts import figures
from tests.docs_pages import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_readme_says_what_the_files_say() -> None:
    assert figures.rendered(README, figures.FIGURES) == README


def test_every_result_has_its_place_in_readme() -> None:
    assert sorted(name for _, name, _ in figures.REGION.findall(README)) == sorted(figures.REGIONS)


def test_a_figure_edited_by_hand_or_a_newer_file_is_noticed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    readme = tmp_path / "README.md"
    monkeypatch.setattr(figures, "README", readme)
    monkeypatch.setattr(figures, "FIGURES", tmp_path)
    (tmp_path / "demo.json").write_text(json.dumps({"accepted": 1600}))
    readme.write_text("<!-- figures:demo -->\n<!-- /figures -->\n")
    assert figures.main(["--check"]) == 1
    assert figures.main([]) == 0
    assert figures.main(["--check"]) == 0
    readme.write_text(readme.read_text().replace("1,600", "1,700"))
    assert figures.main(["--check"]) == 1
    assert figures.main([]) == 0
    (tmp_path / "demo.json").write_text(json.dumps({"accepted": 1601}))
    assert figures.main(["--check"]) == 1


def test_results_are_taken_from_where_make_writes_them(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "bench.json").write_text("{}")
    assert figures.take(tmp_path / "var", tmp_path / "figures") == ["bench"]
    assert (tmp_path / "figures" / "bench.json").read_text() == "{}"


@pytest.mark.parametrize("name", figures.REGIONS)
def test_what_was_not_measured_is_said_and_never_invented(name: str, tmp_path: Path) -> None:
    assert figures.region(name, tmp_path) == f"Not measured yet: `make {name}` measures it."
    (tmp_path / f"{name}.json").write_text("{}")
    shown = figures.region(name, tmp_path)
    assert figures.UNKNOWN in shown
    figures_shown = [line.split("|")[2] for line in shown.splitlines() if line.startswith("| ")][2:]
    assert not any(character.isdigit() for shown in figures_shown for character in shown)


def test_what_fell_short_stands_beside_the_figures(tmp_path: Path) -> None:
    (tmp_path / "faults.json").write_text(json.dumps({"lost": 3, "broken": ["lost", "takeover"]}))
    assert "Fell short: lost; takeover." in figures.region("faults", tmp_path)


def test_an_unknown_region_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        figures.rendered("<!-- figures:weather -->\n<!-- /figures -->", tmp_path)
