"""A service calling others in its own name."""

from typing import TypeVar

from pydantic import BaseModel

from qipan.contracts.base import Request
from qipan.messaging.client import Client

Reply = TypeVar("Reply", bound=BaseModel)


class Caller:
    """A client with the process's own principal."""

    def __init__(self, client: Client, token: str) -> None:
        self._client = client
        self._token = token

    def call(
        self, request: Request[Reply], *, tenant: str, timeout: float = 5.0, id: str | None = None
    ) -> Reply:
        """Ask and wait; raises the answerer's error, `Unavailable` or `DeadlineExceeded`. Never in a transaction."""
        return self._client.call(request, tenant=tenant, principal=self._token, timeout=timeout, id=id)
