"""`qipan doctor`: what is wrong with an installation, each finding with what to do about it."""

from qipan.doctor.finding import Finding, Level, worst

__all__ = ["Finding", "Level", "worst"]
