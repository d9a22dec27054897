"""What a message may say about a case or a notice: the variables that templates know, in the reader's language.

Nothing here comes from the reporter in person: no name, no number, and of the report's own text only the summary of
one that waits, in which those are struck out. Whoever may see more sees it in the case itself.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from qipan.contracts.addressed import NOBODY, Addressed
from qipan.contracts.case import CaseState, Stage
from qipan.contracts.modes import Mode
from qipan.contracts.supervised import Level, Supervision
from qipan.tenancy import District, Words
from qipan.territory.cell import DUTY_LAYER
from services.notify.directory import Directory
from services.notify.notices import Notice

VARIABLES: Mapping[str, str] = {
    "case": "the case's id",
    "matter": "what is wrong, in words",
    "town": "the name of the tenant whose case it is",
    "place": "the address, or the duty cell where no address is known",
    "unit": "the name of the unit that has the case",
    "stage": "where the case stands, in words",
    "due": "the running stage's deadline, in the tenant's zone",
    "rating": "the reporter's rating, 1 to 5",
    "level": "at whose level the case is supervised, in words",
    "answer_due": "until when the supervision is to be answered, in the tenant's zone",
    "arrive": "until when somebody summoned is to be there, in the tenant's zone",
    "rectify_due": "until when the rectification is to be answered, in the tenant's zone",
    "expedited": "how often the case was expedited",
    "report": "the report's id",
    "look_by": "until when somebody is to look at it on the spot, in the tenant's zone",
    "summary": "the beginning of a report that waits for an acceptor, without names and numbers of its reporter's",
    "accept_by": "until when somebody is to decide about it, in the tenant's zone",
    "waits_for": "the name of the acceptor for whom it waits",
    "mode": "the town's operating mode from now on, in words, with the level of an emergency",
    "mode_until": "until when that holds, in the tenant's zone",
    "mode_reason": "why the mode was switched, in the words of whoever did",
    "call": "what somebody was called out for",
    "roster": "the name of the roster from which people were called out",
    "asked": "who was called out, one after the other",
    "number": "how many messages a digest has",
    "lines": "a digest's messages, one a line",
}
"""Every variable that a template may name, and what it means."""

SAMPLES: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "case": "c-示例",
        "matter": "暴露垃圾",
        "town": "三墩镇",
        "place": "振华路 1 号",
        "stage": "待接单",
        "due": "3月2日 09:00",
    },
    "en": {
        "case": "c-sample",
        "matter": "exposed rubbish",
        "town": "Sandun Town",
        "place": "Zhenhua Road 1",
        "stage": "offered",
        "due": "2 Mar 09:00",
    },
}
"""Made-up values for a look at a template; the rest are the variables' names."""

STAGES: Mapping[Stage, Words] = {
    Stage.FILED: Words("已立案", "filed"),
    Stage.OFFERED: Words("待接单", "offered"),
    Stage.ACCEPTED: Words("处置中", "in hand"),
    Stage.RETURNED: Words("已退件", "returned"),
    Stage.DISPOSED: Words("待核查", "to be inspected"),
    Stage.INSPECTED: Words("待结案", "to be closed"),
    Stage.REWORK: Words("返工中", "in rework"),
    Stage.CLOSED: Words("已结案", "closed"),
    Stage.VOIDED: Words("已作废", "void"),
}

LEVELS: Mapping[Level, Words] = {
    Level.TOWN: Words("镇街级", "the town"),
    Level.DEPARTMENT: Words("部门级", "the department"),
    Level.DISTRICT: Words("区级", "the district"),
}

MODES: Mapping[Mode, Words] = {
    Mode.PEACETIME: Words("平时", "peacetime"),
    Mode.EMERGENCY: Words("战时", "emergency"),
}

MOMENT: Mapping[str, str] = {"zh": "M月d日 HH:mm", "en": "d MMM HH:mm"}
"""How a moment is written, in the letters of Unicode's date formats."""

SYSTEM = "system"
ENDED = Words("到期自动结束", "its end was reached")
OPEN_ENDED = Words("另行通知", "further notice")
UNKNOWN = Words("（未定）", "(not known)")


def words_about(
    about: CaseState | Notice,
    language: str,
    district: District,
    directory: Directory,
    to: Addressed = NOBODY,
) -> dict[str, str]:
    """The value of every variable for this case or notice, in `language`; `to`: what the event expects of whom."""
    tenant = district.tenant(about.tenant)
    unknown = UNKNOWN.in_language(language)
    zone = ZoneInfo(tenant.zone)

    def when(at: datetime | None) -> str:
        if at is None:
            return unknown
        return format_datetime(at.astimezone(zone), MOMENT[language], locale=language)

    matter = district.matters_of(about.tenant).get(about.matter) if about.matter else None
    place = about.place
    words = dict.fromkeys(VARIABLES, unknown) | {
        "matter": matter.name.in_language(language) if matter else about.matter or unknown,
        "town": tenant.name.in_language(language),
        "place": (place.address or place.cells.get(DUTY_LAYER, unknown)) if place else unknown,
        "arrive": when(to.due_at),
    }
    if isinstance(about, Notice):
        return words | _of_notice(about, language, directory, when)
    return words | _of_case(about, language, directory, when)


def _of_case(
    case: CaseState, language: str, directory: Directory, when: Callable[[datetime | None], str]
) -> dict[str, str]:
    unit = directory.unit_name(case.unit) if case.unit else None
    watched = case.supervision or Supervision()
    rectified = case.follow_up.rectification if case.follow_up else None
    unknown = UNKNOWN.in_language(language)
    return {
        "case": case.case_id,
        "report": case.report_id,
        "unit": unit.in_language(language) if unit else unknown,
        "stage": STAGES[case.stage].in_language(language),
        "due": when(case.due_at),
        "rating": str(case.rating) if case.rating is not None else unknown,
        "level": LEVELS[watched.level].in_language(language) if watched.level else unknown,
        "answer_due": when(watched.answer_due_at),
        "rectify_due": when(rectified.due_at if rectified else None),
        "expedited": str(watched.expedited),
    }


def _of_notice(
    notice: Notice, language: str, directory: Directory, when: Callable[[datetime | None], str]
) -> dict[str, str]:
    words = {"look_by": when(notice.look_by), "accept_by": when(notice.accept_by)}
    if notice.summary is not None:
        words["summary"] = notice.summary
    acceptor = directory.person(notice.waits_for) if notice.waits_for else None
    if acceptor is not None:
        words["waits_for"] = acceptor.name
    if notice.report_id is not None:
        words["report"] = notice.report_id
    if notice.mode is not None:
        mode = MODES[notice.mode.mode].in_language(language)
        level = notice.mode.level
        if level is not None:
            mode = f"{mode} {level} 级" if language == "zh" else f"{mode}, level {level}"
        until, ended = notice.mode.until, notice.mode.by == SYSTEM
        words |= {
            "mode": mode,
            "mode_until": when(until) if until else OPEN_ENDED.in_language(language),
            "mode_reason": ENDED.in_language(language) if ended else notice.mode.reason,
        }
    return words
