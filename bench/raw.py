"""The yardstick: the same hops and durable rows with nothing but psycopg and py-amqp.

accept (report + outbox) → relay → triage → relay → dispatch (case, what it is found by, task, clock, timer, history,
load) → relay → notify and analytics; inbox rows everywhere, batches of 50, pipelined confirms. No HTTP, no checks,
no rules, no framework. Two hops of ours are left out, so that ours pays for them: what triage decided goes to
analytics, too, and what becomes of a case goes back to its report.
"""

import hashlib
import json
import multiprocessing
import os
import signal
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import pairwise
from multiprocessing.process import BaseProcess
from typing import Any

import amqp
import psycopg

from bench.raw_tables import OUTBOXES, STAGES, case_id_of, connect

BATCH = 50
LINGER = 0.02
RELAY_BATCH = 500
ACCEPTING = 8
TOWNS, CELLS, MATTERS, DEPARTMENTS, WORKERS = 12, 1200, 40, 6, 241
HOUR, DAY = "2026-03-02T08", "2026-03-02"


def start(database: str, broker: str) -> dict[str, list[BaseProcess]]:
    """Start every stage but the accepting one, each in a process of its own; by layer."""
    context = multiprocessing.get_context("spawn")

    def begin(target: Callable[..., None], stage: str) -> BaseProcess:
        process = context.Process(target=target, args=(database, broker, stage), daemon=True)
        process.start()
        return process

    return {
        "relay": [begin(_relay, stage) for stage in OUTBOXES],
        **{stage: [begin(_consume, stage)] for stage in STAGES},
    }


def given(reports: Sequence[dict[str, Any]], done: int) -> list[dict[str, Any]]:
    """Reports as the stages get them, with what ours finds out already there; `done` were made before."""
    return [
        {
            **report,
            "tenant": f"t{number % TOWNS}",
            "id": f"r{number}",
            "cell": f"c{number % CELLS}",
            "matter": f"m{number % MATTERS}",
            "department": f"d{number % DEPARTMENTS}",
            "worker": f"w{number % WORKERS}",
            "received_at": f"{HOUR}:00",
        }
        for number, report in enumerate(reports, start=done)
    ]


class Door:
    """Accepts over several standing connections, as any door has, so that the stages behind it get full batches."""

    def __init__(self, database: str) -> None:
        self._open = ExitStack()
        self._conns = [self._open.enter_context(psycopg.connect(database)) for _ in range(ACCEPTING)]

    def accept(self, reports: Sequence[dict[str, Any]], bulk: int) -> None:
        """Store reports and their outbox rows, `bulk` in a transaction. Runs in the calling process: it is counted."""
        threads = [
            threading.Thread(target=_accept, args=(conn, reports[number::ACCEPTING], bulk))
            for number, conn in enumerate(self._conns)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def close(self) -> None:
        """Close the connections."""
        self._open.close()


def _accept(conn: psycopg.Connection, reports: Sequence[dict[str, Any]], bulk: int) -> None:
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


def _outbox(cursor: psycopg.Cursor, stage: str, messages: Sequence[tuple[str, str, str, bytes]]) -> None:
    cursor.executemany(
        f"INSERT INTO raw.{stage}_outbox (tenant, kind, id, body) VALUES (%s, %s, %s, %s)", messages
    )


def _relay(database: str, broker: str, stage: str) -> None:
    die_with_parent()
    channel = connect(broker).channel()
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
    connection = connect(broker)
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
        {**report, "case_id": case_id_of(report["id"]), "version": 1, "stage": "offered"}
        for report in reports
    ]
    bodies = [json.dumps(state, ensure_ascii=False) for state in states]
    hashes = [hashlib.sha256(body.encode()).digest() for body in bodies]
    cursor.executemany(
        "INSERT INTO raw.cases VALUES (%s, %s, %s, %s, 1, %s)",
        [
            (s["tenant"], s["case_id"], s["id"], body, link)
            for s, body, link in zip(states, bodies, hashes, strict=True)
        ],
    )
    cursor.executemany(
        "INSERT INTO raw.findable VALUES (%s, %s, %s, %s, array_to_tsvector(%s))",
        [(s["tenant"], s["case_id"], s["lon"], s["lat"], _words(s)) for s in states],
    )
    cursor.executemany(
        "INSERT INTO raw.tasks VALUES (%s, %s, %s, %s)",
        [(s["tenant"], str(uuid.uuid4()), s["case_id"], s["worker"]) for s in states],
    )
    cursor.executemany(
        "INSERT INTO raw.clocks VALUES (%s, %s, 'accept', now() + interval '1 hour')",
        [(s["tenant"], s["case_id"]) for s in states],
    )
    cursor.executemany(
        "INSERT INTO raw.timers VALUES (%s, 'due', %s, now() + interval '1 hour')",
        [(s["tenant"], s["case_id"]) for s in states],
    )
    cursor.executemany(
        "INSERT INTO raw.history (tenant, case_id, version, what, who, message_id, detail, hash)"
        " VALUES (%s, %s, 1, 'file', 'system', %s, '{}', %s)",
        [(s["tenant"], s["case_id"], s["id"], link) for s, link in zip(states, hashes, strict=True)],
    )
    loads = Counter((s["tenant"], s["worker"]) for s in states)
    cursor.executemany(
        "INSERT INTO raw.loads VALUES (%s, %s, %s)"
        " ON CONFLICT (tenant, worker) DO UPDATE SET open = loads.open + excluded.open",
        [(*key, count) for key, count in sorted(loads.items())],
    )
    _outbox(
        cursor,
        "dispatch",
        [
            (s["tenant"], "filed", str(uuid.uuid4()), body.encode())
            for s, body in zip(states, bodies, strict=True)
        ],
    )


def _words(state: dict[str, Any]) -> list[str]:
    return [f"{state['tenant']}/{one}{other}" for one, other in pairwise(state["text"])]


def _notify(cursor: psycopg.Cursor, states: Sequence[dict[str, Any]]) -> None:
    cursor.executemany(
        "INSERT INTO raw.messages VALUES (%s, %s, %s, %s)",
        [(s["tenant"], f"{s['case_id']}.1", s["case_id"], "You have a new task.") for s in states],
    )


def _analytics(cursor: psycopg.Cursor, states: Sequence[dict[str, Any]]) -> None:
    cursor.executemany(
        "INSERT INTO raw.newest VALUES (%s, %s, 1, %s)",
        [(s["tenant"], s["case_id"], json.dumps(s, ensure_ascii=False)) for s in states],
    )
    counts: Counter[tuple[str, str, str, str]] = Counter()
    for state in states:
        tenant = state["tenant"]
        counts.update(
            [(tenant, "hour", HOUR, ""), (tenant, "day", DAY, ""), (tenant, "ever", "", "")]
            + [(tenant, cut, DAY, state[cut]) for cut in ("department", "matter", "cell", "channel")]
        )
    cursor.executemany(
        "INSERT INTO raw.totals VALUES (%s, %s, %s, %s, %s) ON CONFLICT (tenant, cut, bucket, member)"
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
