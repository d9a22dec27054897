"""Reports to bench with: told as citizens do, spread over towns and matters, each about something else."""

import random
from collections.abc import Collection, Iterator
from itertools import islice
from typing import Any

from qipan.tenancy import District

_WORDS = "东南西北前后左右上下里外旁边路口桥头河边店门小区单元楼道花坛车站学校医院公园市场广场"


class Reports:
    """An endless supply; the same seed gives the same. No report says again what another said.

    `towns`: from these only; empty: from all.
    """

    def __init__(self, district: District, seed: int = 1, towns: Collection[str] = ()) -> None:
        self._random = random.Random(seed)
        self._points = [
            cell.shape.representative_point()
            for cell in district.territory.cells("duty")
            if not towns or cell.town in towns
        ]
        matters = district.matters_of(district.towns[0].id)
        standard = {code: matter for code, matter in matters.items() if not code.startswith("x-")}
        self._matters = sorted(matter.name.zh for matter in (standard or matters).values())
        self._number = 0

    def take(self, count: int) -> list[dict[str, Any]]:
        """The next `count` reports as the door's JSON."""
        return list(islice(self.endless(), count))

    def endless(self) -> Iterator[dict[str, Any]]:
        """One report after another, going on where the last one stopped."""
        while True:
            self._number += 1
            place = self._random.choice(self._points)
            where = "".join(self._random.sample(_WORDS, 12))
            yield {
                "text": f"{where}，{self._random.choice(self._matters)}，请派人处理（{self._number}）",
                "lon": round(place.x + self._random.uniform(-1e-5, 1e-5), 6),
                "lat": round(place.y + self._random.uniform(-1e-5, 1e-5), 6),
                "channel": "citizen-app",
            }
