"""What a client posts, read into a report: every fault of the form is found before any is told."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from qipan.personal import struck
from qipan.tenancy import District
from qipan.tenancy.matter import Matter
from services.intake import forms
from services.intake.open311 import answers as answering
from services.intake.open311.jurisdiction import Params, first, jurisdiction_of
from services.intake.open311.refusals import Refused, Trouble, trouble
from services.intake.open311.rows import CHANNEL
from services.intake.open311.services import matter_of

_LINK = TypeAdapter[str](forms.Link)
_SHORT = TypeAdapter[str](forms.Short)
_COMPONENT = TypeAdapter[str](forms.ComponentId)
_CHECKS: Mapping[str, tuple[TypeAdapter[Any], str, str]] = {
    "description": (TypeAdapter(forms.Text), "1 至 4000 个字符", "1 to 4000 characters"),
    "address_string": (_SHORT, "1 至 300 个字符", "1 to 300 characters"),
    "address_id": (_SHORT, "1 至 300 个字符", "1 to 300 characters"),
    "lat": (TypeAdapter(forms.Latitude), "-90 至 90 的数（WGS-84）", "a number from -90 to 90 (WGS-84)"),
    "long": (
        TypeAdapter(forms.Longitude),
        "-180 至 180 的数（WGS-84）",
        "a number from -180 to 180 (WGS-84)",
    ),
    "first_name": (TypeAdapter(forms.Name), "1 至 100 个字符", "1 to 100 characters"),
    "last_name": (TypeAdapter(forms.Name), "1 至 100 个字符", "1 to 100 characters"),
    "phone": (TypeAdapter(forms.Phone), "3 至 30 位的电话号码", "a phone number of 3 to 30 digits"),
    "email": (TypeAdapter(forms.Email), "邮箱地址", "a mail address"),
    "media_url": (_LINK, "http 或 https 地址", "an http or https address"),
}
"""The arguments with a form of their own. Those not named here or below (`device_id`, `account_id`) are not kept."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks for, every field of it right. `description` is as everybody may read it."""

    tenant: str
    matter: Matter
    form: forms.ReportForm
    answers: Mapping[str, tuple[str, ...]]
    description: str | None
    address: str | None
    address_id: str | None
    media_url: str | None


def read(form: Params, district: District) -> Asked:
    """The report that a form makes; Refused with everything that is wrong with it."""
    troubles: list[Trouble] = []
    tenant, matter = _tenant_and_matter(form, district, troubles)
    values: dict[str, Any] = {}
    for name, (check, zh, en) in _CHECKS.items():
        value = first(form, name)
        if value is not None:
            try:
                values[name] = check.validate_python(value)
            except ValidationError:
                troubles.append(trouble(f"{name}：应为{zh}", f"{name}: is not right (allowed: {en})"))
    troubles += _place_troubles(form)
    answers = answering.given(form)
    if matter is not None:
        troubles += answering.troubles(answers, matter.attributes)
        text = _report_text(matter, values, answers)
        if "description" in values and len(text) > forms.LONGEST_TEXT:
            troubles.append(_too_long_together())
    if troubles or tenant is None or matter is None:
        raise Refused(troubles)
    contact = _contact(values)
    return Asked(
        tenant=tenant,
        matter=matter,
        form=forms.ReportForm(
            text=text,
            lon=values.get("long"),
            lat=values.get("lat"),
            address=values.get("address_string"),
            component=None if "lat" in values else _component(values.get("address_id")),
            matter=matter.code,
            channel=CHANNEL,
            contact=forms.Contact(**contact) if contact else None,
            tenant=tenant,
        ),
        answers=answers,
        description=_public(values.get("description")),
        address=_public(values.get("address_string")),
        address_id=values.get("address_id"),
        media_url=values.get("media_url"),
    )


def _tenant_and_matter(
    form: Params, district: District, troubles: list[Trouble]
) -> tuple[str | None, Matter | None]:
    tenant = matter = None
    try:
        tenant = jurisdiction_of(form, district)
    except Refused as refused:
        troubles += refused.troubles
    code = first(form, "service_code")
    if code is None:
        troubles.append(trouble("缺少 service_code", "service_code was not provided"))
    elif tenant is not None:
        try:
            matter = matter_of(district, tenant, code)
        except Refused as refused:
            troubles += refused.troubles
    return tenant, matter


def _place_troubles(form: Params) -> Iterator[Trouble]:
    lat, long = first(form, "lat"), first(form, "long")
    if lat is None and long is None:
        if first(form, "address_string") is None and _component(first(form, "address_id")) is None:
            yield trouble(
                "缺少地点：请给出 lat 和 long，或 address_string（地名），或 address_id（部件编号）",
                "the place was not provided: give lat and long, or address_string (a landmark's name),"
                " or address_id (a component's id)",
            )
    elif lat is None or long is None:
        missing = "lat" if lat is None else "long"
        yield trouble(
            f"缺少 {missing}：lat 和 long 要一起给出", f"{missing} was not provided: lat and long go together"
        )


def _component(address_id: str | None) -> str | None:
    """The component that an address id names; None for one of another register: it is kept, and looked up nowhere."""
    try:
        return None if address_id is None else _COMPONENT.validate_python(address_id)
    except ValidationError:
        return None


def _public(text: str | None) -> str | None:
    return None if text is None else struck(text)


def _report_text(matter: Matter, values: Mapping[str, Any], answers: answering.Answers) -> str:
    """What whoever handles it reads: the description, or the matter's name, then the answers and the photo."""
    lines = [values.get("description") or matter.name.zh, *answering.told(answers, matter.attributes)]
    if "media_url" in values:
        lines.append(f"照片：{values['media_url']}")
    return "\n".join(lines)


def _too_long_together() -> Trouble:
    most = forms.LONGEST_TEXT
    return trouble(
        f"description：与各属性合计最多 {most} 个字符",
        f"description: with the attributes may have {most} characters at most",
    )


def _contact(values: Mapping[str, Any]) -> dict[str, str]:
    given, family = values.get("first_name", ""), values.get("last_name", "")
    name = f"{family}{given}" if not (family + given).isascii() else f"{given} {family}".strip()
    found = {"name": name[:100], "phone": values.get("phone"), "email": values.get("email")}
    return {key: value for key, value in found.items() if value}
