"""What an Open311 client is told when it is refused: every trouble at once, each with a code and words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from qipan.contracts.errors import (
    AmbiguousPlace,
    Forbidden,
    KeyReused,
    NotFound,
    OutsideTerritory,
    QipanError,
    Unauthenticated,
    UnknownComponent,
    UnknownMatter,
    UnknownPlace,
    UnknownTenant,
    WrongTenant,
)
from qipan.tenancy.words import Words

# GeoReport v2, "Errors": 404 for what does not exist, 403 for a wrong or missing API key, 400 for the rest of what
# a client can do wrong. A fault of ours keeps its 5xx, so that who watches the door can tell the two apart.
BAD_REQUEST, WRONG_KEY, NOT_THERE, KEY_TAKEN = 400, 403, 404, 409

_NOT_THERE = (NotFound, UnknownMatter, UnknownTenant)
_WRONG_KEY = (Unauthenticated, Forbidden)

_ZH: Mapping[type[QipanError], str] = {
    OutsideTerritory: "地点不在本区任何镇街内",
    WrongTenant: "地点属于另一个镇街，请向它的 jurisdiction_id 上报",
    Unauthenticated: "缺少 api_key，或 api_key 无效",
    AmbiguousPlace: "可能指多个地点",
    UnknownComponent: "没有这个部件",
    UnknownPlace: "不是本区已知的地名，请另给 lat 和 long",
    Forbidden: "该 api_key 不属于这个 jurisdiction_id",
    NotFound: "没有找到",
    KeyReused: "Idempotency-Key 已用于另一请求",
}

_FIELDS = {
    "tenant": "jurisdiction_id",
    "matter": "service_code",
    "text": "description",
    "lon": "long",
    "lon, lat": "lat, long",
    "address": "address_string",
    "component": "address_id",
}
"""Open311's names for a report's fields."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong: the code, and what it is in words."""

    code: int
    words: Words


class Refused(Exception):
    """The request cannot be answered as asked; `troubles` holds all that is wrong with it."""

    def __init__(self, troubles: Iterable[Trouble]) -> None:
        self.troubles = tuple(troubles)
        super().__init__("; ".join(trouble.words.en for trouble in self.troubles))

    @property
    def status(self) -> int:
        """The HTTP status: the troubles' own code when they share one, else 400."""
        codes = {trouble.code for trouble in self.troubles}
        return codes.pop() if len(codes) == 1 else BAD_REQUEST


def trouble(zh: str, en: str, code: int = BAD_REQUEST) -> Trouble:
    """A trouble with these words."""
    return Trouble(code, Words(zh, en))


def of_error(error: QipanError) -> Refused:
    """One of our errors as Open311 says it."""
    code = _code(error)
    zh = next((words for kind, words in _ZH.items() if isinstance(error, kind)), "")
    if not error.faults:
        return Refused([trouble(zh or error.detail, error.detail, code)])
    return Refused(
        trouble(
            f"{_FIELDS.get(fault.where, fault.where)}：{zh or fault.what}"
            + (f"（{fault.allowed}）" if fault.allowed else ""),
            f"{_FIELDS.get(fault.where, fault.where)}: {fault.what}"
            + (f" (allowed: {fault.allowed})" if fault.allowed else ""),
            code,
        )
        for fault in error.faults
    )


def _code(error: QipanError) -> int:
    if isinstance(error, _WRONG_KEY):
        return WRONG_KEY
    if isinstance(error, _NOT_THERE):
        return NOT_THERE
    if isinstance(error, KeyReused):
        return KEY_TAKEN
    return error.status if error.status >= 500 else BAD_REQUEST
