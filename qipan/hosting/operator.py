"""Calls that an operator makes from the command line of the installation's own machine."""

from concurrent.futures import Future
from typing import TypeVar

from pydantic import BaseModel

from qipan.access import Role
from qipan.contracts.base import Request
from qipan.contracts.errors import Unavailable
from qipan.hosting.credentials import Credentials
from qipan.hosting.servers import known_broker
from qipan.messaging.client import Client
from qipan.messaging.provision import user_url
from qipan.settings import Settings
from qipan.tenancy import District, load_district

Reply = TypeVar("Reply", bound=BaseModel)

TOKEN_SECONDS = 600.0
CALL_SECONDS = 10.0


class Operator:
    """`with Operator(settings) as operator: operator.call(Who())`. NotRunning or Unavailable on entering."""

    def __init__(self, settings: Settings) -> None:
        credentials = Credentials.kept_in(settings.var)
        amqp_url, _ = known_broker(settings)
        self.district: District = load_district(settings.district)
        self._token = credentials.token("operator", self.district.id, Role.OPERATOR, TOKEN_SECONDS)
        self._client = Client(user_url(amqp_url, settings.core_user, credentials.secret), "operator")

    def __enter__(self) -> "Operator":
        self._client.start(seconds=CALL_SECONDS)
        if not self._client.ready():
            self._client.stop()
            raise Unavailable("The message broker cannot be reached at the moment.")
        return self

    def __exit__(self, *_: object) -> None:
        self._client.stop()

    def call(self, request: Request[Reply], tenant: str | None = None) -> Reply:
        """Ask for a tenant (None: the district) and wait at most 10 s; raises what the service answers."""
        return self._client.call(
            request, tenant=tenant or self.district.id, principal=self._token, timeout=CALL_SECONDS
        )

    def submit(self, request: Request[Reply], tenant: str) -> "Future[Reply]":
        """Ask without waiting."""
        return self._client.submit(request, tenant=tenant, principal=self._token, timeout=CALL_SECONDS)
