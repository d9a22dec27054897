"""Filing: from triaged reports to cases, each offered to whom the rules choose. Decides; writes nothing."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from qipan.contracts.events import ReportTriaged
from qipan.ids import derived_id
from qipan.tenancy import Book, Matter
from qipan.territory.cell import DUTY_LAYER
from qipan.worktime import Calendar
from services.dispatch import commanding
from services.dispatch.change import Change, Stored
from services.dispatch.choosing import Choice, Situation, Squad
from services.dispatch.clocks import USUAL, Deadlines, Limits
from services.dispatch.commanding import Asked, Desk, Sent
from services.dispatch.process import STANDARD, Do, Process, file
from services.dispatch.steps import SYSTEM, Brings


@dataclass(frozen=True, slots=True)
class Ground:
    """What dispatch knows of one tenant: its matters, squads, calendar, usual limits and process.

    `book` holds the mandates under which it commands units, `desks` who answers where it may not.
    """

    matters: Mapping[str, Matter]
    squads: tuple[Squad, ...]
    calendar: Calendar
    usual: Limits = USUAL
    process: Process = STANDARD
    book: Book = field(default_factory=Book)
    desks: Mapping[str, Desk] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Arriving:
    """One report to file, as its message brought it."""

    tenant: str
    report: ReportTriaged
    message_id: str | None
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Rules:
    """The two rules that a town may have of its own."""

    choose: Callable[[Situation], Choice | None]
    limits: Callable[[Matter, Limits], Limits]


Fate = tuple[Choice, Sent] | Asked | None
"""Somebody is sent, a department is asked, or a dispatcher decides."""


def case_id_of(tenant: str, report_id: str) -> str:
    """The one case id that belongs to a report, however often it is filed."""
    return derived_id("case", tenant, report_id)


def task_id_of(case_id: str, offer: int) -> str:
    """The task of a case's `offer`-th offer, counted from 1."""
    return f"{case_id}.{offer}"


def file_all(
    arriving: Iterable[Arriving],
    ground: Callable[[str], Ground],
    loads: dict[str, dict[str, int]],
    rules: Rules,
    now: Callable[[str], datetime],
    served_by: str,
) -> list[Change]:
    """The first version of each report's case.

    `loads` is tenant → worker → open cases, and grows with every choice, so that a batch spreads as well
    as the same reports would one by one.
    """
    return [
        _file(one, ground(one.tenant), loads.setdefault(one.tenant, {}), rules, now(one.tenant), served_by)
        for one in arriving
    ]


def _file(
    one: Arriving, ground: Ground, loads: dict[str, int], rules: Rules, now: datetime, served_by: str
) -> Change:
    report = one.report
    matter = ground.matters.get(report.matter or "")
    case_id = case_id_of(one.tenant, report.report_id)
    limits = ground.usual
    fate: Fate = None
    if matter is None:
        why = f"{report.matter} is no matter of this town: a dispatcher decides"
    else:
        limits = rules.limits(matter, limits_of(matter, ground.usual))
        fate = _fate(one, ground, matter, loads, rules, now)
        why = "no unit here handles it: a dispatcher decides"
    offer, held_by, detail = None, None, {"why": why}
    if isinstance(fate, Asked):
        offer, held_by, detail = fate.brings(), fate.desk.tenant, fate.detail()
    elif fate is not None:
        choice, sent = fate
        offer = Brings(
            department=choice.unit.department,
            unit=choice.unit.id,
            worker=choice.worker,
            task_id=task_id_of(case_id, 1),
            mandate=sent.mandate,
        )
        held_by = choice.unit.tenant
        detail = {"why": "; ".join(sent.reasons), "unit": choice.unit.id}
        if choice.worker is not None:
            detail["worker"] = choice.worker
            loads[choice.worker] = loads.get(choice.worker, 0) + 1
    case = file(report, one.tenant, case_id, now, Deadlines(limits, ground.calendar), offer, served_by)
    return Change(
        before=None,
        after=Stored(case, limits, held_by),
        row=STANDARD.steps[Do.FILE],
        who=SYSTEM.id,
        at=now,
        message_id=one.message_id,
        traceparent=one.traceparent,
        detail=detail,
    )


def _fate(
    one: Arriving, ground: Ground, matter: Matter, loads: dict[str, int], rules: Rules, now: datetime
) -> Fate:
    """The town's rule chooses among the squads that may be commanded; what it names beyond them is asked."""
    book, cell = ground.book, one.report.place.cells.get(DUTY_LAYER)
    able = commanding.commanded(ground.squads, book, matter, cell, now)
    choice = rules.choose(Situation(one.tenant, one.report, matter, able, loads, now))
    if choice is None:
        if able is ground.squads:
            return None
        return commanding.asked(ground.squads, able, book, ground.desks, matter, cell, now)
    sent = commanding.sent(choice, book, matter, cell, now)
    if sent is None:
        return commanding.ask(choice.unit, book, ground.desks, matter, cell, now)
    return choice, sent


def limits_of(matter: Matter, usual: Limits) -> Limits:
    """The matter's own limits for accepting, disposing and inspecting; the town's usual ones for the rest."""
    own = matter.limits
    return Limits(usual.dispatch, own.accept, own.dispose, own.inspect, usual.close)
