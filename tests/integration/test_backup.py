"""A backup of a running district's database and broker: restored, nothing that was acknowledged is missing."""

import json
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url, text

from qipan.backup import archive, tap
from qipan.backup.manifest import Manifest, differences
from qipan.contracts.events import ReportReceived
from qipan.messaging import topology, wire
from qipan.messaging.counted import counted
from qipan.messaging.outgoing import event
from qipan.messaging.publisher import Publisher
from qipan.messaging.wire import Wire
from qipan.storage import Database, database
from qipan.storage.database import make_engine
from qipan.storage.migrate import migrate
from qipan.storage.provision import SCHEMAS, provision, service_url
from qipan.storage.walls import raise_walls
from qipan.storage.work import Unsent
from qipan.tenancy import Clocks
from qipan.testing import Broker, Databases
from services.analytics import partitions
from services.analytics.months import Month

SERVICES = Path(__file__).parents[2] / "services"
SECRET = "of this test"
TENANTS = ("sandun", "wenxin")
KEY = f"sandun.{ReportReceived.type}"


@dataclass
class Kept:
    """An installation's database and the folder of its photos."""

    admin: str
    photos: Path


def connected(url: str) -> "psycopg.Connection[tuple[object, ...]]":
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(address, autocommit=True)


@pytest.fixture
def kept(database_url: Databases, tmp_path: Path) -> Kept:
    """With a few rows, one of which waits in an outbox, and a photo."""
    admin = database_url()
    provision(admin, SECRET, tenants=TENANTS)
    for service in SCHEMAS:
        secrets = (
            {"QIPAN_CONTACT_KEYS": f"1:{'c3' * 32}", "QIPAN_DOOR_SECRET": "d"} if service == "intake" else {}
        )
        migrate(service_url(admin, service, SECRET), service, SERVICES, secrets=secrets)
        raise_walls(service_url(admin, service, SECRET), service, SERVICES / service)
    with connected(admin) as conn:
        conn.execute(
            "INSERT INTO dispatch.loads (tenant, worker, open) VALUES ('sandun', 'w', 3), ('wenxin', 'v', 1)"
        )
        conn.execute(
            "INSERT INTO intake.outbox (tenant, key, message_id, body) VALUES ('sandun', %s, 'waits', '{}')",
            [KEY],
        )
        conn.execute("INSERT INTO intake.inbox (tenant, message_id) VALUES ('sandun', 'handled')")
        for bucket in ("epoch", "2026-03-09 04:00Z", "2020-01-01 00:00Z"):  # in each kind of partition
            conn.execute("INSERT INTO analytics.totals VALUES ('sandun', 'hour', %s, '', 7)", [bucket])
    core = Database(service_url(admin, "analytics", SECRET), schema="analytics", clocks=Clocks.real())
    partitions.make(core, Month(2026, 3))
    core.close()
    (tmp_path / "photos" / "ab").mkdir(parents=True)
    (tmp_path / "photos" / "ab" / "photo.webp").write_bytes(b"photo")
    return Kept(admin, tmp_path / "photos")


