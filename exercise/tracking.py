"""Every acknowledged report once more, through the public door: what its tracking link shows."""

import asyncio
from collections import Counter
from collections.abc import Iterable

from exercise.ledger import Account
from exercise.players.client import HttpClient, NoAnswer, Refusal

_AT_ONCE = 8
_INTAKE_WORDS = frozenset(
    {"declined", "merged", "held", "verifying", "self-disposed", "closed", "voided", "received", "filed"}
)


async def public_states(http: HttpClient, accounts: Iterable[Account]) -> Counter[str]:
    """How many acknowledged reports the public sees in each state; `invisible`: those without an answer."""
    seen: Counter[str] = Counter()
    lines = asyncio.Semaphore(_AT_ONCE)

    async def look(account: Account) -> None:
        async with lines:
            try:
                answer = await http.get(f"/v1/reports/{account.report_id}", params={"token": account.token})
            except (Refusal, NoAnswer):
                seen["invisible"] += 1
            else:
                status = answer["status"]
                seen[status if status in _INTAKE_WORDS else "open"] += 1

    async with asyncio.TaskGroup() as looks:
        for account in accounts:
            if account.accepted:
                looks.create_task(look(account))
    return seen
