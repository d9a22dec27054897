"""赋权: a department takes a mandate back from a town for a while; until it is granted anew, the town must ask."""

import asyncio
from datetime import datetime, timedelta

from exercise.players.client import NoAnswer, Refusal
from exercise.players.play import Play
from qipan.tenancy import District, Person
from qipan.tenancy.mandate import Mandate

_HOURS = (8.5, 9.0, 10.0, 13.0, 14.0, 15.0)
"""When, in hours of the day, a mandate is taken back: when most is reported."""

_FOR = timedelta(minutes=150)


class Mandates:
    """Whoever grants powers: a department's own dispatcher, the district's lead for those without people."""

    role = "department"

    def __init__(self, play: Play, district: District) -> None:
        self._play, self._district = play, district

    async def run(self, begins: datetime) -> None:
        """Take some of the standing mandates back and grant them anew, each at its hour after `begins`."""
        standing = [one for town in self._district.towns for one in self._district.standing_mandates(town.id)]
        drawn = self._play.dice("mandates").sample(standing, min(len(standing), len(_HOURS)))
        async with asyncio.TaskGroup() as desks:
            for hour, mandate in zip(_HOURS, drawn, strict=False):
                desks.create_task(self._withdraw(begins + timedelta(hours=hour), mandate))

    async def _withdraw(self, at: datetime, mandate: Mandate) -> None:
        play, person = self._play, self._grantor(mandate.department)
        await play.pace.until(at)
        order = {"town": mandate.town, "reason": "委托事项调整"}
        try:
            address = f"/v1/mandates/{mandate.id}/revoke"
            await play.do(self.role, person, "revoke", address, order, tenant=person.tenant)
            await play.pace.until(at + _FOR)
            await play.do(self.role, person, "grant", "/v1/mandates", _again(mandate), tenant=person.tenant)
        except (Refusal, NoAnswer) as trouble:
            play.tally.add(self.role, f"{type(trouble).__name__} {getattr(trouble, 'code', '')}".strip())

    def _grantor(self, department: str) -> Person:
        desk = self._district.desk_of(department)
        role = "district-lead" if desk == self._district.id else "dispatcher"
        return self._play.cast.one(role, desk)


def _again(mandate: Mandate) -> dict[str, object]:
    return {
        "town": mandate.town,
        "department": mandate.department,
        "kind": mandate.kind,
        "legal_basis": f"{mandate.legal_basis}（重新授权）",
        "matters": sorted(mandate.matters),
        "cells": sorted(mandate.cells),
    }
