"""Messages of an older and of a newer minor version are read; what is in a queue today stays readable."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from qipan.contracts.envelope import Header, open_envelope
from tests.contract.golden_samples import GOLDEN, kinds

TYPES = sorted(kinds())
MAPS = {"cells", "stage_times", "runs"}


def golden(type: str) -> dict[str, Any]:
    return json.loads((GOLDEN / f"{type}.json").read_text(encoding="utf-8"))


def as_read(type: str, value: dict[str, Any]) -> dict[str, Any]:
    envelope = open_envelope(json.dumps(value).encode(), kinds()[type])
    return json.loads(envelope.to_json())


def models_in(value: Any) -> Iterator[dict[str, Any]]:
    """Every object that a model reads; what is a map from ids or stages takes any key anyway."""
    if isinstance(value, dict):
        yield value
        for name, inner in value.items():
            if name not in MAPS:
                yield from models_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from models_in(inner)


def test_every_message_has_a_golden_sample_and_every_sample_a_message() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(TYPES)


def test_a_golden_sample_is_read_and_nothing_of_it_is_lost() -> None:
    """A field taken away or renamed within a major version fails here."""
    for type in TYPES:
        value = golden(type)
        read = as_read(type, value)
        assert contains(read, value), type


def test_a_newer_minors_unknown_fields_are_ignored() -> None:
    for type in TYPES:
        value = golden(type)
        newer = copy.deepcopy(value)
        for inner in list(models_in(newer)):
            inner["field_of_tomorrow"] = {"deep": [1]}
        assert contains(as_read(type, newer), value), type


def test_an_older_minors_missing_fields_have_defaults() -> None:
    for type in TYPES:
        value = golden(type)
        model = kinds()[type]
        value["data"] = without_optional(value["data"], model)
        as_read(type, value)


def test_a_missing_required_field_is_noticed() -> None:
    """The control: the reader is forgiving about what is new, not about what is needed."""
    for type in TYPES:
        value = golden(type)
        del value["tenant"]
        with pytest.raises(ValidationError):
            as_read(type, value)


def test_types_end_in_their_major_version_and_name_their_routing_words() -> None:
    for type in TYPES:
        words = type.split(".")
        assert words[-1] == "v1"
        assert all(word.isalnum() and word == word.lower() for word in words)


def test_the_outside_of_a_message_is_readable_without_knowing_it() -> None:
    unknown = {**golden(TYPES[0]), "type": "case.vanished.v9", "data": {"anything": True}}
    assert Header.model_validate_json(json.dumps(unknown)).type == "case.vanished.v9"


def contains(read: Any, value: Any) -> bool:
    if isinstance(value, dict):
        return all(name in read and contains(read[name], inner) for name, inner in value.items())
    if isinstance(value, list):
        return len(read) == len(value) and all(contains(a, b) for a, b in zip(read, value, strict=True))
    return read == value


def without_optional(value: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    required = {name for name, field in model.model_fields.items() if field.is_required()}
    left = {name: inner for name, inner in value.items() if name in required}
    for name in left:
        inner = model.model_fields[name].annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            left[name] = without_optional(left[name], inner)
    return left
