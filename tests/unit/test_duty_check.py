"""The duty matrix: what is planted is found, and nothing else."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from qipan.contracts.mandates import MandateKind
from qipan.duty import Finding, check
from qipan.tenancy import District, Mandate, load_district
from qipan.territory.cell import DUTY_LAYER

BEGINS = datetime(2026, 3, 1, tzinfo=UTC)
ENDS = BEGINS + timedelta(days=100)


@pytest.fixture(scope="module")
def xihu() -> District:
    return load_district(Path("districts/xihu"))


def standing(district: District) -> dict[str, list[Mandate]]:
    return {town.id: list(district.standing_mandates(town.id)) for town in district.towns}


def between(mandate: Mandate, begins: datetime | None, ends: datetime | None, **changes: object) -> Mandate:
    return replace(mandate, valid_from=begins, valid_until=ends, **changes)


def test_xihus_pack_leaves_neither_gap_nor_overlap(xihu: District) -> None:
    assert check(xihu, standing(xihu), BEGINS, ENDS) == []


def test_fifty_gaps_and_fifty_overlaps_planted_are_the_hundred_found(xihu: District) -> None:
    dice = random.Random(20260301)
    mandates, parts = standing(xihu), dict(xihu.parts)
    cells = {
        town.id: sorted(c.code for c in xihu.territory.cells(DUTY_LAYER, town.id)) for town in xihu.towns
    }
    planted: list[Finding] = []
    spots = [(town.id, code) for town in xihu.towns for code in sorted(xihu.matters_of(town.id))]
    for number, (town, code) in enumerate(dice.sample(spots, 100)):
        matter, cell = xihu.matters_of(town)[code], dice.choice(cells[town])
        begins = BEGINS + timedelta(days=dice.randint(1, 40), minutes=number)
        ends = begins + timedelta(days=dice.randint(1, 40))
        [own] = [
            m
            for m in mandates[town]
            if m.department == matter.department and not m.cells and (not m.matters or code in m.matters)
        ]
        if number < 50:  # the one cell is left out of the matter's mandate for a while
            known = own.matters or frozenset(xihu.matters_of(town))
            mandates[town].remove(own)
            mandates[town] += [
                replace(own, matters=known - {code}),
                replace(
                    own, id=f"rest-{number}", matters=frozenset({code}), cells=frozenset(cells[town]) - {cell}
                ),
                between(
                    own,
                    None,
                    begins,
                    id=f"first-{number}",
                    matters=frozenset({code}),
                    cells=frozenset({cell}),
                ),
                between(
                    own, ends, None, id=f"later-{number}", matters=frozenset({code}), cells=frozenset({cell})
                ),
            ]
            planted.append(Finding(town, "gap", code, cell, begins, ends))
        else:  # two squads for the one cell, of which the second may act for a while
            unit = parts[town].units[0]
            first, second = (
                replace(
                    unit,
                    id=f"{town}/{name}-{number}",
                    department=f"{name}-{number}",
                    cells=frozenset({cell}),
                    matters=frozenset({code}),
                )
                for name in ("one", "two")
            )
            parts[town] = replace(parts[town], units=(*parts[town].units, first, second))
            stationed = Mandate("", "", town, MandateKind.STATIONED, "x")
            mandates[town] += [
                replace(stationed, id=f"one-{number}", department=first.department),
                between(stationed, begins, ends, id=f"two-{number}", department=second.department),
            ]
            planted.append(Finding(town, "overlap", code, cell, begins, ends, (first.id, second.id)))
    found = check(replace(xihu, parts=parts), mandates, BEGINS, ENDS)
    assert len(found) == 100
    assert found == sorted(planted)


def test_a_department_that_granted_nothing_is_a_gap_for_all_it_handles(xihu: District) -> None:
    """The control: every cell and matter of it, as long as one looks, and no other."""
    mandates = standing(xihu)
    mandates["sandun"] = [m for m in mandates["sandun"] if m.department != "police"]
    found = check(xihu, mandates, BEGINS, ENDS)
    matters = {code for code, m in xihu.matters_of("sandun").items() if m.department == "police"}
    cells = xihu.territory.cells(DUTY_LAYER, "sandun")
    assert len(found) == len(matters) * len(cells)
    assert {(one.kind, one.town, one.begins, one.ends) for one in found} == {("gap", "sandun", BEGINS, ENDS)}


def test_coercive_matters_need_a_stationed_unit(xihu: District) -> None:
    mandates = standing(xihu)
    mandates["sandun"] = [replace(m, kind=MandateKind.DELEGATED) for m in mandates["sandun"]]
    coercive = {code for code, matter in xihu.matters_of("sandun").items() if matter.coercive}
    assert coercive
    assert {one.matter for one in check(xihu, mandates, BEGINS, ENDS)} == coercive
