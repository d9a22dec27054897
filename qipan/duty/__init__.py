"""Duty: who answers for which matter, in which cell, at which time, and where nobody or several do."""

from qipan.duty.matrix import Finding, check

__all__ = ["Finding", "check"]
