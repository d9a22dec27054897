"""The client's ledger: what was sent and what was answered, written outside the examined system."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self


@dataclass(slots=True)
class Account:
    """Everything the client knows about one submission, under the client's own name for it (`key`)."""

    key: str
    town: str = ""
    channel: str = ""
    attempts: int = 0
    answers: int = 0
    report_ids: list[str] = field(default_factory=list)
    tenant: str = ""
    token: str = ""
    refusal: str = ""
    line: int | None = None

    @property
    def accepted(self) -> bool:
        """Whether the system ever acknowledged it: from then on it must not be lost."""
        return bool(self.report_ids)

    @property
    def refused(self) -> bool:
        """Whether every answer was a refusal."""
        return bool(self.refusal) and not self.report_ids

    @property
    def report_id(self) -> str:
        """The report it became; an accepted submission has exactly one."""
        return self.report_ids[0]


class Ledger:
    """An append-only file of JSON lines; each goes to the kernel at once, so killing the writer loses none.

    One process writes one file; `accounts` reads any number of them together.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def sent(self, key: str, *, town: str = "", channel: str = "", line: int | None = None) -> None:
        """The submission is about to leave. `line`: where it stands in the file it came from, if any."""
        self._write(what="sent", key=key, town=town, channel=channel, line=line)

    def acknowledged(self, key: str, report_id: str, *, tenant: str = "", token: str = "") -> None:
        """The system said that it has it."""
        self._write(what="acknowledged", key=key, report_id=report_id, tenant=tenant, token=token)

    def refused(self, key: str, code: str) -> None:
        """The system (or the client, before sending) said no; `code` says why."""
        self._write(what="refused", key=key, code=code)

    def close(self) -> None:
        """Closes the file; what was written stays readable."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self, **entry: Any) -> None:
        self._file.write(
            json.dumps({k: v for k, v in entry.items() if v not in ("", None)}, ensure_ascii=False) + "\n"
        )


def accounts(paths: Iterable[Path]) -> dict[str, Account]:
    """What the ledgers say, by key. A last line torn by a kill is left out: it promised nothing."""
    found: dict[str, Account] = {}
    for path in paths:
        for entry in _entries(path):
            key = entry["key"]
            account = found.get(key)
            if account is None:
                account = found[key] = Account(key)
            _note(account, entry)
    return found


def _note(account: Account, entry: dict[str, Any]) -> None:
    match entry["what"]:
        case "sent":
            account.attempts += 1
            account.town = entry.get("town", account.town)
            account.channel = entry.get("channel", account.channel)
            account.line = entry.get("line", account.line)
        case "acknowledged":
            account.answers += 1
            if entry["report_id"] not in account.report_ids:
                account.report_ids.append(entry["report_id"])
            account.tenant = entry.get("tenant", account.tenant)
            account.token = entry.get("token", account.token)
        case "refused":
            account.answers += 1
            account.refusal = entry["code"]


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n"):
                yield json.loads(line)
