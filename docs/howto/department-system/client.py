"""A department's own system beside Qipan: it hands its reports over, and fetches what became of them.

`QIPAN_URL=… QIPAN_ACCOUNT=traffic-police.its QIPAN_PASSWORD=… python client.py` sends nothing and prints what
changed since it was last run. Needs httpx only.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

CURSOR = Path("qipan-cursor.txt")
"""Where the feed is gone on with. Written after the entries were dealt with: after a crash they come again."""


class Qipan:
    """The platform, as one account of a department's system sees it."""

    def __init__(self, http: httpx.Client, account: str, password: str) -> None:
        self._http, self._account, self._password = http, account, password
        self._token = ""

    def report(self, reference: str, text: str, lon: float, lat: float, **more: Any) -> dict[str, Any]:
        """Hand a report over. The same reference again, after a time-out say, is the same report."""
        body = {"reference": reference, "text": text, "lon": lon, "lat": lat, **more}
        return self._ask("POST", "/v1/reports", json=body)

    def note(self, town: str, report_id: str, reference: str) -> None:
        """Say by which number we know a report whose case we were given; the feed then names it."""
        path = f"/v1/reports/{report_id}/reference"
        self._ask("POST", path, json={"reference": reference}, params={"tenant": town})

    def step(self, town: str, case_id: str, step: str, key: str, **body: Any) -> dict[str, Any]:
        """`accept`, `return` (with a `reason`) or `dispose` (with `evidence`) a task of ours; `key` makes it once."""
        path = f"/v1/cases/{case_id}/{step}"
        headers = {"Idempotency-Key": key}
        return self._ask("POST", path, json=body, params={"tenant": town}, headers=headers)

    def changes(self, after: str | None, page: int = 100) -> Iterator[Mapping[str, Any]]:
        """What changed after the cursor, oldest first, until there is nothing more for now."""
        while True:
            params = {"limit": page, **({"after": after} if after else {})}
            found = self._ask("GET", "/v1/feed", params=params)
            yield from found["entries"]
            after = found["next"]
            if not found["more"]:
                return

    def _ask(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        answer = self._send(method, path, **request)
        if answer.status_code == httpx.codes.UNAUTHORIZED:  # the token has run out
            self._token = ""
            answer = self._send(method, path, **request)
        answer.raise_for_status()
        content: dict[str, Any] = answer.json()
        return content

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        if not self._token:
            form = {"account": self._account, "password": self._password}
            session = self._http.post("/v1/session", json=form)
            session.raise_for_status()
            self._token = session.json()["token"]
        headers = {**request.pop("headers", {}), "Authorization": f"Bearer {self._token}"}
        return self._http.request(method, path, headers=headers, **request)


def catch_up(qipan: Qipan, cursor: Path, deal_with: Callable[[Mapping[str, Any]], None]) -> int:
    """Deal with what changed since the last time; returns how many entries there were."""
    after = cursor.read_text().strip() if cursor.exists() else None
    count = 0
    for entry in qipan.changes(after or None):
        deal_with(entry)
        cursor.write_text(entry["cursor"])
        count += 1
    return count


def show(entry: Mapping[str, Any]) -> None:
    """Where the department's own system would take it in."""
    sys.stdout.write(json.dumps(entry, ensure_ascii=False) + "\n")


def main() -> int:
    """Print what changed since the last run, a line of JSON for each."""
    with httpx.Client(base_url=os.environ["QIPAN_URL"], timeout=30) as http:
        qipan = Qipan(http, os.environ["QIPAN_ACCOUNT"], os.environ["QIPAN_PASSWORD"])
        catch_up(qipan, CURSOR, show)
    return 0


if __name__ == "__main__":
    sys.exit(main())
