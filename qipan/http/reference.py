"""The reference of problems: `python -m qipan.http.reference [--check]`."""

import sys

from qipan import generated
from qipan.contracts.errors import QipanError
from qipan.http.problems import TITLES, urn

PAGE = "problems.md"

_HEAD = """# Problems

Every refusal over HTTP is a problem document (RFC 9457, `application/problem+json`). `type` is stable;
`code` is its last word. `title` follows `Accept-Language` (zh-CN first, or en). `faults` lists everything
that is wrong at once, each with `where`, `what` and, where there is one, `allowed`. `trace` is the trace id
to tell an operator. 429, 503 and 504 carry `Retry-After` in seconds. After 504 a command may or may not have
been carried out: repeat it with the same `Idempotency-Key`.

A body with several kinds of faults is `invalid`; a narrower type says that all its faults are of that kind.

<!-- made by `python -m qipan.http.reference`; do not edit -->

| type | status | zh-CN | en | meaning |
|---|---|---|---|---|
"""


def kinds() -> list[type[QipanError]]:
    """Every kind of error that has a code of its own, by status and code."""
    found: dict[str, type[QipanError]] = {}
    waiting: list[type[QipanError]] = list(QipanError.__subclasses__())
    while waiting:
        kind = waiting.pop()
        if kind.__module__.startswith("qipan."):
            found[kind.code] = kind
        waiting.extend(kind.__subclasses__())
    return sorted(found.values(), key=lambda kind: (kind.status, kind.code))


def as_text() -> str:
    """The page."""
    return _HEAD + "".join(f"{_row(kind)}\n" for kind in kinds())


def _row(kind: type[QipanError]) -> str:
    title = TITLES[kind.code]
    meaning = (kind.__doc__ or "").strip().splitlines()[0]
    return f"| `{urn(kind.code)}` | {kind.status} | {title.zh} | {title.en} | {meaning} |"


if __name__ == "__main__":
    sys.exit(generated.main(PAGE, as_text()))
