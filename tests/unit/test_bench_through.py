"""The yardstick's waiting: every report sent is waited for, few are asked about at once, cases are counted."""

from types import SimpleNamespace
from typing import Any

import pytest

from bench import through


class _Conn:
    """A database in which each report is through when it is asked about the second time; every fifth is no case."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.most = 0

    def execute(self, statement: str, columns: Any = None) -> Any:
        if columns is None:
            return None
        self.most = max(self.most, len(columns[1]))
        done = [(t, r, int(r) % 5 > 0) for t, r in zip(*columns, strict=True) if r in self.seen]
        self.seen.update(columns[1])
        return SimpleNamespace(fetchall=lambda: done)


def test_all_are_waited_for_and_cases_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(through, "POLL_SECONDS", 0.0)
    conn: Any = _Conn()
    sent = [("t", str(number)) for number in range(250)]
    assert through.Through(conn, "ask").wait(sent) == 200
    assert conn.seen == {report for _, report in sent}
    assert conn.most == through.AT_ONCE


def test_one_that_never_comes_through_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(through, "POLL_SECONDS", 0.0)
    conn: Any = SimpleNamespace(execute=lambda *_: SimpleNamespace(fetchall=list))
    with pytest.raises(RuntimeError, match="1 reports not through"):
        through.Through(conn, "ask").wait([("t", "1")], seconds=0.0)
