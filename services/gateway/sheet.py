"""Cases as rows of a sheet: headings and words in the reader's language, nothing that a sheet would carry out.

What begins with one of a formula's first characters is a formula to a spreadsheet, whoever wrote it (OWASP, "CSV
Injection"); an apostrophe before it makes it text again. Pure.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from qipan.contracts.case import CaseState
from qipan.http.language import Language
from qipan.personal import masked
from qipan.tenancy import District

Cell = str | float | int | None

_FORMULA = re.compile(r"^[\s\x00-\x1f]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def guarded(text: str) -> str:
    """The text as a cell may hold it: no formula, no control characters."""
    text = _CONTROL.sub("", text)
    return f"'{text}" if _FORMULA.match(text) else text


class Sheet:
    """How the cases of one export are written."""

    def __init__(self, district: District, language: Language) -> None:
        self._district = district
        self._language = "en" if language == "en" else "zh"
        self._zone = ZoneInfo(district.zone)
        self._names: dict[str, Mapping[str, str]] = {}

    @property
    def district_id(self) -> str:
        """The tenant in whose words departments are called."""
        return self._district.id

    def headings(self) -> list[Cell]:
        """The first row."""
        return [heading[self._language] for heading, _ in COLUMNS]

    def row(self, case: CaseState) -> list[Cell]:
        """One case."""
        return [
            guarded(cell) if isinstance(cell, str) else cell for cell in (of(self, case) for _, of in COLUMNS)
        ]

    def more(self, most: int) -> list[Cell]:
        """The last row of an export that is not complete."""
        if self._language == "en":
            return [f"Only the first {most} cases: narrow the export, by time of filing for example."]
        return [f"仅导出前 {most} 件，请缩小范围（例如按立案时间）后再导出。"]

    def time(self, at: datetime | None) -> str | None:
        """A moment in the district's zone."""
        return at.astimezone(self._zone).strftime("%Y-%m-%d %H:%M:%S") if at is not None else None

    def named(self, tenant: str, kind: str, id: str | None) -> str | None:
        """What the tenant calls a stage, matter, unit or department; its id where it has no name."""
        if id is None:
            return None
        if tenant not in self._names:
            self._names[tenant] = self._names_of(tenant)
        return self._names[tenant].get(f"{kind} {id}", id)

    def _names_of(self, tenant: str) -> Mapping[str, str]:
        district = self._district
        named = [
            *((f"tenant {tenant}", district.tenant(tenant).name),),
            *((f"stage {row.id}", row.name) for row in district.workflow(tenant).stages.values()),
            *((f"matter {code}", matter.name) for code, matter in district.matters_of(tenant).items()),
            *((f"unit {unit.id}", unit.name) for unit in district.units_of(tenant)),
            *((f"department {department.id}", department.name) for department in district.departments),
        ]
        return {key: name.en if self._language == "en" else name.zh for key, name in named}


COLUMNS: Sequence[tuple[Mapping[str, str], Callable[[Sheet, CaseState], Cell]]] = (
    ({"zh": "案件编号", "en": "Case"}, lambda _, case: case.case_id),
    ({"zh": "上报编号", "en": "Report"}, lambda _, case: case.report_id),
    ({"zh": "镇街", "en": "Town"}, lambda sheet, case: sheet.named(case.tenant, "tenant", case.tenant)),
    (
        {"zh": "状态", "en": "Stage"},
        lambda sheet, case: sheet.named(case.tenant, "stage", case.own_stage or case.stage),
    ),
    ({"zh": "事项代码", "en": "Matter code"}, lambda _, case: case.matter),
    ({"zh": "事项", "en": "Matter"}, lambda sheet, case: sheet.named(case.tenant, "matter", case.matter)),
    ({"zh": "内容", "en": "Summary"}, lambda _, case: masked(case.summary)),
    ({"zh": "地址", "en": "Address"}, lambda _, case: masked(case.place.address or "") or None),
    ({"zh": "经度", "en": "Longitude"}, lambda _, case: case.place.lon),
    ({"zh": "纬度", "en": "Latitude"}, lambda _, case: case.place.lat),
    ({"zh": "责任网格", "en": "Duty cell"}, lambda _, case: case.place.cells.get("duty")),
    ({"zh": "渠道", "en": "Channel"}, lambda _, case: case.channel),
    (
        {"zh": "部门", "en": "Department"},
        lambda sheet, case: sheet.named(case.tenant, "department", case.department),
    ),
    ({"zh": "单位", "en": "Unit"}, lambda sheet, case: sheet.named(case.tenant, "unit", case.unit)),
    ({"zh": "上报时间", "en": "Reported"}, lambda sheet, case: sheet.time(case.received_at)),
    ({"zh": "立案时间", "en": "Filed"}, lambda sheet, case: sheet.time(case.filed_at)),
    ({"zh": "处置期限", "en": "To be disposed of by"}, lambda sheet, case: sheet.time(case.dispose_due_at)),
    ({"zh": "处置时间", "en": "Disposed of"}, lambda sheet, case: sheet.time(case.disposed_at)),
    ({"zh": "办结时间", "en": "Ended"}, lambda sheet, case: sheet.time(case.closed_at)),
    ({"zh": "退件次数", "en": "Returns"}, lambda _, case: case.counters.returns),
    ({"zh": "返工次数", "en": "Reworks"}, lambda _, case: case.counters.reworks),
    ({"zh": "超时次数", "en": "Times overdue"}, lambda _, case: case.counters.overdue),
    ({"zh": "满意度", "en": "Rating"}, lambda _, case: case.rating),
)
"""The headings, and what stands below them. Nobody who reported, and no worker, is named."""
