"""Asking the broker's management API what stands and waits on it."""

import base64
import json
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

SECONDS = 5


def asked(management_url: str, what: str) -> tuple[list[Mapping[str, Any]], datetime]:
    """What the API at `http://user:password@host:port` answers to `/api/<what>`, and the time that it shows.

    Raises OSError when it cannot be reached or refuses.
    """
    with urllib.request.urlopen(_request(management_url, what), timeout=SECONDS) as response:
        shown = response.headers.get("Date")
        return json.load(response), parsedate_to_datetime(shown) if shown else datetime.now(UTC)


def delete(management_url: str, what: str) -> None:
    """Have the API delete `/api/<what>`. OSError, an HTTPError (404) when it is not there."""
    request = _request(management_url, what)
    request.method = "DELETE"
    with urllib.request.urlopen(request, timeout=SECONDS) as response:
        response.read()


def queues(management_url: str, vhost: str) -> dict[str, int]:
    """Every queue of a virtual host, with how many messages it holds, ready or in somebody's hands."""
    options = "disable_stats=true&enable_queue_totals=true"
    found, _ = asked(management_url, f"queues/{quote(vhost, safe='')}?{options}")
    return {str(queue["name"]): int(queue.get("messages") or 0) for queue in found}


def _request(management_url: str, what: str) -> urllib.request.Request:
    parts = urlsplit(management_url)
    host = parts.netloc.rpartition("@")[2]
    signature = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    path, _, query = what.partition("?")
    return urllib.request.Request(
        urlunsplit((parts.scheme, host, f"{parts.path.rstrip('/')}/api/{path}", query, "")),
        headers={"authorization": "Basic " + base64.b64encode(signature.encode()).decode()},
    )
