"""What is new in inboxes, on a real database: each message once and in order, whoever is still writing."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from case_samples import MORNING, case
from projection_desk import Projection, build_notify, notify, told

from qipan.access import Principal, Role
from qipan.contracts import events
from qipan.contracts.errors import Forbidden
from qipan.contracts.news import AskNews, Listener, News
from qipan.tenancy import TestClock
from qipan.testing import Databases
from services.notify import news, store
from services.notify.notes import Heading, Note
from services.notify.rules import Channel

WORKER, OTHER = "sandun.sweep.1", "sandun.sweep.2"
GATEWAY = Principal(sub="gateway", name="", tenant="xihu", roles=frozenset({Role.SERVICE}))


@pytest.fixture
def desk(database_url: Databases) -> Iterator[Projection]:
    desk = notify(database_url(build_notify), TestClock(MORNING), {AskNews: "tell_news"})
    yield desk
    desk.database.close()


def ask(
    desk: Projection, *listeners: tuple[str, str | None], tenant: str = "sandun", by: Principal = GATEWAY
) -> News:
    asked = AskNews(listeners=tuple(Listener(person=person, after=after) for person, after in listeners))
    return desk.ask_as(by, asked, tenant=tenant)


def now(desk: Projection, tenant: str = "sandun") -> str:
    return ask(desk, (WORKER, None), tenant=tenant).now


def cases(found: News) -> list[tuple[str, str | None]]:
    return [(one.person, one.message.case_id) for one in found.messages]


def offer(desk: Projection, case_id: str, **changes: Any) -> None:
    desk.hear(told(events.CaseFiled(case=case(case_id, **changes))))


def note(case_id: str, person: str = WORKER) -> Note:
    heading = Heading(f"m-{case_id}", "case.filed.v1", "sandun", case_id, "r-1", 1, MORNING, None)
    return Note("sandun", person, Channel.IN_APP, case_id, "", heading)


def test_what_came_after_the_mark_is_new_once(desk: Projection) -> None:
    offer(desk, "before")
    begin = now(desk)
    offer(desk, "c-1")
    offer(desk, "c-2")
    found = ask(desk, (WORKER, begin))
    assert cases(found) == [(WORKER, "c-1"), (WORKER, "c-2")]
    assert cases(ask(desk, (WORKER, found.messages[0].mark))) == [(WORKER, "c-2")]
    assert cases(ask(desk, (WORKER, found.messages[1].mark))) == []
    assert begin < found.messages[0].mark < found.messages[1].mark < now(desk)


def test_nobody_is_told_of_anothers_message(desk: Projection) -> None:
    begin = now(desk)
    offer(desk, "c-1")
    assert cases(ask(desk, (OTHER, begin))) == []
    assert cases(ask(desk, (WORKER, begin), tenant="wenxin")) == []
    assert cases(ask(desk, (OTHER, begin), (WORKER, begin))) == [(WORKER, "c-1")]


def test_an_exercises_messages_are_news_in_it_alone(desk: Projection) -> None:
    begin = now(desk)
    played = f"{WORKER}~ex7"
    desk.hear(told(events.CaseFiled(case=case("c-1", tenant="sandun~ex7", worker=played)), "sandun~ex7"))
    assert cases(ask(desk, (WORKER, begin), (played, begin))) == []
    inside = replace(GATEWAY, tenant="xihu~ex7")
    assert cases(ask(desk, (played, begin), tenant="sandun~ex7", by=inside)) == [(played, "c-1")]
    with pytest.raises(Forbidden):
        ask(desk, (played, begin), tenant="sandun~ex7")


@pytest.mark.parametrize(
    "other",
    [
        replace(GATEWAY, sub="sandun.floodwatch", tenant="sandun"),
        replace(GATEWAY, sub="gateway@sandun", tenant="sandun"),
        replace(GATEWAY, sub="notify"),
        replace(GATEWAY, roles=frozenset({Role.OPERATOR, Role.SUPERVISOR, Role.HANDLER})),
    ],
)
def test_only_the_gateway_asks_what_is_new_for_others(desk: Projection, other: Principal) -> None:
    begin = now(desk)
    with pytest.raises(Forbidden):
        ask(desk, (WORKER, begin), by=other)


def test_what_is_written_first_and_seen_last_is_not_lost(desk: Projection) -> None:
    """A writer that takes long holds back what others wrote after it; both come in the order of writing."""
    begin = now(desk)
    with desk.database.begin() as slow:
        store.add(slow.conn, [note("slow")])
        offer(desk, "quick")
        held_back = ask(desk, (WORKER, begin))
        late = now(desk)
    found = ask(desk, (WORKER, begin))
    assert cases(held_back) == []
    assert cases(found) == [(WORKER, "slow"), (WORKER, "quick")]
    assert late < found.messages[0].mark  # who began while it was being written has it as well
    assert cases(ask(desk, (WORKER, late))) == [(WORKER, "slow"), (WORKER, "quick")]


def test_writers_do_not_wait_for_each_other(desk: Projection) -> None:
    with desk.database.begin() as one, desk.database.begin() as two:
        store.add(one.conn, [note("one")])
        store.add(two.conn, [note("two")])
    assert len(desk.rows("SELECT 1 FROM notify.messages")) == 2


def test_an_answer_is_bounded_and_what_follows_follows(
    desk: Projection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "MOST", 5)
    monkeypatch.setattr(news, "MOST_EACH", 3)
    marks = dict.fromkeys((WORKER, OTHER), now(desk))
    with desk.database.begin() as work:
        for number in range(7):
            store.add(work.conn, [note(f"w-{number}"), note(f"o-{number}", OTHER)])
    first = ask(desk, *marks.items())
    assert cases(first) == [(WORKER, f"w-{n}") for n in range(3)] + [(OTHER, f"o-{n}") for n in range(2)]
    seen: dict[str, list[str | None]] = {WORKER: [], OTHER: []}
    sizes = []
    more = True
    while more:
        found = ask(desk, *marks.items())
        sizes.append(len(found.messages))
        for one in found.messages:
            seen[one.person].append(one.message.case_id)
            marks[one.person] = one.mark
        more = found.more
    assert max(sizes) <= 5
    assert seen == {
        WORKER: [f"w-{number}" for number in range(7)],
        OTHER: [f"o-{number}" for number in range(7)],
    }
