"""Whose fault a database error is: waiting helps when the database is away, never when the message is bad."""

import psycopg
import pytest
from psycopg.errors import (
    AdminShutdown,
    DeadlockDetected,
    IdleInTransactionSessionTimeout,
    IoError,
    LockNotAvailable,
    QueryCanceled,
    ReadOnlySqlTransaction,
    UniqueViolation,
)
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from qipan.storage.database import is_passing


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("SELECT", {}, psycopg.OperationalError("server closed the connection")),
        InterfaceError("SELECT", {}, psycopg.InterfaceError("the connection is closed")),
        DBAPIError("SELECT", {}, DeadlockDetected()),
        DBAPIError("SELECT", {}, AdminShutdown()),
        DBAPIError("SELECT", {}, IdleInTransactionSessionTimeout()),
        DBAPIError("SELECT", {}, IoError()),
        DBAPIError("SELECT", {}, LockNotAvailable()),
        DBAPIError("INSERT", {}, ReadOnlySqlTransaction()),
        DBAPIError("SELECT", {}, Exception("gone"), connection_invalidated=True),
        PoolTimeout("no connection within 5 s"),
        TimeoutError(),
    ],
)
def test_the_database_is_away(error: Exception) -> None:
    assert is_passing(error)


@pytest.mark.parametrize(
    "error",
    [
        DataError("SELECT", {}, psycopg.DataError("text fields cannot contain NUL (0x00) bytes")),
        ProgrammingError("SELECT", {}, psycopg.ProgrammingError("cannot adapt type 'X'")),
        DBAPIError("INSERT", {}, UniqueViolation()),
        DBAPIError("SELECT", {}, QueryCanceled()),
        ValueError("a rule said no"),
        UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
    ],
)
def test_the_message_is_at_fault(error: Exception) -> None:
    assert not is_passing(error)
