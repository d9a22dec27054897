"""A backup of a running district's database and broker: restored, nothing that was acknowledged is missing."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from qipan.backup import archive, tap
from qipan.backup.manifest import Manifest, differences
from qipan.contracts.events import ReportReceived
from qipan.messaging import topology
from qipan.messaging.outgoing import event
from qipan.messaging.publisher import Publisher
from qipan.messaging.wire import Wire
from qipan.storage import Database
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
