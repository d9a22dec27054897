"""Whether a schema is what the code expects, told without Alembic, which takes half a second to import."""

import re
from enum import StrEnum
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from qipan.storage.database import make_engine

_REVISION = re.compile(r'^revision = "([^"]+)"$', re.MULTILINE)
_BEFORE = re.compile(r'^down_revision = "([^"]+)"$', re.MULTILINE)
_MISSING = frozenset({"3F000", "42P01"})
"""There is no such schema or table."""


class Fit(StrEnum):
    """How a schema compares with the code."""

    FITS = "fits"
    EMPTY = "empty"  # never migrated
    OLD = "old"
    NEWER = "newer"  # a revision that this code does not know


class WrongSchema(Exception):
    """The tables are not those of this version; the text says what to do."""


def head(folder: Path) -> str | None:
    """The newest revision of a service's migrations (`services/<service>/migrations/versions`); None: it has none."""
    known, before = _lines(folder)
    newest = known - before
    return next(iter(newest)) if newest else None


def fit(current: str | None, folder: Path) -> Fit:
    """How a schema at this revision compares with the migrations in `folder`."""
    known, _ = _lines(folder)
    if current is None:
        return Fit.EMPTY
    if current not in known:
        return Fit.NEWER
    return Fit.FITS if current == head(folder) else Fit.OLD


def current(url: str, service: str) -> str | None:
    """The revision that a service's schema is at; None when it was never migrated."""
    engine = make_engine(url, pool_size=1)
    try:
        with engine.connect() as conn:
            found = conn.execute(text(f"SELECT version_num FROM {service}.alembic_version")).scalar()
            return None if found is None else str(found)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in _MISSING:
            return None
        raise
    finally:
        engine.dispose()


def check(url: str, service: str, folder: Path) -> None:
    """WrongSchema when a process of this code must not work on the service's tables; whatever the database raises."""
    at = current(url, service)
    how, wanted = fit(at, folder), head(folder)
    if how is Fit.NEWER:
        raise WrongSchema(
            f"the schema {service} is at revision {at!r}, which is newer than this version of Qipan knows "
            f"(its newest is {wanted!r}): run the version that migrated it, or restore a backup from before"
        )
    if how is not Fit.FITS:
        raise WrongSchema(
            f"the schema {service} is {'empty' if at is None else f'at revision {at!r}'}, and this version of Qipan "
            f"needs {wanted!r}: run `qipan db migrate`"
        )


def _lines(folder: Path) -> tuple[set[str], set[str]]:
    """Every revision, and every one that another follows."""
    texts = [file.read_text() for file in sorted(folder.glob("*.py"))]
    return (
        {found for each in texts for found in _REVISION.findall(each)},
        {found for each in texts for found in _BEFORE.findall(each)},
    )
