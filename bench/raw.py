"""The yardstick: the same hops and durable rows with nothing but psycopg and py-amqp.

accept (report + outbox) → relay → triage → relay → dispatch (case, task, clock) → relay → notify and analytics;
inbox rows everywhere, batches of 50, pipelined confirms. No HTTP, no checks, no rules, no framework.
"""

import json
import multiprocessing
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from typing import Any

import amqp
import psycopg

BATCH = 50
LINGER = 0.02
RELAY_BATCH = 500
ACCEPTING = 8
QUORUM = {"x-queue-type": "quorum"}
QUEUES = {"received": ("triage",), "triaged": ("dispatch",), "filed": ("notify", "analytics")}

SCHEMA = """
DROP SCHEMA IF EXISTS raw CASCADE;
CREATE SCHEMA raw;
CREATE TABLE raw.reports (tenant text, id text, body jsonb, state text, at timestamptz DEFAULT now(),
    PRIMARY KEY (tenant, id));
CREATE TABLE raw.cases (tenant text, id text, report_id text, state jsonb, version int, PRIMARY KEY (tenant, id));
CREATE TABLE raw.tasks (tenant text, id text, case_id text, worker text, PRIMARY KEY (tenant, id));
CREATE TABLE raw.clocks (tenant text, case_id text, stage text, due_at timestamptz,
    PRIMARY KEY (tenant, case_id, stage));
CREATE TABLE raw.messages (tenant text, id text, case_id text, body text, PRIMARY KEY (tenant, id));
CREATE TABLE raw.newest (tenant text, case_id text, version int, state jsonb, PRIMARY KEY (tenant, case_id));
CREATE TABLE raw.totals (tenant text, hour text, cell text, filed int, PRIMARY KEY (tenant, hour, cell));
"""
PER_STAGE = """
CREATE TABLE raw.{stage}_inbox (tenant text, id text, at timestamptz DEFAULT now(), PRIMARY KEY (tenant, id));
"""
PER_OUTBOX = """
CREATE TABLE raw.{stage}_outbox (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant text, kind text,
    id text, body bytea);
"""


def prepare(database: str, broker: str) -> None:
    """Fresh tables and queues."""
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute(SCHEMA)
        for stage in ("triage", "dispatch", "notify", "analytics"):
            conn.execute(PER_STAGE.format(stage=stage))
        for stage in ("intake", "dispatch"):
            conn.execute(PER_OUTBOX.format(stage=stage))
    connection = _connect(broker)
    channel = connection.channel()
    channel.exchange_declare("raw", "topic", durable=True, auto_delete=False)
    for kind, queues in QUEUES.items():
        for queue in queues:
            channel.queue_delete(f"raw.{queue}")
            channel.queue_declare(f"raw.{queue}", durable=True, auto_delete=False, arguments=QUORUM)
            channel.queue_bind(f"raw.{queue}", "raw", f"*.{kind}")
    connection.close()


def start(database: str, broker: str) -> list[BaseProcess]:
    """Start every stage but the accepting one, each in a process of its own."""
    context = multiprocessing.get_context("spawn")
    stages: list[tuple[Callable[..., None], tuple[Any, ...]]] = [
        (_relay, (database, broker, "intake")),
        (_relay, (database, broker, "dispatch")),
        *((_consume, (database, broker, stage)) for stage in ("triage", "dispatch", "notify", "analytics")),
    ]
    processes = [context.Process(target=target, args=args, daemon=True) for target, args in stages]
    for process in processes:
        process.start()
    return processes


