"""Looking for cases, open and closed, among all that one may see."""

from enum import StrEnum
from typing import ClassVar

from qipan.contracts.base import Query
from qipan.contracts.filters import CaseFilters
from qipan.contracts.queries import CaseList, Limit


class FiledOrder(StrEnum):
    """Which end a list begins at, by the time of filing."""

    NEWEST = "newest"
    OLDEST = "oldest"


class SearchCases(Query[CaseList], CaseFilters):
    """The cases that the asker may see and that match, the newest first unless asked otherwise.

    Addressed to the district by one of its own people, in all of its towns.
    """

    type: ClassVar[str] = "case.search.v1"
    service: ClassVar[str] = "dispatch"
    order: FiledOrder = FiledOrder.NEWEST
    limit: Limit = 100
    after: str | None = None
