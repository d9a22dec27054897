"""Who has an account and with which password. People come from the pack; only changed passwords are rows."""

import hmac

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from qipan.access import first_password
from qipan.contracts.errors import Unauthenticated, Unavailable
from qipan.storage import Database
from qipan.tenancy import District, Person
from services.gateway.tables import accounts

_NOBODY = "nobody"


class Accounts:
    """The accounts of a district's people. `secret` is what first passwords are derived from."""

    def __init__(self, district: District, db: Database, secret: str) -> None:
        self._people = {person.id: person for person in district.people}
        self._db = db
        self._secret = secret
        self._hasher = PasswordHasher()

    def person(self, login: str) -> Person | None:
        """Whose account this is; an exercise's account is the person's own with `~<exercise>` behind it."""
        base, _, shadow = login.partition("~")
        person = self._people.get(base)
        return person.in_exercise(shadow) if person is not None and shadow else person

    def check(self, login: str, password: str) -> Person:
        """The person who signs in; Unauthenticated says no more than that it did not work.

        Blocks on the database, and for a changed password on the hash's work; Unavailable when the database
        does not answer.
        """
        person = self.person(login)
        changed = self._hash_of(person) if person is not None else None
        if changed is not None:
            holds = self._matches(changed, password)
        else:
            expected = first_password(self._secret, login if person is not None else _NOBODY)
            holds = hmac.compare_digest(expected.encode(), password.encode()) and person is not None
        if not holds or person is None:
            raise Unauthenticated("Account or password is wrong.")
        return person

    def change(self, login: str, old: str, new: str) -> None:
        """Give the account another password; errors as `check`. Blocks."""
        person = self.check(login, old)
        row = {"tenant": person.tenant, "login": person.id, "password_hash": self._hasher.hash(new)}
        statement = insert(accounts).values(row)
        statement = statement.on_conflict_do_update(
            index_elements=[accounts.c.tenant, accounts.c.login],
            set_={"password_hash": statement.excluded.password_hash, "changed_at": func.now()},
        )
        try:
            with self._db.engine.begin() as conn:
                conn.execute(statement)
        except SQLAlchemyError as error:
            raise Unavailable("Accounts cannot be reached at the moment.") from error

    def _hash_of(self, person: Person) -> str | None:
        query = select(accounts.c.password_hash).where(
            accounts.c.tenant == person.tenant, accounts.c.login == person.id
        )
        try:
            with self._db.engine.connect() as conn:
                return conn.execute(query).scalar_one_or_none()
        except SQLAlchemyError as error:
            raise Unavailable("Accounts cannot be reached at the moment.") from error

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False