def accept(database: str, reports: Sequence[dict[str, Any]], bulk: int) -> None:
    """Store reports and their outbox rows, `bulk` in a transaction. Runs in the calling process: it is counted.

    Several connections, as any door has, so that the stages behind it get full batches.
    """
    shares = [reports[n::ACCEPTING] for n in range(ACCEPTING)]
    threads = [threading.Thread(target=_accept, args=(database, share, bulk)) for share in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _accept(database: str, reports: Sequence[dict[str, Any]], bulk: int) -> None:
    with psycopg.connect(database) as conn:
        for start_at in range(0, len(reports), bulk):
            rows, messages = [], []
            for report in reports[start_at : start_at + bulk]:
                body = json.dumps(report, ensure_ascii=False)
                rows.append((report["tenant"], report["id"], body, "received"))
                messages.append((report["tenant"], "received", str(uuid.uuid4()), body.encode()))
            with conn.cursor() as cursor:
                cursor.executemany(
                    "INSERT INTO raw.reports (tenant, id, body, state) VALUES (%s, %s, %s, %s)", rows
                )
                _outbox(cursor, "intake", messages)
            conn.commit()


def closed(database: str) -> int:
    """How many cases have come through every hop."""
    with psycopg.connect(database) as conn:
        row = conn.execute(
            "SELECT least((SELECT count(*) FROM raw.messages), (SELECT count(*) FROM raw.newest))"
        ).fetchone()
        return int(row[0]) if row else 0


def _connect(broker: str) -> amqp.Connection:
    user, password, host, vhost = _parts(broker)
    connection = amqp.Connection(host, user, password, virtual_host=vhost)
    connection.connect()
    return connection


def _parts(broker: str) -> tuple[str, str, str, str]:
    rest = broker.split("://", 1)[1]
    credentials, _, address = rest.rpartition("@")
    user, _, password = credentials.partition(":")
    host, _, vhost = address.partition("/")
    return user, password, host, vhost or "/"


def _outbox(cursor: psycopg.Cursor, stage: str, messages: Sequence[tuple[str, str, str, bytes]]) -> None:
    cursor.executemany(
        f"INSERT INTO raw.{stage}_outbox (tenant, kind, id, body) VALUES (%s, %s, %s, %s)", messages
    )


def _relay(database: str, broker: str, stage: str) -> None:
    die_with_parent()
    channel = _connect(broker).channel()
    channel.confirm_select()
    waiting: set[int] = set()

    def acked(tag: int, multiple: bool) -> None:
        waiting.difference_update({t for t in waiting if t <= tag} if multiple else {tag})

    channel.events["basic_ack"].add(acked)
    published = 0
    with psycopg.connect(database, autocommit=True) as conn:
        while True:
            rows = conn.execute(
                f"SELECT seq, tenant, kind, id, body FROM raw.{stage}_outbox ORDER BY seq LIMIT {RELAY_BATCH}"
            ).fetchall()
            for _, tenant, kind, message_id, body in rows:
                message = amqp.Message(bytes(body), message_id=message_id, delivery_mode=2)
                channel._basic_publish(message, "raw", f"{tenant}.{kind}", mandatory=True)
                published += 1
                waiting.add(published)
            while waiting:
                channel.connection.drain_events()
            if rows:
                conn.execute(
                    f"DELETE FROM raw.{stage}_outbox WHERE seq = ANY(%s)", ([row[0] for row in rows],)
                )
            if len(rows) < RELAY_BATCH:
                time.sleep(0.01)


def _consume(database: str, broker: str, stage: str) -> None:
    die_with_parent()
    handle = {"triage": _triage, "dispatch": _dispatch, "notify": _notify, "analytics": _analytics}[stage]
    connection = _connect(broker)
    channel = connection.channel()
    channel.basic_qos(0, 4 * BATCH, False)
    held: list[Any] = []
    channel.basic_consume(f"raw.{stage}", callback=held.append)
    with psycopg.connect(database) as conn:
        while True:
            while not held:
                connection.drain_events()
            end = time.monotonic() + LINGER
            while len(held) < BATCH and (left := end - time.monotonic()) > 0:
                try:
                    connection.drain_events(timeout=left)
                except TimeoutError:
                    break
            batch, held[:] = held[:BATCH], held[BATCH:]
            with conn.cursor() as cursor:
                keys = [
                    (m.delivery_info["routing_key"].split(".")[0], m.properties["message_id"]) for m in batch
                ]
                cursor.executemany(f"INSERT INTO raw.{stage}_inbox (tenant, id) VALUES (%s, %s)", keys)
                handle(cursor, [json.loads(message.body) for message in batch])
            conn.commit()
            channel.basic_ack(batch[-1].delivery_tag, multiple=True)


def _triage(cursor: psycopg.Cursor, reports: Sequence[dict[str, Any]]) -> None:
    cursor.executemany(
        "UPDATE raw.reports SET state = 'filed' WHERE tenant = %s AND id = %s",
        [(report["tenant"], report["id"]) for report in reports],
    )
    _outbox(
        cursor,
        "intake",
        [
            (r["tenant"], "triaged", str(uuid.uuid4()), json.dumps(r, ensure_ascii=False).encode())
            for r in reports
        ],
    )


def _dispatch(cursor: psycopg.Cursor, reports: Sequence[dict[str, Any]]) -> None:
    states = [
        {**report, "case_id": str(uuid.uuid4()), "version": 1, "stage": "offered"} for report in reports
    ]
    bodies = [json.dumps(state, ensure_ascii=False) for state in states]
    cursor.executemany(
        "INSERT INTO raw.cases VALUES (%s, %s, %s, %s, 1)",
        [(s["tenant"], s["case_id"], s["id"], body) for s, body in zip(states, bodies, strict=True)],
    )
    cursor.executemany(
        "INSERT INTO raw.tasks VALUES (%s, %s, %s, %s)",
        [(s["tenant"], str(uuid.uuid4()), s["case_id"], "worker") for s in states],
    )
    cursor.executemany(
        "INSERT INTO raw.clocks VALUES (%s, %s, 'accept', now() + interval '1 hour')",
        [(s["tenant"], s["case_id"]) for s in states],
    )
    _outbox(
        cursor,
        "dispatch",
        [
            (s["tenant"], "filed", str(uuid.uuid4()), body.encode())
            for s, body in zip(states, bodies, strict=True)
        ],
    )


def _notify(cursor: psycopg.Cursor, states: Sequence[dict[str, Any]]) -> None:
    cursor.executemany(
        "INSERT INTO raw.messages VALUES (%s, %s, %s, %s)",
        [(s["tenant"], str(uuid.uuid4()), s["case_id"], "You have a new task.") for s in states],
    )


def _analytics(cursor: psycopg.Cursor, states: Sequence[dict[str, Any]]) -> None:
    cursor.executemany(
        "INSERT INTO raw.newest VALUES (%s, %s, 1, %s)",
        [(s["tenant"], s["case_id"], json.dumps(s, ensure_ascii=False)) for s in states],
    )
    counts: dict[tuple[str, str, str], int] = {}
    for state in states:
        key = (state["tenant"], "2026-03-02T08", state["cell"])
        counts[key] = counts.get(key, 0) + 1
    cursor.executemany(
        "INSERT INTO raw.totals VALUES (%s, %s, %s, %s) ON CONFLICT (tenant, hour, cell)"
        " DO UPDATE SET filed = totals.filed + excluded.filed",
        [(*key, count) for key, count in sorted(counts.items())],
    )


def die_with_parent() -> None:
    """A benchmark that is killed leaves no stage behind: the kernel ends this process with its parent."""
    import ctypes

    parent = os.getppid()
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
