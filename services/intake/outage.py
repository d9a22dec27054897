"""What a reporter is told when the database fails."""

from sqlalchemy.exc import TimeoutError as PoolTimeout

from qipan.contracts.errors import Internal, QipanError, Unavailable
from qipan.observability import logs
from qipan.storage.database import is_passing, is_too_slow


def refusal_of(error: Exception, path: str) -> QipanError:
    """The database is away: nothing was stored, or nobody can tell; the same key makes asking again safe.

    What is not passing is logged: an operator must look.
    """
    if isinstance(error, PoolTimeout) or is_passing(error) or is_too_slow(error):
        return Unavailable("Reports cannot be stored at the moment; send it again with the same key.")
    logs.logger(__name__).error("the database refused a statement", path=path, exc_info=error)
    return Internal()
