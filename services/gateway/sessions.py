"""Signing in: from a person of the pack to a principal whose token the services accept."""

import time

from qipan.access import Principal, Role, Signer
from qipan.contracts.errors import Unauthenticated
from qipan.http import TooManyRequests
from qipan.tenancy import Person
from services.gateway.accounts import Accounts
from services.gateway.attempts import Attempts

ACCOUNT_FAILURES = 5
ADDRESS_FAILURES = 50
WINDOW_SECONDS = 300.0


def principal_of(person: Person, exp: float = 0.0) -> Principal:
    """What a person may be known as: the roles, unit and cells that the pack gives."""
    return Principal(
        sub=person.id,
        name=person.name,
        tenant=person.tenant,
        roles=frozenset(Role(role) for role in person.roles),
        units=frozenset({person.unit} if person.unit else ()),
        cells=frozenset(person.cells),
        exp=exp,
    )


class Sessions:
    """Checks passwords with patience for slips and none for guessing, and makes tokens of `seconds`."""

    def __init__(self, accounts: Accounts, signer: Signer, seconds: float) -> None:
        self._accounts = accounts
        self._signer = signer
        self._seconds = seconds
        self._by_account = Attempts(ACCOUNT_FAILURES, WINDOW_SECONDS)
        self._by_address = Attempts(ADDRESS_FAILURES, WINDOW_SECONDS)

    def open(self, account: str, password: str, address: str) -> tuple[Principal, str]:
        """The principal and its token; Unauthenticated, TooManyRequests or Unavailable. Blocks."""
        self._patient(account, address)
        try:
            person = self._accounts.check(account, password)
        except Unauthenticated:
            self._slipped(account, address)
            raise
        self._by_account.forget(account)
        principal = principal_of(person, exp=time.time() + self._seconds)
        return principal, self._signer.token(principal, self._seconds)

    def change_password(self, account: str, old: str, new: str, address: str) -> None:
        """Give an account another password; errors as `open`. Blocks."""
        self._patient(account, address)
        try:
            self._accounts.change(account, old, new)
        except Unauthenticated:
            self._slipped(account, address)
            raise

    def _patient(self, account: str, address: str) -> None:
        wait = max(self._by_account.blocked(account), self._by_address.blocked(address))
        if wait > 0:
            raise TooManyRequests(retry_after=int(wait) + 1)

    def _slipped(self, account: str, address: str) -> None:
        self._by_account.failed(account)
        self._by_address.failed(address)
