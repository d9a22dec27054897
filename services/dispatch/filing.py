"""Filing: from triaged reports to cases, each offered to whom the rules choose. Decides; writes nothing."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from qipan.contracts.events import ReportTriaged
from qipan.ids import derived_id
from qipan.tenancy import Matter
from qipan.worktime import Calendar
from services.dispatch.change import Change, Stored
from services.dispatch.choosing import Choice, Situation, Squad
from services.dispatch.clocks import USUAL, Deadlines, Limits
from services.dispatch.process import STANDARD, Do, Process, file
from services.dispatch.steps import SYSTEM, Brings


@dataclass(frozen=True, slots=True)
class Ground:
    """What dispatch knows of one tenant: its matters, squads, calendar, usual limits and process."""

    matters: Mapping[str, Matter]
    squads: tuple[Squad, ...]
    calendar: Calendar
    usual: Limits = USUAL
    process: Process = STANDARD


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
    choice = None
    if matter is None:
        why = f"{report.matter} is no matter of this town: a dispatcher decides"
    else:
        limits = rules.limits(matter, limits_of(matter, ground.usual))
        choice = rules.choose(Situation(one.tenant, report, matter, ground.squads, loads, now))
        why = "; ".join(choice.reasons) if choice else "no unit here handles it: a dispatcher decides"
    offer = None
    detail = {"why": why}
    if choice is not None:
        offer = Brings(
            department=choice.unit.department,
            unit=choice.unit.id,
            worker=choice.worker,
            task_id=task_id_of(case_id, 1),
        )
        detail["unit"] = choice.unit.id
        if choice.worker is not None:
            detail["worker"] = choice.worker
            loads[choice.worker] = loads.get(choice.worker, 0) + 1
    case = file(report, one.tenant, case_id, now, Deadlines(limits, ground.calendar), offer, served_by)
    return Change(
        before=None,
        after=Stored(case, limits, choice.unit.tenant if choice else None),
        row=STANDARD.steps[Do.FILE],
        who=SYSTEM.id,
        at=now,
        message_id=one.message_id,
        traceparent=one.traceparent,
        detail=detail,
    )


def limits_of(matter: Matter, usual: Limits) -> Limits:
    """The matter's own limits for accepting, disposing and inspecting; the town's usual ones for the rest."""
    own = matter.limits
    return Limits(usual.dispatch, own.accept, own.dispose, own.inspect, usual.close)
