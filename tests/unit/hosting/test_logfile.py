"""Logs that do not fill the disk."""

from pathlib import Path

import pytest

from qipan.hosting import logfile


def test_a_large_log_is_moved_aside_and_its_writer_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logfile, "LARGEST", 10)
    path = tmp_path / "x.log"
    with path.open("ab", buffering=0) as writer:
        writer.write(b"first line that is long\n")
        logfile.keep_small(path)
        writer.write(b"second\n")
    assert path.read_text() == "second\n"
    assert (tmp_path / "x.log.1").read_text() == "first line that is long\n"


def test_a_small_or_missing_log_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    logfile.keep_small(path)
    path.write_text("short\n")
    logfile.keep_small(path)
    assert [each.name for each in tmp_path.iterdir()] == ["x.log"]


def test_the_tail_is_the_last_lines(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text("\n".join(str(number) for number in range(100_000)))
    assert logfile.tail(path, 2) == "99998\n99999"
