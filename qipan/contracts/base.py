"""What every message is: frozen, typed, versioned, and known by its type to whoever meets it."""

from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A frozen value inside a message. Readers ignore fields that they do not know: minors only add."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null", allow_inf_nan=False)


class Message(Part):
    """Anything that travels. `type` ends in its major version (`case.filed.v1`)."""

    type: ClassVar[str]


class Event(Message):
    """A fact, in the past tense, told to whoever subscribes."""

    _known: ClassVar[dict[str, type["Event"]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "type" in cls.__dict__:
            _register(Event._known, cls)


Answer = TypeVar("Answer", bound=BaseModel)


class Request(Message, Generic[Answer]):
    """Something asked of one service, which answers before an absolute deadline."""

    service: ClassVar[str]
    reads_only: ClassVar[bool] = False
    remembered: ClassVar[bool] = True
    _known: ClassVar[dict[str, type["Request[Any]"]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "type" in cls.__dict__:
            _register(Request._known, cls)

    @classmethod
    def answer_model(cls) -> type[BaseModel]:
        """The model of the answer, as named in the base's brackets."""
        for base in cls.__mro__:
            arguments = getattr(base, "__pydantic_generic_metadata__", {}).get("args", ())
            if arguments and isinstance(arguments[0], type):
                return arguments[0]
        raise TypeError(f"{cls.__name__} does not say what its answer is")


class Command(Request[Answer]):
    """A request that changes something; repeated with the same id it returns the first answer.

    Unless it is not `remembered`, because its answer must not be stored: then it is carried out again, and its
    handler sees to it that a repeat does no harm.
    """


class Query(Request[Answer]):
    """A request that changes nothing."""

    reads_only: ClassVar[bool] = True


def events() -> dict[str, type[Event]]:
    """Every event by its type."""
    return dict(Event._known)


def requests() -> dict[str, type[Request[Any]]]:
    """Every command and query by its type."""
    return dict(Request._known)


def _register(known: dict[str, Any], cls: Any) -> None:
    other = known.get(cls.type)
    if other is not None and other.__qualname__ != cls.__qualname__:
        raise TypeError(
            f"message type {cls.type!r} is declared by {other!r} and by {cls!r}; types are unique"
        )
    known[cls.type] = cls
