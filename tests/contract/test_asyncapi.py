"""The AsyncAPI page is current, complete, and refers to nothing that it does not have."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from qipan import generated
from qipan.contracts import asyncapi
from qipan.contracts.base import Request
from qipan.contracts.subscriptions import SUBSCRIPTIONS
from qipan.messaging import topology
from tests.contract.golden_samples import GOLDEN, kinds

DOCUMENT = asyncapi.document()


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_the_page_is_current() -> None:
    assert generated.is_current(asyncapi.PAGE, asyncapi.as_text())


def test_every_reference_leads_somewhere() -> None:
    for reference in set(references(DOCUMENT)):
        found: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


def test_every_message_has_a_channel_with_the_brokers_names() -> None:
    for type, kind in kinds().items():
        channel = DOCUMENT["channels"][type]
        exchange = topology.calls(kind.service) if issubclass(kind, Request) else topology.EVENTS
        assert channel["bindings"]["amqp"]["exchange"]["name"] == exchange
        assert channel["address"] == topology.key("{tenant}", type)


def test_every_subscription_and_every_call_is_an_operation() -> None:
    wanted = {f"{service}.{kind.type}" for service, heard in SUBSCRIPTIONS.items() for kind in heard}
    wanted |= {f"{kind.service}.{type}" for type, kind in kinds().items() if issubclass(kind, Request)}
    assert set(DOCUMENT["operations"]) == wanted


@pytest.mark.parametrize("type", sorted(kinds()))
def test_the_golden_sample_is_what_the_description_says(type: str) -> None:
    schema = {**DOCUMENT["components"]["messages"][type]["payload"], "components": DOCUMENT["components"]}
    sample = json.loads((GOLDEN / f"{type}.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(sample)
    assert not Draft202012Validator(schema).is_valid({**sample, "type": "another.v1"})
