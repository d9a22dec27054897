"""Carrying out one call: who asks, may they, in one transaction, once."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from qipan.access import Grant, authorise
from qipan.contracts.base import Request
from qipan.contracts.envelope import Envelope
from qipan.contracts.errors import DeadlineExceeded, Forbidden, KeyReused, QipanError, Unavailable
from qipan.messaging.process import Process
from qipan.messaging.received import Received
from qipan.observability import metrics, tracing
from qipan.storage.database import is_contested, is_passing, is_too_slow
from qipan.storage.work import Work

Method = Callable[[Work | None, Received[Any]], BaseModel]


@dataclass(frozen=True, slots=True)
class Answering:
    """One request type and the method that answers it. `run` calls the method on a worker of its own."""

    model: type[Request[Any]]
    run: Method


def carry_out(process: Process, answering: Mapping[str, Answering], envelope: Envelope[Any]) -> BaseModel:
    """Verify, authorise, do and commit; returns the answer or raises what the caller should be told.

    A call that waited for its worker until its deadline had passed is not carried out: its caller has given up.
    A command repeated with the same id and the same content gets its first answer; with other content it is
    refused. A handler that had to look at the thing's unit, cell or owner and did not is refused as well:
    nothing that it did is kept.
    """
    started = time.perf_counter()
    outcome = "ok"
    try:
        if envelope.late(datetime.now(UTC)):
            raise DeadlineExceeded("The deadline passed before this was begun; it was not carried out.")
        with tracing.span(envelope.traceparent):
            principal = process.verifier.verify(envelope.principal) if envelope.principal else None
            grant = authorise(principal, envelope.type, envelope.tenant, process.district)
            return _transact(process, answering[envelope.type], envelope, grant)
    except QipanError as error:
        outcome = error.code
        raise
    except Exception as error:
        if is_passing(error):
            outcome = Unavailable.code
            if is_contested(error):
                raise Unavailable(
                    "Others work on the same at this moment; nothing was done. Try again."
                ) from error
            raise Unavailable("The database cannot be reached at the moment.") from error
        if is_too_slow(error):
            outcome = Unavailable.code
            raise Unavailable(
                "This took the database too long and was not done; ask for less, or later."
            ) from error
        outcome = "internal"
        raise
    finally:
        metrics.observe(
            process.service, envelope.type, outcome, envelope.tenant, time.perf_counter() - started
        )


def _transact(process: Process, method: Answering, envelope: Envelope[Any], grant: Grant) -> BaseModel:
    received = Received(
        envelope.data,
        envelope.id,
        envelope.tenant,
        envelope.source,
        envelope.time,
        envelope.subject,
        envelope.traceparent,
        1,
        grant,
    )
    database = process.database
    if database is None:
        return _settled(method.run(None, received), grant)
    if method.model.reads_only or not method.model.remembered:
        with database.begin() as work:
            return _settled(method.run(work, received), grant)
    digest = hashlib.sha256(f"{grant.sub}\0{envelope.data.model_dump_json()}".encode()).hexdigest()
    model = method.model.answer_model()
    try:
        with database.begin() as work:
            known = _known(work.conn, database.schema, envelope, digest, model)
            if known is not None:
                return known
            answer = _settled(method.run(work, received), grant)
            _remember(work.conn, database.schema, envelope, digest, answer)
            return answer
    except IntegrityError:
        # The same command was being carried out at the same moment, and won.
        with database.begin() as work:
            known = _known(work.conn, database.schema, envelope, digest, model)
        if known is None:
            raise
        return known


def _settled(answer: BaseModel, grant: Grant) -> BaseModel:
    if not grant.settled:
        raise Forbidden(f"{grant.action!r} did not check whose thing this is, so it is refused.")
    return answer


def _known(
    conn: Connection, schema: str, envelope: Envelope[Any], digest: str, model: type[BaseModel]
) -> BaseModel | None:
    row = conn.execute(
        text(f"SELECT digest, body FROM {schema}.answers WHERE tenant = :tenant AND command_id = :id"),
        {"tenant": envelope.tenant, "id": envelope.id},
    ).one_or_none()
    if row is None:
        return None
    if row[0] != digest:
        raise KeyReused()
    return model.model_validate_json(bytes(row[1]))


def _remember(conn: Connection, schema: str, envelope: Envelope[Any], digest: str, answer: BaseModel) -> None:
    conn.execute(
        text(
            f"INSERT INTO {schema}.answers (tenant, command_id, digest, body)"
            " VALUES (:tenant, :id, :digest, :body)"
        ),
        {
            "tenant": envelope.tenant,
            "id": envelope.id,
            "digest": digest,
            "body": answer.__pydantic_serializer__.to_json(answer),
        },
    )
