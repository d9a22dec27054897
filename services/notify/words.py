"""What a message may say about a case: the variables that templates know, in the reader's language.

Nothing here comes from the reporter in person: no name, no number, not the report's own text. Whoever may see
more sees it in the case itself.
"""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from qipan.contracts.case import CaseState, Stage
from qipan.contracts.supervised import Level, Supervision
from qipan.tenancy import District, Words
from qipan.territory.cell import DUTY_LAYER
from services.notify.directory import Directory

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
    "rectify_due": "until when the rectification is to be answered, in the tenant's zone",
    "expedited": "how often the case was expedited",
}
"""Every variable that a template may name, and what it means."""

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

UNKNOWN = Words("（未定）", "(not known)")


def words_about(case: CaseState, language: str, district: District, directory: Directory) -> dict[str, str]:
    """The value of every variable for this case, in `language`."""
    tenant = district.tenant(case.tenant)
    matter = district.matters_of(case.tenant).get(case.matter)
    unit = directory.unit_name(case.unit) if case.unit else None
    unknown = UNKNOWN.in_language(language)
    zone = ZoneInfo(tenant.zone)
    watched = case.supervision or Supervision()
    rectified = case.follow_up.rectification if case.follow_up else None
    return {
        "case": case.case_id,
        "matter": matter.name.in_language(language) if matter else case.matter,
        "town": tenant.name.in_language(language),
        "place": case.place.address or case.place.cells.get(DUTY_LAYER, unknown),
        "unit": unit.in_language(language) if unit else unknown,
        "stage": STAGES[case.stage].in_language(language),
        "due": f"{case.due_at.astimezone(zone):%m-%d %H:%M}" if case.due_at else unknown,
        "rating": str(case.rating) if case.rating is not None else unknown,
        "level": LEVELS[watched.level].in_language(language) if watched.level else unknown,
        "answer_due": f"{watched.answer_due_at.astimezone(zone):%m-%d %H:%M}"
        if watched.answer_due_at
        else unknown,
        "rectify_due": f"{rectified.due_at.astimezone(zone):%m-%d %H:%M}" if rectified else unknown,
        "expedited": str(watched.expedited),
    }
