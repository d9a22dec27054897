"""The district's pack: every fault of it."""

from collections.abc import Sequence
from pathlib import Path

from qipan.doctor.finding import Finding, fault, ok
from qipan.tenancy import PackError, load_district
from qipan.tenancy.words import Words

AREA = "pack"


def look(folder: Path) -> Sequence[Finding]:
    """What there is to say about the pack in `folder`."""
    try:
        district = load_district(folder)
    except PackError as error:
        do = Words(
            "改正后再启动;写法见 docs/reference/packs.md",
            "mend it before the next start; docs/reference/packs.md says how it is written",
        )
        return [fault(AREA, Words(str(each), str(each)), do) for each in error.faults]
    return [
        ok(
            AREA,
            f"{district.name.zh}:{len(district.tenants)} 个租户",
            f"{district.name.en}: {len(district.tenants)} tenants",
        )
    ]
