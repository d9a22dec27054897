"""What makes alerts fire: each provocation holds while its block lasts, and is over after it."""

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx
from aiosmtpd.smtp import SMTP, Envelope, Session

from qipan.contracts.case import Place
from qipan.contracts.envelope import Envelope as Sealed
from qipan.contracts.events import Outcome, ReportTriaged
from qipan.ids import new_id
from qipan.messaging.publisher import Publisher
from qipan.messaging.wire import Outgoing, Wire
from tests.watch.house import Watched, pause

Provocation = Callable[[Watched], AbstractContextManager[None]]

POISON = 30


@contextmanager
def hanging(on: Watched) -> Iterator[None]:
    """A process that is there and answers nobody."""
    on.running.host.signal("analytics.1", "STOP")
    try:
        yield
    finally:
        on.running.host.signal("analytics.1", "CONT")


@contextmanager
def no_steward(on: Watched) -> Iterator[None]:
    """Nobody renews the towns' leases."""
    on.running.host.stop("steward.1")
    try:
        yield
    finally:
        on.running.host.scale("steward", None, 1)


@contextmanager
def town_away(on: Watched) -> Iterator[None]:
    """Sandun's own dispatch is retired; the core serves Sandun."""
    on.running.host.retire("dispatch", "sandun")
    try:
        yield
    finally:
        on.running.host.scale("dispatch", "sandun", 1)


@contextmanager
def no_dispatch(on: Watched) -> Iterator[None]:
    """The core's dispatch is away while reports come: nobody files them."""
    on.running.host.scale("dispatch", None, 0)
    on.post(200)
    try:
        yield
    finally:
        on.running.host.scale("dispatch", None, 1)


@contextmanager
def late_on_a_screen(on: Watched) -> Iterator[None]:
    """Reports lay for more than ten seconds before dispatch came back to file them."""
    on.running.host.scale("dispatch", None, 0)
    on.post(300)
    pause(12)
    on.running.host.scale("dispatch", None, 1)
    yield


@contextmanager
def no_broker(on: Watched) -> Iterator[None]:
    """A power cut of the broker, while reports come."""
    on.broker.kill()
    on.post(100)
    on.prometheus.wait_for(
        lambda: _probed(on, "dispatch.1", "/readyz") == _probed(on, "gateway.1", "/readyz") == 503,
        30,
        "dispatch or the gateway is ready without a broker",
    )
    alive = {each.id: _probed(on, each.id, "/healthz") for each in on.running.host.list()}
    assert set(alive.values()) == {200}, f"not alive without a broker: {alive}"
    assert _probed(on, "door.1", "/readyz") == 200, "the door is not ready without a broker"
    try:
        yield
    finally:
        on.broker.restart()


@contextmanager
def memory_alarm(on: Watched) -> Iterator[None]:
    """The broker is short of memory and lets nobody publish."""
    on.broker.set_memory_alarm(True)
    try:
        yield
    finally:
        on.broker.set_memory_alarm(False)


@contextmanager
def disk_alarm(on: Watched) -> Iterator[None]:
    """The broker is short of disk."""
    on.broker.set_disk_alarm(True)
    try:
        yield
    finally:
        on.broker.set_disk_alarm(False)


@contextmanager
def no_database(on: Watched) -> Iterator[None]:
    """A power cut of the database, while reports come: each is refused with 503."""
    on.postgres.kill()
    end = datetime.now(UTC).timestamp() + 20
    while datetime.now(UTC).timestamp() < end:
        _post_one(on)
    try:
        yield
    finally:
        on.postgres.restart()


@contextmanager
def poison(on: Watched) -> Iterator[None]:
    """Messages that no handler can handle, and one that nobody can read; afterwards a person closes them."""
    wire = Wire(on.core_url, "poison", confirm=True)
    try:
        for number in range(POISON):
            bad = ReportTriaged(
                report_id="\x00",  # PostgreSQL stores no NUL in text
                outcome=Outcome.FILE,
                matter="s:06010",
                place=Place(lon=120.1, lat=30.3),
                summary="poison",
                channel="test",
                received_at=datetime.now(UTC),
                triaged_at=datetime.now(UTC),
            )
            body = Sealed.seal(bad, id=new_id(), source="intake", tenant="liuxia") if number else b"{}"
            key = f"liuxia.{ReportTriaged.type}"
            properties = {"message_id": new_id(), "type": ReportTriaged.type, "delivery_mode": 2}
            wire.publish(Outgoing("inbox.dispatch", key, body, properties))
        wire.drain(1.0)
    finally:
        wire.close()
    try:
        yield
    finally:
        close_dead_letters(on)


