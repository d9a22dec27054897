"""The envelope: CloudEvents 1.0 names, in structured JSON mode, plus `tenant`, `traceparent` and `principal`."""

from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from qipan.contracts.base import Message
from qipan.ids import new_id

Data = TypeVar("Data", bound=Message)


class Envelope(BaseModel, Generic[Data]):
    """One message with what is known about it.

    `time` is real time (UTC) of sending; domain time lives in the data. `principal` is a signed token
    (`qipan.access`) and travels with calls only; events carry facts, not authority.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: str = "1.0"
    id: str = Field(default_factory=new_id, min_length=1, max_length=128)
    type: str
    source: str
    subject: str | None = None
    time: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC))
    tenant: str
    traceparent: str | None = None
    principal: str | None = None
    deadline: AwareDatetime | None = None
    data: Data

    def late(self, now: datetime) -> bool:
        """Whether the deadline has passed; what has none is never late."""
        return self.deadline is not None and self.deadline <= now

    def to_json(self) -> bytes:
        """The bytes that go into the outbox and over the wire."""
        return self.__pydantic_serializer__.to_json(self, exclude_none=True)

    @classmethod
    def seal(
        cls,
        data: Message,
        *,
        id: str,
        source: str,
        tenant: str,
        subject: str | None = None,
        traceparent: str | None = None,
        principal: str | None = None,
        deadline: datetime | None = None,
    ) -> bytes:
        """An envelope around `data` as bytes. `data` is valid already: it is written, not checked again."""
        envelope = _of(type(data)).model_construct(
            specversion="1.0",
            id=id,
            type=data.type,
            source=source,
            subject=subject,
            time=datetime.now(UTC),
            tenant=tenant,
            traceparent=traceparent,
            principal=principal,
            deadline=deadline,
            data=data,
        )
        return envelope.to_json()


class Header(BaseModel):
    """An envelope of which only the outside is read: what kind of message it is and for whom."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: str
    id: str = Field(min_length=1, max_length=128)
    type: str = Field(min_length=1, max_length=128)
    source: str = ""
    tenant: str = Field(min_length=1, max_length=64)


def open_envelope(body: bytes, model: type[Data]) -> Envelope[Data]:
    """Read `body` as an envelope around `model`; raises pydantic's ValidationError when it is not one."""
    return _of(model).model_validate_json(body)


_kinds: dict[type[Any], type[Envelope[Any]]] = {}


def _of(model: type[Data]) -> type[Envelope[Data]]:
    kind = _kinds.get(model)
    if kind is None:
        kind = _kinds[model] = Envelope[model]  # type: ignore[valid-type]
    return kind
