"""核实: an acceptor who is not sure has the cell's grid worker look before a report is filed."""

from typing import Any

from exercise.players.client import Refusal
from exercise.players.play import Play
from qipan.tenancy import District, Person

_NOT_FOUND = 0.2


class Verifiers:
    """Grid workers who look at what was reported in their cells."""

    role = "verifier"

    def __init__(self, play: Play, district: District) -> None:
        self._play, self._district = play, district

    async def look(self, report: dict[str, Any], acceptor: Person, matter: str) -> bool:
        """Asked by the acceptor and answered; False when there is nobody to ask, so that the acceptor decides.

        `matter`: what it will turn out to be.
        """
        play, tenant, report_id = self._play, report["tenant"], report["report_id"]
        place = self._district.territory.locate(report["lon"], report["lat"])
        cell = place.cells.get("duty", "") if place else ""
        if not play.cast.walks(cell):
            return False
        asked = {"outcome": "verify", "reason": "请现场核实"}
        address, key = f"/v1/held/{report_id}", f"verify-{report_id}"
        await play.do("acceptor", acceptor, "verify", address, asked, tenant=tenant, key=key)
        dice = play.dice("verify", report_id)
        await play.pace.minutes(dice.uniform(10, 40))
        found: dict[str, Any]
        if dice.random() < _NOT_FOUND:
            found = {"finding": "not-found", "note": "现场未发现"}
        else:
            found = {"finding": "different", "matter": matter, "evidence": [f"photo://{report_id}/1.jpg"]}
        worker = play.cast.walker(cell, tenant)
        try:
            address = f"/v1/verifications/{report_id}"
            await play.do(self.role, worker, found["finding"], address, found, tenant=tenant, key=key)
        except Refusal as refusal:
            play.tally.add(self.role, f"refused: {refusal.code}")
        return True
