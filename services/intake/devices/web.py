"""`POST /v1/alarms`: what sensors and cameras send."""

from typing import Any

from pydantic_core import from_json
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from qipan.contracts.errors import Fault, Invalid
from qipan.http import Answer, MalformedJson, language_of, read_body
from services.intake.devices.desk import AlarmDesk
from services.intake.devices.forms import MOST_ALARMS, AlarmForm, AlarmVerdicts
from services.intake.openapi import Described

KEY_HEADER = "x-device-key"
LARGEST_BODY = 2_000_000
"""Bytes; a thousand alarms with a long text each."""


class DeviceEndpoints:
    """What devices' addresses do: read, let the desk act, answer."""

    def __init__(self, desk: AlarmDesk) -> None:
        self._desk = desk

    async def post_alarms(self, request: Request) -> Response:
        """Take up to 1,000 alarms of a device, or of the devices behind a hub, each with a verdict of its own."""
        lines = _lines_of(await read_body(request, LARGEST_BODY))
        key = request.headers.get(KEY_HEADER)
        return Answer(await run_in_threadpool(self._desk.take, key, lines, language_of(request)))


DEVICE_ROUTES = (
    Described("POST", "/v1/alarms", DeviceEndpoints.post_alarms, list[AlarmForm], AlarmVerdicts, 200),
)


def _lines_of(body: bytes) -> list[Any]:
    try:
        lines = from_json(body)
    except ValueError as error:
        raise MalformedJson(
            faults=(Fault(where="(body)", what=str(error), allowed="JSON, RFC 8259"),)
        ) from None
    if not isinstance(lines, list) or not 1 <= len(lines) <= MOST_ALARMS:
        allowed = f"a list of 1 to {MOST_ALARMS} alarms"
        raise Invalid(faults=(Fault(where="(body)", what="is no batch of alarms", allowed=allowed),))
    return lines
