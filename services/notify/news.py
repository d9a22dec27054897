"""What came into people's inboxes after a mark: every message once, in the order in which they were written.

A message is stamped when it is written and seen when its transaction is over: one with an earlier stamp may be seen
later. So each transaction that writes messages first takes an advisory lock, shared, whose number is the
time (`store.add`). Nothing is told that is as late as the oldest such lock: nothing earlier can come any more.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text

from qipan.contracts.news import AskNews, NewMessage, News
from qipan.storage import arrays
from services.notify.shown import in_app

MOST = 200
"""Messages in one answer."""
MOST_EACH = 50
"""Messages of one person in one answer: who was away for long holds up no other."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# now() was read before the locks are, and what is written from here on is later than it. Other advisory locks have
# numbers far from any time of the last hour; no transaction of ours lasts as long.
_SETTLED = text(
    """
    SELECT least(asked.at, min(held.number)) FROM
        (SELECT CAST(extract(epoch FROM now()) * 1000000 AS bigint) AS at) AS asked LEFT JOIN (
            SELECT (CAST(classid AS bigint) << 32) | CAST(objid AS bigint) AS number FROM pg_locks
            WHERE locktype = 'advisory' AND objsubid = 1
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        ) AS held ON held.number BETWEEN asked.at - 3600000000 AND asked.at
    GROUP BY asked.at
    """
)

_SINCE = text(
    """
    SELECT new.* FROM unnest(CAST(:people AS text[]), CAST(:since AS timestamptz[]), CAST(:ids AS text[]))
        WITH ORDINALITY AS asked (person, since, id, number)
    CROSS JOIN LATERAL (
        SELECT * FROM notify.messages
        WHERE tenant = :tenant AND recipient = asked.person AND created_at >= asked.since
            AND (created_at, message_id COLLATE "C") > (asked.since, asked.id COLLATE "C")
            AND created_at < :settled
        ORDER BY created_at, message_id COLLATE "C" LIMIT :most_each
    ) AS new
    ORDER BY asked.number, new.created_at, new.message_id COLLATE "C" LIMIT :most
    """
)


def since(conn: Connection, tenant: str, ask: AskNews) -> News:
    """What is new for the listeners, bounded. In two statements: the second sees what was over at the first."""
    settled = int(conn.execute(_SETTLED).scalar_one())
    listening = [(one.person, *_parts(one.after)) for one in ask.listeners if one.after is not None]
    if not listening:
        return News(messages=(), now=_mark(settled))
    people, moments, ids = zip(*listening, strict=True)
    asked = {
        "people": arrays.texts(people),
        "since": arrays.instants(moments),
        "ids": arrays.texts(ids),
        "tenant": tenant,
        "settled": _moment(settled),
        "most_each": MOST_EACH,
        "most": MOST,
    }
    rows = conn.execute(_SINCE, asked).mappings().all()
    found = tuple(
        NewMessage(
            person=row["recipient"],
            mark=_mark((row["created_at"] - _EPOCH) // _MICROSECOND, row["message_id"]),
            message=in_app(row),
        )
        for row in rows
    )
    counts: dict[str, int] = {}
    for one in found:
        counts[one.person] = counts.get(one.person, 0) + 1
    more = len(found) >= MOST or any(count >= MOST_EACH for count in counts.values())
    return News(messages=found, now=_mark(settled), more=more)


def _mark(microseconds: int, message_id: str = "") -> str:
    return f"{microseconds:016d}.{message_id}"


def _parts(mark: str) -> tuple[datetime, str]:
    written, _, message_id = mark.partition(".")
    return _moment(int(written)), message_id


def _moment(microseconds: int) -> datetime:
    return _EPOCH + microseconds * _MICROSECOND
