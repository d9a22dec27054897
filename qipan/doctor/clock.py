"""This machine's clock beside the database's and the broker's: leases and tokens rest on their agreeing."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from qipan.doctor.finding import Finding, fault, ok, warning
from qipan.tenancy.words import Words

AREA = "clock"
WARN_SECONDS, FAULT_SECONDS = 2.0, 10.0
"""A lease is ten seconds."""


def apart(
    shown: datetime, asked: datetime, answered: datetime, fineness: timedelta = timedelta(0)
) -> timedelta:
    """How far a clock that showed `shown` is at least from this machine's, which it was read between.

    `fineness` is what it leaves away: a second when it shows whole ones only.
    """
    earliest, latest = shown - answered, shown + fineness - asked
    return max(earliest, min(latest, timedelta(0)))


def look(there: Mapping[str, timedelta]) -> Sequence[Finding]:
    """`there`: the clock's owner → how far it is from this machine's."""
    found = []
    for whose, offset in there.items():
        seconds = offset.total_seconds()
        zh = f"与 {whose} 的时钟相差 {seconds:+.1f} 秒"
        en = f"{whose}'s clock is {seconds:+.1f} s from this machine's"
        do = Words("在两台机器上启用 NTP(chrony)", "run NTP (chrony) on both machines")
        if abs(seconds) >= FAULT_SECONDS:
            found.append(fault(AREA, Words(zh, en), do))
        elif abs(seconds) >= WARN_SECONDS:
            found.append(warning(AREA, Words(zh, en), do))
        else:
            found.append(ok(AREA, zh, en))
    return found
