"""Commands and queries of what comes after the fact: rectification (整改)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from qipan.contracts.base import Query
from qipan.contracts.commands import CaseCommand, Evidence
from qipan.contracts.queries import CaseList

Words = Annotated[str, Field(min_length=1, max_length=4000)]


class CallBack(CaseCommand):
    """回访: an acceptor or shift leader asked the reporter of a closed case; both answers are needed if reached."""

    type: ClassVar[str] = "case.callback.v1"
    contacted: bool
    resolved: bool | None = None
    satisfied: bool | None = None
    note: Annotated[str, Field(max_length=4000)] = ""


class AnswerRectification(CaseCommand):
    """The unit says what it put right, with evidence."""

    type: ClassVar[str] = "rectification.answer.v1"
    answer: Words
    evidence: Annotated[Evidence, Field(min_length=1)]


class CloseRectification(CaseCommand):
    """The shift leader accepts the answer, or (with a note) does not: then another is due."""

    type: ClassVar[str] = "rectification.close.v1"
    accepted: bool = True
    note: Annotated[str, Field(max_length=4000)] = ""


class ListRectifications(Query[CaseList]):
    """The cases under rectification that concern the asker, the earliest deadline first."""

    type: ClassVar[str] = "rectification.list.v1"
    service: ClassVar[str] = "dispatch"
    status: Literal["open", "answered"] | None = None
    after: str | None = Field(default=None, max_length=200)
    limit: int = Field(default=50, ge=1, le=200)
