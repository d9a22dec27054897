"""联合处置: a dispatcher asks other units to support the lead; their workers take their parts and show them done."""

from exercise.players.client import Refusal
from exercise.players.play import Play
from exercise.players.squads import at_work
from qipan.contracts.case import CaseState, Support, SupportState
from qipan.tenancy import District, Person

_MOST = 2
_EXCUSED = 0.15
_SAYS_WHERE = 0.5
_OVER = (SupportState.DONE, SupportState.EXCUSED)


class Together:
    """One or two units help; now and then one turns out not to be needed, and is excused."""

    role = "support"

    def __init__(self, play: Play, district: District) -> None:
        self._play, self._district = play, district

    async def act(self, case: CaseState, worker: Person) -> CaseState:
        """From the dispatcher's call to the last part."""
        play = self._play
        dice = play.dice("together", case.case_id)
        parties = {case.unit, *(part.unit for part in case.supports)}
        units = [unit.id for unit in at_work(self._district, case.tenant) if unit.id not in parties]
        dispatcher = play.cast.one("dispatcher", case.tenant)
        for unit in dice.sample(units, min(len(units), dice.randint(1, _MOST))):
            ask = {"unit": unit, "reason": "请协助现场处置"}
            case = await play.step("dispatcher", dispatcher, case, "open-support", ask)
        for part in missing(case):
            await play.pace.minutes(dice.uniform(5, 20))
            if dice.random() < _EXCUSED:
                case = await excuse(play, case, part)
                continue
            case = await take(play, case, part)
            if dice.random() < _SAYS_WHERE:
                case = await go(play, case, part)
            await play.pace.minutes(dice.uniform(10, 40))
            case = await finish(play, case, part)
        return case


async def do_parts(play: Play, case: CaseState) -> CaseState:
    """What is still expected of those who were asked with the lead, as by a run card: each takes and does it."""
    for part in missing(case):
        if part.state is SupportState.ASKED:
            case = await take(play, case, part)
        if part.state in (SupportState.ASKED, SupportState.ACCEPTED):
            case = await finish(play, case, part)
    return case


async def take(play: Play, case: CaseState, part: Support) -> CaseState:
    """The worker who was asked, or somebody of the unit, takes the part."""
    helper = play.cast.member(part.unit, part.worker)
    return await play.step(Together.role, helper, case, "accept-support", {"task_id": part.task_id})


async def go(play: Play, case: CaseState, part: Support) -> CaseState:
    """Whoever took the part says that they set off, and that they are there; off shift they cannot, and do the part."""
    taken = next((one for one in case.supports if one.task_id == part.task_id), part)
    helper, about = play.cast.member(taken.unit, taken.worker), {"task_id": part.task_id}
    try:
        case = await play.step(Together.role, helper, case, "depart", about)
        return await play.step(Together.role, helper, case, "arrive", about)
    except Refusal as refusal:
        play.tally.add(Together.role, f"refused: {refusal.code}")
        return case


async def finish(play: Play, case: CaseState, part: Support) -> CaseState:
    """Whoever took the part shows it done."""
    taken = next((one for one in case.supports if one.task_id == part.task_id), part)
    done = {
        "task_id": part.task_id,
        "note": "协办已完成",
        "evidence": [f"photo://{part.task_id}/1.jpg"],
    }
    helper = play.cast.member(taken.unit, taken.worker)
    return await play.step(Together.role, helper, case, "finish-support", done)


def missing(case: CaseState) -> list[Support]:
    """The parts that are neither done nor excused."""
    return [part for part in case.supports if part.state not in _OVER]


async def excuse(play: Play, case: CaseState, part: Support) -> CaseState:
    """A dispatcher lets the case go on without a unit's part."""
    dispatcher = play.cast.one("dispatcher", case.tenant)
    body = {"task_id": part.task_id, "reason": "现场无需协办"}
    return await play.step("dispatcher", dispatcher, case, "excuse-support", body)
