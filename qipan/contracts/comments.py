"""What a reporter says about a case later on, as those hear of it who have the case."""

from typing import ClassVar

from qipan.contracts.addressed import FieldEvent


class CaseCommented(FieldEvent):
    """The reporter of one of the case's reports added something.

    The words are not in it: they may name the reporter, who stays unknown to the unit complained about.
    """

    type: ClassVar[str] = "case.commented.v1"
    report_id: str
    comment_id: str
