"""A report's public status as GeoReport says it: open or closed, and plain words for the rest."""

from qipan.contracts.case import OPEN_STAGES, Stage
from qipan.contracts.responsible import Responsible
from services.intake.open311.filters import CLOSED, OPEN
from services.intake.public_status import ReportStatus, words_for

CLOSED_STATUSES = frozenset(
    {ReportStatus.DECLINED.value, ReportStatus.SELF_DISPOSED.value}
    | {stage.value for stage in frozenset(Stage) - OPEN_STAGES}
)
"""What nobody works on any more. A merged report is as open as the one it was joined to."""


def status_of(public_status: str) -> str:
    """`open` or `closed`."""
    return CLOSED if public_status in CLOSED_STATUSES else OPEN


def notes_of(own: str, original: str | None, language: str, responsible: Responsible | None = None) -> str:
    """What happened to it so far, in plain words; for a merged report also how far its original has come.

    Of a declined one it says who is responsible instead.
    """
    key = "en" if language.startswith("en") else "zh"
    said = [words_for(status, responsible)[key] for status in (own, original) if status is not None]
    return (" " if key == "en" else "；").join(said)
