"""This machine's clock beside the database's and the broker's: leases and tokens rest on their agreeing."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from qipan.doctor.finding import Finding, fault, ok, warning
from qipan.tenancy.words import Words

AREA = "clock"
WARN_SECONDS, FAULT_SECONDS = 2.0, 10.0
"""A lease is ten seconds."""


def look(here: datetime, there: Mapping[str, datetime]) -> Sequence[Finding]:
    """`there`: the clock's owner → what it showed when this machine showed `here`."""
    found = []
    for whose, shown in there.items():
        apart = (shown - here).total_seconds()
        zh = f"与 {whose} 的时钟相差 {apart:+.1f} 秒"
        en = f"{whose}'s clock is {apart:+.1f} s from this machine's"
        do = Words("在两台机器上启用 NTP(chrony)", "run NTP (chrony) on both machines")
        if abs(apart) >= FAULT_SECONDS:
            found.append(fault(AREA, Words(zh, en), do))
        elif abs(apart) >= WARN_SECONDS:
            found.append(warning(AREA, Words(zh, en), do))
        else:
            found.append(ok(AREA, zh, en))
    return found