@pytest.fixture
def tapped(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Iterator[tap.Tap]:
    monkeypatch.setattr(tap, "STALE_SECONDS", 0.0)
    wire = Wire(broker.url, "topology")
    topology.declare(wire.channel, topology.core_declarations())
    wire.close()
    with tap.tapped(broker.url, broker.admin_url) as made:
        yield made


def publish(broker: Broker, message_id: str) -> None:
    publisher = Publisher(broker.url, "test")
    unsent = Unsent("sandun", KEY, message_id, "00-aa-bb-01", b'{"told": true}')
    publisher.publish_all([event(unsent, "intake", mandatory=True)])
    publisher.close()


def test_it_is_restored_as_it_was_with_what_was_on_its_way(
    broker: Broker,
    tapped: tap.Tap,
    kept: Kept,
    database_url: Databases,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(archive, "SETTLE_SECONDS", 0.0)  # nobody consumes here
    publish(broker, "on its way")
    folder = tmp_path / "backup"
    manifest = archive.create(kept.admin, tapped, kept.photos, folder, lambda _: None)
    assert manifest.events == 1
    assert manifest.rows["dispatch.loads"] == 2
    assert manifest.rows["analytics.totals"] == 3
    assert manifest.rows["analytics.totals_2026_03"] == 1
    assert (folder.stat().st_mode & 0o777) == 0o700
    with connected(kept.admin) as conn:  # life goes on
        conn.execute("DELETE FROM dispatch.loads")

    with archive.scratch(kept.admin) as rehearsal:
        assert archive.load(folder, rehearsal) == []
        with connected(rehearsal) as conn, conn.cursor() as cursor:
            cursor.execute("SELECT relforcerowsecurity FROM pg_class WHERE oid = 'dispatch.loads'::regclass")
            assert cursor.fetchone() == (True,)
            cursor.execute("SELECT DISTINCT tableoid::regclass::text FROM analytics.totals ORDER BY 1")
            parts = [name for (name,) in cursor]
            assert parts == ["analytics.totals_2026_03", "analytics.totals_epoch", "analytics.totals_other"]

    fresh = database_url()
    provision(fresh, SECRET, tenants=TENANTS)
    assert archive.load(folder, fresh) == []
    provision(fresh, SECRET, tenants=TENANTS)
    assert archive.send_again(folder, service_url(fresh, "steward", SECRET)) == 1
    (kept.photos / "ab" / "photo.webp").unlink()
    assert archive.put_photos(folder, kept.photos) == 1
    assert (kept.photos / "ab" / "photo.webp").read_bytes() == b"photo"
    with connected(fresh) as conn:
        again = conn.execute(
            "SELECT tenant, key, message_id, traceparent, body FROM steward.outbox"
        ).fetchall()
        assert again == [("sandun", KEY, "on its way", "00-aa-bb-01", b'{"told": true}')]
        assert conn.execute("SELECT message_id FROM intake.outbox").fetchall() == [("waits",)]
        assert conn.execute("SELECT message_id FROM intake.inbox").fetchall() == [("handled",)]
    with pytest.raises(archive.BackupError, match="not empty"):
        archive.load(folder, fresh)
    (folder / archive.EVENTS).write_text("")
    with pytest.raises(archive.BackupError, match="damaged"):
        archive.load(folder, database_url())


def test_what_is_published_after_the_moment_is_not_in_it(
    broker: Broker, tapped: tap.Tap, kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dump holds nothing of what it tells of."""
    monkeypatch.setattr(archive, "SETTLE_SECONDS", 0.0)  # nobody consumes here
    publish(broker, "before")

    def say(line: str) -> None:
        if "dumping" in line:
            publish(broker, "after")

    archive.create(kept.admin, tapped, None, tmp_path / "backup", say)
    with (tmp_path / "backup" / archive.EVENTS).open() as lines:
        assert [tap.from_line(line).message_id for line in lines] == ["before"]


def test_what_leaves_in_the_moment_itself_makes_it_another_moment(kept: Kept) -> None:
    """What such an event tells of is in the snapshot, whichever of the two was first."""
    engine = make_engine(kept.admin, pool_size=1)
    calls = 0

    def hear() -> int:
        nonlocal calls
        calls += 1
        if calls != 2:
            return 0
        with connected(kept.admin) as conn:
            conn.execute("INSERT INTO intake.inbox (tenant, message_id) VALUES ('sandun', 'between')")
        return 1

    with archive._moment(engine, hear) as (conn, snapshot):
        assert snapshot
        seen = conn.execute(text("SELECT count(*) FROM intake.inbox WHERE message_id = 'between'"))
        assert seen.scalar_one() == 1
    engine.dispose()


def test_photos_that_are_being_written_or_were_swept_hold_up_nothing(
    tapped: tap.Tap, kept: Kept, tmp_path: Path
) -> None:
    (kept.photos / "ab" / "photo.webp.0011.part").write_bytes(b"pho")
    (kept.photos / "ab" / "swept.webp").symlink_to(kept.photos / "gone")  # it is listed, and cannot be read
    archive.create(kept.admin, tapped, kept.photos, tmp_path / "backup", lambda _: None)
    copied = [file.name for file in (tmp_path / "backup" / "photos" / "ab").iterdir()]
    assert copied == ["photo.webp"]


def test_one_that_fails_leaves_nothing(tapped: tap.Tap, kept: Kept, tmp_path: Path) -> None:
    os.mkfifo(kept.photos / "no-photo")
    with pytest.raises(shutil.Error, match="no-photo"):
        archive.create(kept.admin, tapped, kept.photos, tmp_path / "made" / "backup", lambda _: None)
    assert list((tmp_path / "made").iterdir()) == []


def test_the_options_of_the_databases_address_hold_for_its_programs(
    tapped: tap.Tap, kept: Kept, tmp_path: Path
) -> None:
    url = make_url(kept.admin)
    options = {"host": str(url.host), "port": str(url.port), "options": "-c timezone=UTC"}
    by_options = url._replace(host=None, port=None).update_query_dict(options)
    address = by_options.render_as_string(hide_password=False)
    archive.create(address, tapped, None, tmp_path / "backup", lambda _: None)
    with archive.scratch(address) as rehearsal:
        assert archive.load(tmp_path / "backup", rehearsal) == []


def test_a_rehearsals_database_goes_however_long_that_takes(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "STATEMENT_SECONDS", 1)
    with connected(kept.admin) as holding:
        with archive.scratch(kept.admin) as url:
            name = str(make_url(url).database)
            holding.autocommit = False
            holding.execute(f"COMMENT ON DATABASE {name} IS 'held'")
            release = threading.Timer(2.0, holding.rollback)
            release.start()
        release.join()
        there = holding.execute("SELECT count(*) FROM pg_database WHERE datname = %s", [name])
        assert there.fetchone() == (0,)


def test_waiting_for_longer_than_heartbeats_may_be_missed_keeps_the_connection(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tap, "STALE_SECONDS", 0.0)
    monkeypatch.setattr(wire, "HEARTBEAT_SECONDS", 1)
    declaring = Wire(broker.url, "topology")
    topology.declare(declaring.channel, topology.core_declarations())
    declaring.close()
    with tap.tapped(broker.url, broker.admin_url) as made:
        monkeypatch.setattr(tap.Tap, "_lengths", lambda _: {"intake.core": 1})
        assert made.settle(6.0) == ("intake.core",)
        publish(broker, "heard")
        assert [event.message_id for event in made.taken()] == ["heard"]


def test_what_waits_for_another_attempt_is_seen_at_once(broker: Broker, tapped: tap.Tap) -> None:
    """However short it waits: the management API would tell it seconds later."""
    unsent = Unsent("sandun", KEY, "failed once", None, b"{}")
    publisher = Publisher(broker.url, "test")
    wait = topology.wait_exchange("dispatch", 60_000)
    publisher.publish_all([replace(event(unsent, "intake", mandatory=True), exchange=wait)])
    publisher.close()
    assert tapped._lengths()["dispatch.wait.60000"] == 1
    assert "dispatch.wait.60000" in tapped.settle(0.0)


def test_a_queue_that_somebody_has_for_itself_is_passed_over(broker: Broker, tapped: tap.Tap) -> None:
    asked = {tapped._queue, topology.DEAD, "nowhere"}
    assert [queue.name for queue in counted(broker.url, asked, "test")] == [topology.DEAD]


def test_a_queue_that_never_empties_is_named(tapped: tap.Tap, monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = iter([{"intake.core": 2, "dispatch.core": 1}, {"intake.core": 0, "dispatch.core": 1}])
    monkeypatch.setattr(tap.Tap, "_lengths", lambda _: next(lengths, {"intake.core": 5, "dispatch.core": 1}))
    assert tapped.settle(1.0) == ("dispatch.core",)  # one that was empty once holds nothing from before


def test_a_difference_of_one_row_or_of_its_contents_is_found() -> None:
    manifest = Manifest("0", "t", {}, {"a.b": 2, "a.c": 1}, {"a.b": "x", "a.c": "y"}, 0, (), {})
    assert Manifest.from_text(manifest.as_text()) == manifest
    assert differences(manifest, {"a.b": 2, "a.c": 1}, {"a.b": "x", "a.c": "y"}) == []
    assert len(differences(manifest, {"a.b": 1}, {"a.b": "x"})) == 2
    assert "other contents" in differences(manifest, {"a.b": 2, "a.c": 1}, {"a.b": "z", "a.c": "y"})[0]
    with pytest.raises(ValueError, match="manifest"):
        Manifest.from_text(json.dumps({"rows": {}}))
