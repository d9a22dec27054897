"""What every player needs: the gateway, the pace, a seat of one's own, dice, and a tally of what was done."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from exercise.players.cast import Cast
from exercise.players.client import HttpClient
from exercise.players.pace import Pace
from exercise.players.tally import Tally
from qipan.contracts.case import CaseState
from qipan.tenancy import Person


@dataclass(slots=True)
class Play:
    """One performance. `password_of` knows each account's password; each signs in once, when first needed.

    `newest` holds the newest version of each case that anybody heard of: an older one is old news.
    """

    http: HttpClient
    pace: Pace
    cast: Cast
    password_of: Callable[[Person], str]
    seed: int
    tally: Tally = field(default_factory=Tally)
    newest: dict[str, int] = field(default_factory=dict)
    _tokens: dict[str, str] = field(default_factory=dict)

    def dice(self, *what: str) -> random.Random:
        """Dice that fall the same for the same seed and subject, in whatever order things happen."""
        return random.Random("/".join((str(self.seed), *what)))

    def moved_on(self, case: CaseState) -> bool:
        """Whether something has happened to the case since."""
        return self.newest.get(case.case_id, 0) > case.version

    async def token(self, person: Person) -> str:
        """The token of that person's session."""
        token = self._tokens.get(person.id)
        if token is None:
            body = {"account": person.id, "password": self.password_of(person)}
            answer = await self.http.post("/v1/session", body)
            token = self._tokens[person.id] = answer["token"]
        return token

    async def step(
        self,
        role: str,
        person: Person,
        case: CaseState,
        action: str,
        body: dict[str, Any] | None = None,
        *,
        tenant: str | None = None,
        told: str | None = None,
    ) -> CaseState:
        """One person takes one step on one case; returns the case after it. Raises Refusal or NoAnswer.

        The key makes a step that is tried again after an interruption the same step. `tenant`: under which the
        case is addressed, where that is not its own; `told`: what is counted, where that is not the action.
        """
        answer = await self.say(role, person, case, action, body, tenant=tenant, told=told)
        after = CaseState.model_validate(answer["case"])
        self.newest[after.case_id] = after.version
        self.done(person, case, action, after)
        return after

    def done(self, person: Person, before: CaseState, action: str, after: CaseState) -> None:
        """What follows from a step that was answered with success: nothing here."""

    async def say(
        self,
        role: str,
        person: Person,
        case: CaseState,
        action: str,
        body: dict[str, Any] | None = None,
        *,
        tenant: str | None = None,
        told: str | None = None,
    ) -> Any:
        """As `step`, for what is about a case and leaves it where it is; returns what was answered."""
        path, key = f"/v1/cases/{case.case_id}/{action}", f"{action}-{case.case_id}-{case.version}"
        tenant = tenant or case.tenant
        return await self.do(role, person, told or action, path, body, tenant=tenant, key=key)

    async def do(
        self,
        role: str,
        person: Person,
        what: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        tenant: str,
        key: str = "",
    ) -> Any:
        """One person does something that is not about a case alone, and it is counted as `what`."""
        answer = await self.http.post(
            path,
            body or {},
            token=await self.token(person),
            params={"tenant": tenant},
            headers={"Idempotency-Key": key} if key else None,
        )
        self.tally.add(role, what)
        return answer
