"""Where the gateway asks what is new in people's inboxes: whoever serves notify for their tenant."""

import asyncio
import time
from collections.abc import Sequence
from typing import Protocol

from qipan.access import Principal, Role, Signer
from qipan.contracts.errors import Unavailable
from qipan.contracts.news import AskNews, Listener, NewMessage, News
from qipan.contracts.queries import InAppMessage
from qipan.tenancy import in_shadow, shadow_of
from services.gateway.caller import Caller

NAME = "gateway"
TOKEN_SECONDS = 600.0
ASK_SECONDS = 5.0


class NewsSource(Protocol):
    """What knows what is new (`FromNotify` is one)."""

    async def ask(self, tenant: str, listeners: Sequence[Listener]) -> News:
        """What is new for these people; a QipanError when nobody can say at the moment."""
        ...


class FromNotify:
    """Asks in the gateway's own name: a service of the district, in real life or in the tenant's exercise."""

    def __init__(self, caller: Caller, signer: Signer, district: str) -> None:
        self._caller = caller
        self._signer = signer
        self._district = district
        self._tokens: dict[str, tuple[str, float]] = {}

    async def ask(self, tenant: str, listeners: Sequence[Listener]) -> News:
        """One call, however many listen."""
        request = AskNews(listeners=tuple(listeners))
        token = self._token(in_shadow(self._district, shadow_of(tenant)))
        call = self._caller.submit(request, tenant=tenant, principal=token, timeout=ASK_SECONDS)
        answer: News = await asyncio.wrap_future(call)
        return answer

    def _token(self, district: str) -> str:
        now = time.time()
        token, until = self._tokens.get(district, ("", 0.0))
        if until <= now:
            self._tokens = {name: held for name, held in self._tokens.items() if held[1] > now}
            me = Principal(sub=NAME, name=NAME, tenant=district, roles=frozenset({Role.SERVICE}))
            token = self._signer.token(me, TOKEN_SECONDS)
            self._tokens[district] = (token, now + TOKEN_SECONDS / 2)
        return token


class TestNews:
    """Inboxes in memory for tests; `away`: nobody answers. `asked` keeps what it was asked."""

    __test__ = False

    def __init__(self, most: int = 200) -> None:
        self.asked: list[tuple[str, tuple[Listener, ...]]] = []
        self.away = False
        self._most = most
        self._written: list[tuple[str, NewMessage]] = []

    def write(self, tenant: str, person: str, message: InAppMessage) -> str:
        """Put a message into somebody's inbox; its mark."""
        mark = f"{len(self._written) + 1:016d}.{message.message_id}"
        self._written.append((tenant, NewMessage(person=person, mark=mark, message=message)))
        return mark

    async def ask(self, tenant: str, listeners: Sequence[Listener]) -> News:
        """As notify answers it."""
        self.asked.append((tenant, tuple(listeners)))
        await asyncio.sleep(0)  # a call lets others go on
        if self.away:
            raise Unavailable("Nobody serves notify at the moment.")
        new = [
            one
            for listener in listeners
            if listener.after is not None
            for of, one in self._written
            if of == tenant and one.person == listener.person and one.mark > listener.after
        ]
        now = f"{len(self._written):016d}.~"
        return News(messages=tuple(new[: self._most]), now=now, more=len(new) > self._most)
