"""What is imported: rows, their lines, and what is wrong with a file or with a row of it."""

import csv
import json
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qipan.cli.parts import parts
from qipan.contracts.errors import Invalid, QipanError
from qipan.http import MalformedCsv, NotUtf8, TooLarge
from services.intake.importing import FORMULA_BEGINS, rows_of

HEAD = "key,text,lon,lat,contact_name,contact_phone\n"
GOOD = "k1,路灯不亮,120.085,30.325,王芳,+86 13800138000\n"
MOST = 1000


def refusal(content: str | bytes, kind: str = "csv") -> QipanError:
    body = content if isinstance(content, bytes) else content.encode()
    with pytest.raises(QipanError) as caught:
        rows_of(body, kind, MOST)
    return caught.value


def test_a_row_becomes_a_report_with_its_contact() -> None:
    [row] = rows_of(("\ufeff" + HEAD + GOOD).encode(), "csv", MOST)
    assert (row.line, row.key) == (2, "k1")
    assert json.loads(row.body) == {
        "key": "k1",
        "text": "路灯不亮",
        "lon": "120.085",
        "lat": "30.325",
        "contact": {"name": "王芳", "phone": "+86 13800138000"},
    }


def test_a_row_is_known_by_the_line_at_which_it_begins() -> None:
    text = HEAD + 'k1,"one\ntwo\nthree",1,2,,\n' + "\n" + ",,,,,\n" + "k2,x,1,2,,\n"
    assert [(row.line, row.key) for row in rows_of(text.encode(), "csv", MOST)] == [(2, "k1"), (7, "k2")]
    lines = '{"key": "a"}\n\n{"key": "b", "text": "x\u2028y"}\n'
    assert [(row.line, row.key) for row in rows_of(lines.encode(), "json-lines", MOST)] == [
        (1, "a"),
        (3, "b"),
    ]


def test_another_encoding_is_named() -> None:
    error = refusal((HEAD + GOOD).encode("gb18030"))
    assert isinstance(error, NotUtf8)
    [fault] = error.faults
    assert fault.where.startswith("line 2, byte ")
    assert "GB18030" in fault.what
    assert "UTF-16" in refusal((HEAD + GOOD).encode("utf-16")).faults[0].what


@pytest.mark.parametrize("row", ['k1,"never ended,1,2,,\n', 'k1,"a"b,1,2,,\n'])
def test_broken_quoting_is_refused_with_its_line(row: str) -> None:
    error = refusal(HEAD + GOOD + row + GOOD)
    assert isinstance(error, MalformedCsv)
    assert error.faults[0].where == "line 3"


def test_every_fault_of_the_columns_is_told() -> None:
    error = refusal("key,text,colour,key\nk,t,red,k\n")
    assert isinstance(error, Invalid)
    assert {fault.where for fault in error.faults} == {
        "line 1, lon",
        "line 1, lat",
        "line 1, colour",
        "line 1, key",
    }
    assert "not separated by commas" in refusal("key;text;lon;lat\n").faults[0].what
    assert refusal("").faults
    assert refusal(HEAD).faults[0].what == "has no rows"


def test_too_many_rows_are_refused_before_any_is_taken() -> None:
    with pytest.raises(TooLarge) as caught:
        rows_of((HEAD + GOOD * 3).encode(), "csv", 2)
    assert caught.value.faults[0].where == "line 4"


@pytest.mark.parametrize("sign", [sign for sign in FORMULA_BEGINS if sign.strip()])
def test_a_cell_like_a_formula_spoils_its_row_and_no_other(sign: str) -> None:
    bad = f'k2,"{sign}HYPERLINK(""x"")",1,2,{sign}1,\n'
    first, second = rows_of((HEAD + GOOD + bad).encode(), "csv", MOST)
    assert first.error is None
    assert second.error is not None
    assert [fault.where for fault in second.error.faults] == ["text", "contact_name"]


def test_too_few_cells_spoil_their_row() -> None:
    [row] = rows_of((HEAD + "k1,x\n").encode(), "csv", MOST)
    assert row.error is not None
    assert row.error.faults[0].what == "has 2 cells"


def test_what_is_no_object_spoils_its_line() -> None:
    rows = rows_of(b'{"key":"a"}\n[1]\n{"key"\n"x"\n', "json-lines", MOST)
    assert [None if row.error is None else row.error.code for row in rows] == [
        None,
        "invalid",
        "malformed-json",
        "invalid",
    ]


CELLS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=12)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=30), st.integers(1, 7), st.integers(1, 200))
def test_the_parts_of_a_csv_are_the_file(cells: list[tuple[str, str]], rows: int, size: int) -> None:
    out = StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(["key", "text"])
    for pair in cells:
        writer.writerow([cell.replace("\r", " ") for cell in pair])
    whole = out.getvalue()
    found = []
    for part in parts(whole.encode(), header=True, rows=rows, size=size):
        records = list(csv.reader(StringIO(part.body.decode(), newline=""), strict=True))
        assert records[0] == ["key", "text"]
        assert len(records) - 1 <= rows
        found += records[1:]
        first_line = part.ahead + 1  # the line of the file, from 0, at which the part's first row begins
        assert whole.split("\n")[first_line].startswith('"')
    assert found == list(csv.reader(StringIO(whole, newline=""), strict=True))[1:]


@given(
    st.lists(st.sampled_from(['{"key":"a"}', "", "nonsense", '{"text":"x"}']), max_size=40), st.integers(1, 5)
)
def test_the_parts_of_json_lines_keep_their_line_numbers(lines: list[str], rows: int) -> None:
    whole = "\n".join(lines).encode()
    found = {}
    for part in parts(whole, header=False, rows=rows):
        for number, line in enumerate(part.body.decode().split("\n")):
            if line:
                found[number + part.ahead] = line
    assert found == {number: line for number, line in enumerate(lines) if line}
