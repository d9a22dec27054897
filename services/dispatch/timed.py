"""What a step about time brings with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from qipan.contracts.errors import Fault

TOWN_LEVEL = "town"
DISTRICT_LEVEL = "district"


@dataclass(frozen=True, slots=True)
class Timed:
    """What changes of the case's clock, at which moment of domain time; or what is wrong with what was asked.

    `of_district`: whoever decides does so for the whole district.
    """

    now: datetime
    changes: Mapping[str, Any] = field(default_factory=dict)
    fault: Fault | None = None
    of_district: bool = False
