"""The inbox: a message takes effect once, because its id is written in the transaction of its effect."""

from collections.abc import Sequence
from functools import cache

from sqlalchemy import Connection, TextClause, text

REMEMBERED_DAYS = 60
"""How long it is remembered that a message was handled, and what a command was answered."""


def claim(conn: Connection, schema: str, messages: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Record (tenant, message id) pairs as handled; returns those that were not handled before.

    A pair that another open transaction is handling makes this one wait for its outcome.
    """
    ordered = sorted(
        set(messages)
    )  # one order everywhere: two replicas with the same messages cannot deadlock
    rows = conn.execute(_claim(schema), {"tenants": [t for t, _ in ordered], "ids": [m for _, m in ordered]})
    return {(row[0], row[1]) for row in rows}


def forget_old(conn: Connection, schema: str, days: int, most: int = 5000) -> int:
    """Drop up to `most` inbox rows and as many answers older than `days`; returns how many.

    A dead letter older than that is not sent again (`messaging.dead`): it could take effect twice.
    """
    dropped = 0
    for table, column in (("inbox", "handled_at"), ("answers", "answered_at")):
        dropped += conn.execute(
            text(
                f"DELETE FROM {schema}.{table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {schema}.{table}"
                f" WHERE {column} < now() - make_interval(days => :days) LIMIT :most))"
            ),
            {"days": days, "most": most},
        ).rowcount
    return dropped


@cache
def _claim(schema: str) -> TextClause:
    return text(
        f"INSERT INTO {schema}.inbox (tenant, message_id) "
        "SELECT * FROM unnest(CAST(:tenants AS text[]), CAST(:ids AS text[])) "
        "ON CONFLICT DO NOTHING RETURNING tenant, message_id"
    )
