"""Commands of supervision: 督办, its answer, 催办, and an auditor's remark."""

from typing import Annotated, ClassVar

from pydantic import Field

from qipan.contracts.commands import CaseCommand

Words = Annotated[str, Field(min_length=1, max_length=4000)]


class SuperviseCase(CaseCommand):
    """督办: a supervisor or lead watches this case and wants an answer in time.

    The level is that of whoever asks: a town's, or the district's. `answer_within` is a limit (`4 hours`,
    `1 work-day`); without it, the town's own (`dispatch.supervise-limit`).
    """

    type: ClassVar[str] = "case.supervise.v1"
    reason: Words
    answer_within: str | None = Field(default=None, min_length=1, max_length=40)


class AnswerSupervision(CaseCommand):
    """Whoever has the case, or a dispatcher or shift leader, answers: the supervision is lifted."""

    type: ClassVar[str] = "supervision.answer.v1"
    answer: Words


class ExpediteCase(CaseCommand):
    """催办: it is asked after; counted, and told to the worker and the unit."""

    type: ClassVar[str] = "case.expedite.v1"
    note: Annotated[str, Field(max_length=4000)] = ""


class RemarkCase(CaseCommand):
    """督察意见: an auditor's remark, kept in the case's history for good."""

    type: ClassVar[str] = "case.remark.v1"
    remark: Words
