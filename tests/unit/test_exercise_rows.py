from pathlib import Path

import pytest

from exercise.rows import Line, Translator, Unusable
from qipan.tenancy.mapping import load_mapping

MAPPING = load_mapping(Path("exercise/mappings/baltimore.toml"))
ROW = {
    "SRRecordID": "18-1",
    "SRType": "SW-Dirty Alley",
    "MethodReceived": "API",
    "Address": "12 S STOCKTON ST",
    "Latitude": "39.2864",
    "Longitude": "-76.6363",
}


def translator() -> Translator:
    return Translator(MAPPING, {"SW-Dirty Alley": "x-baltimore:sw:00001"})


def test_a_row_becomes_a_form():
    assert translator().translate(2, ROW) == Line(
        line=2,
        key="18-1",
        form={
            "text": "SW-Dirty Alley: 12 S STOCKTON ST",
            "lon": -76.6363,
            "lat": 39.2864,
            "channel": "app",
            "address": "12 S STOCKTON ST",
            "matter": "x-baltimore:sw:00001",
        },
    )


def test_what_the_district_has_no_word_for_goes_as_text():
    line = translator().translate(2, {**ROW, "SRType": "ECC-Vehicle Look Up", "MethodReceived": None})
    assert isinstance(line, Line)
    assert "matter" not in line.form
    assert line.form["channel"] == "import"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"SRRecordID": " "}, "no-id"),
        ({"Latitude": ""}, "no-coordinates"),
        ({"Longitude": None}, "no-coordinates"),
        ({"Latitude": "north"}, "coordinates-not-numbers"),
        ({"Latitude": "nan"}, "coordinates-not-numbers"),
        ({"SRType": ""}, "no-matter"),
    ],
)
def test_a_row_that_cannot_be_sent_says_why(change: dict[str, str | None], reason: str):
    unusable = translator().translate(17, {**ROW, **change})
    assert isinstance(unusable, Unusable)
    assert (unusable.line, unusable.reason) == (17, reason)


def test_a_second_row_with_the_same_id_is_refused():
    rows = translator()
    assert isinstance(rows.translate(2, ROW), Line)
    assert rows.translate(3, ROW) == Unusable(3, "18-1", "duplicate-row")
