"""A batch from a device that was without signal: its commands one by one, each answered for itself."""

import asyncio
import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from qipan.contracts.case import CaseState
from qipan.contracts.errors import Fault, Invalid, QipanError, Unavailable
from qipan.contracts.offline import FIELD_COMMANDS, Outcome, ReplayCommand, Replayed
from qipan.http import as_model, document
from qipan.http.language import Language
from services.gateway.caller import Caller
from services.gateway.calls import CALL_SECONDS
from services.gateway.routes import ROUTES, Route, body_model

LARGEST_BATCH = 1_048_576
"""Bytes."""

MOST_COMMANDS = 200
BATCH_SECONDS = 25.0
"""What has not been begun by then is to be sent again: nobody's connection is held for longer."""

UNAVAILABLE = "unavailable"

Id = Annotated[str, Field(min_length=1, max_length=128)]

ADDRESSES: Mapping[str, Route] = {
    route.path.rpartition("/")[2]: route for route in ROUTES if route.request.type in FIELD_COMMANDS
}
"""What can be done without signal, by the last word of its address when there is signal."""


class OfflineCommand(BaseModel):
    """One command as the worker gave it, at `at` by the device's clock.

    `does` is the last word of the command's address (`accept`, `dispose`), `body` what that address takes.
    `expected_version` is the case's version as last seen from the server, also for a second command on it.
    """

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    sequence: Annotated[int, Field(ge=1, le=2**53)]
    at: AwareDatetime
    case_id: Id
    does: Id
    expected_version: Annotated[int, Field(ge=1)] | None = None
    body: dict[str, Any] = Field(default_factory=dict)


class _Batch(BaseModel):
    model_config = ConfigDict(strict=True)

    client: Id
    sent_at: AwareDatetime


class OfflineBatch(_Batch):
    """What a device (`client`) brings in. `sent_at` is its clock now: by it the other times are judged."""

    commands: Annotated[list[OfflineCommand], Field(min_length=1, max_length=MOST_COMMANDS)]


class GivenBatch(_Batch):
    """A batch whose commands are not judged yet: one that is wrong must not stop the others."""

    commands: Annotated[list[Any], Field(min_length=1, max_length=MOST_COMMANDS)]


class OfflineAnswer(BaseModel):
    """What became of one command. `outcome` `unavailable`: nothing; send it again, as it was.

    `repeated`: it had been brought in before. `problem` is a problem document (RFC 9457), `case` the case now.
    """

    sequence: int | None = None
    outcome: str
    repeated: bool = False
    case: CaseState | None = None
    problem: dict[str, Any] | None = None


class OfflineAnswers(BaseModel):
    """One answer for each command, in the order of the batch. `skew`: seconds by which the device's clock is ahead."""

    answers: list[OfflineAnswer]
    skew: float | None = None


async def bring_in(
    batch: GivenBatch, caller: Caller, tenant: str, token: str | None, language: Language
) -> OfflineAnswers:
    """Every command in the order of its number. Once the service is away, the rest is not tried."""
    answers: dict[int, OfflineAnswer] = {}
    ready: list[tuple[int, ReplayCommand]] = []
    for index, given in enumerate(batch.commands):
        try:
            ready.append((index, _read(given, batch, language)))
        except QipanError as error:
            answers[index] = OfflineAnswer(
                sequence=_number(given), outcome=Outcome.REFUSED, problem=document(error, language)
            )
    loop = asyncio.get_running_loop()
    until = loop.time() + BATCH_SECONDS
    away: QipanError | None = None
    skew: float | None = None
    for index, command in sorted(ready, key=lambda one: (one[1].sequence, one[0])):
        if away is None and loop.time() > until:
            away = Unavailable("The batch takes too long; send the rest of it again.")
        if away is None:
            try:
                replayed = await asyncio.wrap_future(
                    caller.submit(command, tenant=tenant, principal=token, timeout=CALL_SECONDS)
                )
            except QipanError as error:
                if error.status < 500:
                    problem = document(error, language)
                    answers[index] = OfflineAnswer(
                        sequence=command.sequence, outcome=Outcome.REFUSED, problem=problem
                    )
                    continue
                away = error
            else:
                skew = replayed.skew
                answers[index] = _answer(command, replayed, language)
                continue
        answers[index] = OfflineAnswer(
            sequence=command.sequence, outcome=UNAVAILABLE, problem=document(away, language)
        )
    return OfflineAnswers(answers=[answers[index] for index in range(len(batch.commands))], skew=skew)


def _read(given: Any, batch: GivenBatch, language: Language) -> ReplayCommand:
    command = as_model(json.dumps(given).encode(), OfflineCommand, language)
    route = ADDRESSES.get(command.does)
    if route is None:
        fault = Fault(where="does", what=f"{command.does!r}", allowed=", ".join(sorted(ADDRESSES)))
        raise Invalid(faults=(fault,))
    body = as_model(json.dumps(command.body).encode(), body_model(route), language)
    return ReplayCommand(
        client=batch.client,
        sequence=command.sequence,
        at=command.at,
        sent_at=batch.sent_at,
        does=route.request.type,
        case_id=command.case_id,
        expected_version=command.expected_version,
        body=body.model_dump(mode="json", exclude_unset=True),
    )


def _answer(command: ReplayCommand, replayed: Replayed, language: Language) -> OfflineAnswer:
    return OfflineAnswer(
        sequence=command.sequence,
        outcome=replayed.outcome,
        repeated=replayed.repeated,
        case=replayed.case,
        problem=document(replayed.problem.error(), language) if replayed.problem else None,
    )


def _number(given: Any) -> int | None:
    number = given.get("sequence") if isinstance(given, dict) else None
    return number if isinstance(number, int) and not isinstance(number, bool) else None
