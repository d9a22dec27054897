"""The service list and definitions: a town's matters as GeoReport's service types."""

from qipan.tenancy import District
from qipan.tenancy.attribute import Attribute
from qipan.tenancy.matter import Matter
from qipan.tenancy.words import Words
from qipan.worktime import Limit
from qipan.worktime.limit import TimeUnit
from services.intake.open311.refusals import NOT_THERE, Refused, trouble
from services.intake.open311.rendering import Document, Plain

REALTIME, BATCH = "realtime", "batch"

_HOURS = {TimeUnit.URGENT_HOUR: ("小时", "hours"), TimeUnit.WORK_HOUR: ("个工作小时", "working hours")}
_MINUTES = {TimeUnit.URGENT_HOUR: ("分钟", "minutes"), TimeUnit.WORK_HOUR: ("个工作分钟", "working minutes")}
_DAYS = {TimeUnit.WORK_DAY: ("个工作日", "working days"), TimeUnit.NATURAL_DAY: ("天", "days")}


def type_of(district: District, tenant: str) -> str:
    """What a client is given for its request: the id (`realtime`), or a token for it (`batch`)."""
    return district.setting(tenant, "open311.type", REALTIME)


def service_list(district: District, tenant: str, language: str) -> Document:
    """Every matter of the town."""
    kind = type_of(district, tenant)
    return Document(
        "services",
        [_service(district, matter, kind, language) for matter in district.matters_of(tenant).values()],
    )


def service_definition(district: District, tenant: str, code: str, language: str) -> Document:
    """What a reporter of this matter is asked; Refused with 404 when the town has no such matter."""
    matter = matter_of(district, tenant, code)
    return Document(
        "service_definition",
        {
            "service_code": matter.code,
            "attributes": [_attribute(attribute, language) for attribute in matter.attributes],
        },
    )


def matter_of(district: District, tenant: str, code: str) -> Matter:
    """The town's matter of this code, or Refused with 404."""
    matter = district.matters_of(tenant).get(code)
    if matter is None:
        raise Refused(
            [
                trouble(
                    f"{tenant} 没有 service_code {code[:60]!r}（见 services）",
                    f"service_code {code[:60]!r} was not found in {tenant} (see services)",
                    NOT_THERE,
                )
            ]
        )
    return matter


def agency_of(district: District, matter: Matter) -> Words:
    """The department that sees to it."""
    return next(one.name for one in district.departments if one.id == matter.department)


def notice_of(district: District, matter: Matter) -> Words:
    """What will be done about it: by whom, and within what time."""
    agency, limit = agency_of(district, matter), limit_words(matter.limits.dispose)
    return Words(
        f"由{agency.zh}处置，处置时限{limit.zh}。", f"{agency.en} will see to it, within {limit.en}."
    )


def limit_words(limit: Limit) -> Words:
    """A time limit as people say it."""
    if limit.unit in _DAYS:
        zh, en = _DAYS[limit.unit]
        amount = limit.amount
    else:
        whole = limit.amount % 60 == 0
        zh, en = (_HOURS if whole else _MINUTES)[limit.unit]
        amount = limit.amount // 60 if whole else limit.amount
    return Words(f"{amount}{zh}", f"{amount} {en[:-1] if amount == 1 else en}")


def _service(district: District, matter: Matter, kind: str, language: str) -> dict[str, Plain]:
    name, notice = matter.name.in_language(language), notice_of(district, matter).in_language(language)
    return {
        "service_code": matter.code,
        "service_name": name,
        "description": f"{name}{'. ' if language.startswith('en') else '。'}{notice}",
        "metadata": bool(matter.attributes),
        "type": kind,
        "keywords": ", ".join((*matter.keywords_zh, *matter.keywords_en)),
        "group": agency_of(district, matter).in_language(language),
    }


def _attribute(attribute: Attribute, language: str) -> dict[str, Plain]:
    hint = attribute.hint
    found: dict[str, Plain] = {
        "variable": attribute.variable,
        "code": attribute.code,
        "datatype": attribute.datatype.value,
        "required": attribute.required,
        "datatype_description": hint.in_language(language) if hint else None,
        "order": attribute.order,
        "description": attribute.description.in_language(language),
    }
    if attribute.values:
        found["values"] = [
            {"key": key, "name": words.in_language(language)} for key, words in attribute.values
        ]
    return found