@contextmanager
def neglected(on: Watched) -> Iterator[None]:
    """A dead letter for which nobody had time since five hours."""
    wire = Wire(on.core_url, "poison", confirm=True)
    try:
        key = f"liuxia.{ReportTriaged.type}"
        properties = {"message_id": new_id(), "type": ReportTriaged.type, "delivery_mode": 2}
        wire.publish(Outgoing("inbox.dispatch", key, b"null", properties))
        wire.drain(1.0)
    finally:
        wire.close()
    on.prometheus.wait_for(
        lambda: bool(on.prometheus.query("qipan_dead_letters_open > 0")), 60, "no dead letter came"
    )
    on.sql("UPDATE steward.dead_letters SET last_at = last_at - interval '5 hours' WHERE state = 'open'")
    try:
        yield
    finally:
        close_dead_letters(on)


@contextmanager
def unseen(on: Watched) -> Iterator[None]:
    """A report whose case was never heard of, six minutes after it was accepted."""
    on.sql("CREATE TABLE public.kept AS SELECT tenant, report_id, case_id, status, received_real_at"
           " FROM intake.reports WHERE case_id IS NOT NULL LIMIT 1")  # fmt: skip
    on.sql("UPDATE intake.reports r SET case_id = NULL, status = 'filed',"
           " received_real_at = now() - interval '6 minutes' FROM public.kept k"
           " WHERE r.tenant = k.tenant AND r.report_id = k.report_id")  # fmt: skip
    try:
        yield
    finally:
        on.sql("UPDATE intake.reports r SET case_id = k.case_id, status = k.status,"
               " received_real_at = k.received_real_at FROM public.kept k"
               " WHERE r.tenant = k.tenant AND r.report_id = k.report_id")  # fmt: skip
        on.sql("DROP TABLE public.kept")


@contextmanager
def no_mail(on: Watched) -> Iterator[None]:
    """The mail server refuses everything."""
    took = on.office.handle_DATA

    async def refuse(server: SMTP, session: Session, envelope: Envelope) -> str:
        return "451 not now"

    on.office.handle_DATA = refuse  # type: ignore[method-assign]
    on.post(100)
    try:
        yield
    finally:
        on.office.handle_DATA = took  # type: ignore[method-assign]
        on.post(50)


@contextmanager
def slow_reader(on: Watched) -> Iterator[None]:
    """Somebody opens the live stream and reads nothing of it, while much happens."""
    lead = next(
        each for each in on.running.district.people if {"district-lead", "supervisor"} & set(each.roles)
        and each.tenant == on.running.district.id
    )  # fmt: skip
    answer = httpx.post(
        f"{on.running.gateway_url}/v1/session",
        json={"account": lead.id, "password": on.running.password(lead)},
        timeout=20,
    )
    answer.raise_for_status()
    token = answer.json()["token"]
    httpx.post(  # what people may not do is a figure, too
        f"{on.running.gateway_url}/v1/cases/case-of-nobody/accept?tenant=sandun",
        json={},
        headers={"Authorization": f"Bearer {token}"},
        timeout=20,
    )
    where = urlsplit(on.running.gateway_url)
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect((where.hostname or "", where.port or 0))
        request = f"GET /v1/stream HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {token}\r\n\r\n"
        reader.sendall(request.encode())
        pause(2)
        on.post(4000)
        yield


def unroutable(on: Watched) -> None:
    """Two messages for which there is no queue: one is returned, one dropped."""
    publisher = Publisher(on.core_url, "unroutable")
    try:
        for mandatory in (True, False):
            properties = {"message_id": new_id(), "type": "nothing.v1"}
            publisher.publish_all(
                [Outgoing("events", "liuxia.nothing.v1", b"{}", properties, mandatory=mandatory)]
            )
    finally:
        publisher.close()


def close_dead_letters(on: Watched) -> None:
    """A person decides about every one that is open."""
    on.sql("UPDATE steward.dead_letters SET state = 'discarded' WHERE state IN ('open', 'redriving')")


def _probed(on: Watched, process: str, path: str) -> int:
    return httpx.get(on.running.host.url(process) + path, timeout=10).status_code


def _post_one(on: Watched) -> None:
    try:
        httpx.post(f"{on.running.door_url}/v1/reports", json=on.reports.take(1)[0], timeout=10)
    except httpx.HTTPError:
        pause(0.2)


PROVOCATIONS: tuple[tuple[Provocation, tuple[str, ...]], ...] = (
    (hanging, ("QipanProcessDown",)),
    (no_steward, ("QipanNotReady",)),
    (town_away, ("QipanTownServedByCore",)),
    (no_dispatch, ("QipanQueueUnconsumed",)),
    (late_on_a_screen, ("QipanSlowToScreenFast",)),
    (no_mail, ("QipanMailFails",)),
    (poison, ("QipanRetries", "QipanDeadLetters")),
    (neglected, ("QipanDeadLettersNeglectedFast",)),
    (unseen, ("QipanReportsUnseenFast",)),
    (memory_alarm, ("QipanBrokerAlarm",)),
    (disk_alarm, ("QipanBrokerAlarm",)),
    (no_broker, ("QipanBrokerGone", "QipanBrokerDown", "QipanOutboxGrows")),
    (no_database, ("QipanDatabaseGone", "QipanDoorRefusesFast", "QipanFaults")),
)
"""In this order. What needs hours that cannot be shortened, or millions of messages, promtool's tests alone fire."""
