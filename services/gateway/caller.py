"""What carries the gateway's calls."""

from concurrent.futures import Future
from typing import Any, Protocol

from qipan.contracts.base import Request


class Caller(Protocol):
    """What carries calls (`qipan.messaging.client.Client` is one)."""

    def submit(
        self,
        request: Request[Any],
        *,
        tenant: str,
        principal: str | None = None,
        timeout: float = 5.0,
        id: str | None = None,
    ) -> "Future[Any]": ...
