"""Asking the broker's management API what stands and waits on it."""

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from qipan.messaging.nodes import each_node

SECONDS = 5


def asked(management_url: str, what: str) -> tuple[list[Mapping[str, Any]], datetime]:
    """What the API at `http://user:password@host:port` answers to `/api/<what>`, and the time that it shows.

    Of several hosts (`one:15672,two:15672`) the first that can be reached. Raises OSError when none can, or it refuses.
    """
    with _opened(management_url, what) as response:
        shown = response.headers.get("Date")
        return json.load(response), parsedate_to_datetime(shown) if shown else datetime.now(UTC)


def delete(management_url: str, what: str) -> None:
    """Have the API delete `/api/<what>`. OSError, an HTTPError (404) when it is not there."""
    with _opened(management_url, what, "DELETE") as response:
        response.read()


def queues(management_url: str, vhost: str) -> dict[str, int]:
    """Every queue of a virtual host, with how many messages it holds, ready or in somebody's hands."""
    options = "disable_stats=true&enable_queue_totals=true"
    found, _ = asked(management_url, f"queues/{quote(vhost, safe='')}?{options}")
    return {str(queue["name"]): int(queue.get("messages") or 0) for queue in found}


def _opened(management_url: str, what: str, method: str = "GET") -> Any:
    """The answer of the first node that can be reached, to be read and closed."""
    *others, last = each_node(management_url)
    for node in others:
        try:
            return urllib.request.urlopen(_request(node, what, method), timeout=SECONDS)
        except urllib.error.HTTPError:
            raise
        except OSError:
            continue
    return urllib.request.urlopen(_request(last, what, method), timeout=SECONDS)


def _request(node_url: str, what: str, method: str) -> urllib.request.Request:
    parts = urlsplit(node_url)
    host = parts.netloc.rpartition("@")[2]
    signature = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    path, _, query = what.partition("?")
    return urllib.request.Request(
        urlunsplit((parts.scheme, host, f"{parts.path.rstrip('/')}/api/{path}", query, "")),
        headers={"authorization": "Basic " + base64.b64encode(signature.encode()).decode()},
        method=method,
    )
