"""One run: queue deliveries, let the process send them, kill it if asked, and compare the peers' books."""

import itertools
import time
from collections import Counter
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import Connection, text

from bench.deliveries.house import House
from qipan.ids import new_id
from services.notify.deliveries import key_of

DESTINATIONS = {"post": "mail", "robot": "dingtalk", "calm": "webhook", "faulty": "webhook"}
PERSON = "sandun.sweep.1"
MOST_SECONDS = 1200.0

_QUEUE = text(
    "INSERT INTO notify.deliveries (tenant, message_id, recipient, channel, key, destination, about_tenant, case_id,"
    " version, event, title, body, at) VALUES ('sandun', :message_id, :recipient, :channel, :key, :destination,"
    " 'sandun', 'c-1', 1, 'case.filed.v1', 'New task', 'Please answer.', now())"
)
_LEFT = text(
    "SELECT count(*) FROM notify.deliveries WHERE destination <> 'hanging'"
    " AND state NOT IN ('accepted', 'delivered')"
)
_SPEED = text(
    """
    SELECT destination, count(*) / nullif(extract(epoch FROM max(changed_at) - min(changed_at)), 0)
    FROM notify.deliveries WHERE attempts = 1 AND state IN ('accepted', 'delivered') GROUP BY destination
    """
)
_STATES = text("SELECT destination || ' ' || state, count(*) FROM notify.deliveries GROUP BY 1 ORDER BY 1")


def run(
    opened: AbstractContextManager[House], count: int, *, hanging: int = 0, kills: int = 0
) -> dict[str, Any]:
    """Send `count` deliveries, and `hanging` more to a gateway that never answers; kill the process so often."""
    with opened as house:
        with house.engine.begin() as conn:
            keys = _queue(conn, count)
            _fill(conn, "hanging", "webhook", hanging)
        house.start()
        began = time.monotonic()
        known: set[str] = set()
        by_kill = [_struck(house, (number + 1) / (kills + 1) * count, known) for number in range(kills)]
        _until_all_arrived(house, began)
        seconds = time.monotonic() - began
        taken = house.http.books.taken + house.mail.books.taken
        with house.engine.begin() as conn:
            speed = {name: round(float(each or 0), 1) for name, each in conn.execute(_SPEED)}
            states = dict(conn.execute(_STATES).tuples().all())
        doubled = Counter({keys[key]: n - 1 for key, n in taken.items() if n > 1})
        return {
            "deliveries": count,
            "taken": sum(1 for key in keys if taken[key]),
            "doubled": sum(taken.values()) - len(taken),
            "doubled_by_destination": dict(doubled),
            "kills": kills,
            "doubled_after_each_kill": by_kill,
            "most_doubled_by_one_kill_at_one_destination": max(
                itertools.chain.from_iterable(after.values() for after in by_kill), default=0
            ),
            "never_asked_for_by_us": len(set(taken) - set(keys)),
            "reached_inside": house.http.books.inside,
            "attempts": sum(house.http.books.tried.values()) + sum(house.mail.books.tried.values()),
            "seconds": round(seconds, 1),
            "a_second": {name: speed[name] for name in DESTINATIONS},
            "states": states,
        }


def _queue(conn: Connection, count: int) -> dict[str, str]:
    """Key → destination."""
    each, keys = count // len(DESTINATIONS), dict[str, str]()
    for name, channel in DESTINATIONS.items():
        number = count - each * (len(DESTINATIONS) - 1) if name == "faulty" else each
        keys |= dict.fromkeys(_fill(conn, name, channel, number), name)
    return keys


def _fill(conn: Connection, destination: str, channel: str, count: int) -> list[str]:
    recipient = PERSON if channel == "mail" else destination
    rows = []
    for _ in range(count):
        message_id = new_id()
        rows.append(
            {
                "message_id": message_id,
                "recipient": recipient,
                "channel": channel,
                "destination": destination,
                "key": key_of("sandun", message_id, recipient, channel),
            }
        )
    if rows:
        conn.execute(_QUEUE, rows)
    return [row["key"] for row in rows]


def _struck(house: House, after: float, known: set[str]) -> dict[str, int]:
    """Kill once so many have been taken, and start again; what each destination took of what was not recorded.

    That comes twice. `known`: the keys that earlier kills left under way, whose leases have not lapsed yet.
    """
    end = time.monotonic() + MOST_SECONDS
    while sum(house.http.books.taken.values()) + sum(house.mail.books.taken.values()) < after:
        if time.monotonic() > end:
            break
        time.sleep(0.01)
    house.kill()
    with house.engine.begin() as conn:
        rows = conn.execute(
            text("SELECT destination, key FROM notify.deliveries WHERE state = 'sending'")
        ).all()
    house.start()
    books = house.http.books.taken + house.mail.books.taken
    found = Counter(destination for destination, key in rows if books[key] and key not in known)
    known.update(key for _, key in rows)
    return dict(found)


def _until_all_arrived(house: House, began: float) -> None:
    while time.monotonic() - began < MOST_SECONDS:
        with house.engine.begin() as conn:
            if conn.execute(_LEFT).scalar_one() == 0:
                return
        time.sleep(0.5)
