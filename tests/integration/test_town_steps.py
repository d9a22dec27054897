"""The steps of `qipan town add` and `remove` on a real broker and database: interrupted anywhere, refused in time."""

import base64
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import Engine, create_engine, text

from qipan.hosting import town_steps
from qipan.hosting.credentials import Credentials
from qipan.hosting.embedded import EmbeddedBroker
from qipan.hosting.prepare import migrate_database, provision_broker, provision_database
from qipan.hosting.town_steps import Place, Step, adding, removing, run
from qipan.ids import new_id
from qipan.messaging import management, topology
from qipan.messaging.provision import ProvisionError, user_url
from qipan.messaging.publisher import Fate, Publisher
from qipan.messaging.wire import Outgoing
from qipan.settings import Settings
from qipan.tenancy import load_district
from qipan.tenancy.new_town import NewTown
from qipan.tenancy.toml import to_toml
from qipan.tenancy.town_desk import Archive, TownDesk, TownRefused
from qipan.testing import Databases

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
CORNERS = [[120.09, 30.283], [120.105, 30.283], [120.105, 30.295], [120.09, 30.295], [120.09, 30.283]]
TOWN = "hebin"
HEBIN = NewTown(TOWN, "330106015", "河滨街道", "Hebin Sub-district", 40_000)
CRIER = {"services": [{"name": "crier", "class": "crier.py:Crier", "subscribes": ["case.filed.v1"]}]}


class Cut(Exception):
    """The power is cut."""


@dataclass
class Here:
    """Servers of a district, of which nothing runs."""

    place: Place
    engine: Engine
    outline: Path
    kept: Path

    @property
    def pack(self) -> Path:
        return self.place.settings.district

    def adding(self, archive: Archive | None = None) -> tuple[Step, ...]:
        def fresh(desk: TownDesk) -> object:
            return desk.add(HEBIN, self.outline, {})

        change = fresh if archive is None else lambda desk: desk.restore(archive)
        return adding(self.place, TOWN, change, archive)  # type: ignore[arg-type]

    def removing(self, *, anyway: bool = False) -> tuple[Step, ...]:
        return removing(self.place, TOWN, "wenxin", self.kept, anyway=anyway)

    def add(self) -> None:
        run(self.adding(), lambda line: None)

    def remove(self, *, anyway: bool = False) -> list[str]:
        said: list[str] = []
        run(self.removing(anyway=anyway), said.append)
        return said

    def give_crier(self, town: str) -> None:
        shutil.copy(ROOT / "docs/howto/own-service/crier.py", self.pack / "towns" / town)
        pack = self.pack / f"towns/{town}/town.toml"
        pack.write_text(pack.read_text("utf-8") + "\n" + to_toml(CRIER), "utf-8")
        servers, settings = self.place.servers, self.place.settings
        assert servers is not None
        secret = self.place.credentials().secret
        provision_broker(
            load_district(self.pack),
            servers.amqp_url,
            servers.amqp_management_url,
            secret,
            settings.core_user,
        )

    def of(self, town: str) -> set[str]:
        """What carries a town's name: its user, queues, bindings, roles."""
        url, vhost = self.place.settings.amqp_management_url, self.place.settings.amqp_url.rpartition("/")[2]
        users, _ = management.asked(url, "users")
        bindings, _ = management.asked(url, f"bindings/{vhost}")
        with self.engine.connect() as conn:
            roles = conn.execute(
                text("SELECT rolname FROM pg_roles WHERE rolname LIKE :name"), {"name": f"qipan_%_{town}"}
            ).scalars()
            mapped = conn.execute(text("SELECT role FROM tenancy.roles WHERE tenant = :town"), {"town": town})
            return {
                *(f"user {user['name']}" for user in users if user["name"] == town),
                *(name for name in management.queues(url, vhost) if name.endswith(f"@{town}")),
                *(
                    f"key {b['routing_key']}"
                    for b in bindings
                    if str(b["routing_key"]).startswith(f"{town}.")
                ),
                *(f"role {role}" for role in roles),
                *(f"mapped {role}" for role in mapped.scalars()),
            }

    def exchanges(self) -> set[str]:
        url, vhost = self.place.settings.amqp_management_url, self.place.settings.amqp_url.rpartition("/")[2]
        found, _ = management.asked(url, f"exchanges/{quote(vhost, safe='')}")
        return {str(each["name"]) for each in found}

    def execute(self, statement: str) -> None:
        with self.engine.begin() as conn:
            conn.execute(text(statement))


def migrated(url: str) -> None:
    """A district's database, once for all tests: what each adds is its own password."""
    with tempfile.TemporaryDirectory() as var:
        credentials = Credentials.kept_in(Path(var))
        provision_database(url, credentials.secret, load_district(ROOT / "districts/xihu"))
        migrate_database(url, credentials, Settings(var=Path(var)), ROOT / "services")


@pytest.fixture
def here(
    broker_node: EmbeddedBroker, database_url: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Here]:
    shutil.copytree(ROOT / "districts", tmp_path / "districts", ignore=shutil.ignore_patterns("__pycache__"))
    for pack in (tmp_path / "districts").rglob("*.toml"):
        pack.write_text(re.sub(r"\[\[services\]\]\n(.+\n)+", "", pack.read_text("utf-8")), "utf-8")
    feature = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [CORNERS]}}
    outline = tmp_path / "outline.geojson"
    outline.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    vhost = f"steps-{new_id()}"
    settings = Settings(
        amqp_url=broker_node.create_vhost(vhost),
        amqp_management_url=broker_node.admin_url,
        database_url=database_url(migrated),
        district=tmp_path / "districts/xihu",
        var=tmp_path / "var",
    )
    place = Place.of(settings)
    assert place.servers is not None
    district, credentials = load_district(settings.district), place.credentials()
    provision_database(settings.database_url, credentials.secret, district)
    provision_broker(
        district, settings.amqp_url, settings.amqp_management_url, credentials.secret, settings.core_user
    )
    monkeypatch.setattr(town_steps, "WAIT_SECONDS", 0.2)
    engine = create_engine(settings.database_url)
    yield Here(place, engine, outline, tmp_path / "kept.zip")
    engine.dispose()
    broker_node.delete_vhost(vhost)


def cut_at(steps: Sequence[Step], number: int) -> None:
    """Run steps up to the one of a number, and cut before it says that it is done."""

    def cut(step: Step) -> Callable[[], str]:
        def do() -> str:
            step.do()
            raise Cut

        return do

    broken = [Step(each.name, cut(each)) if at == number else each for at, each in enumerate(steps)]
    with pytest.raises(Cut):
        run(broken, lambda line: None)


@pytest.mark.timeout(600)
def test_whoever_is_cut_off_at_any_step_goes_on_with_the_same_command(here: Here) -> None:
    whole = {
        "user hebin",
        *(
            f"{what} qipan_{service}_hebin"
            for what in ("role", "mapped")
            for service in topology.core_subscriptions()
        ),
    }
    others, ways = here.of("wenxin"), len(here.adding())
    for number in range(8):
        cut_at(here.adding(), number % ways)
        here.add()
        assert here.of(TOWN) == whole
        cut_at(here.removing(), number)
        here.remove()
        assert here.of(TOWN) == set()
    assert len(here.removing()) == 5  # what is done of it was left out: it ends as it should
    here.remove()
    assert here.of("wenxin") == others


def test_without_a_broker_that_answers_the_pack_waits_for_the_next_try(here: Here) -> None:
    servers = here.place.servers
    assert servers is not None
    gone = Place(
        here.place.settings, type(servers)(servers.amqp_url, "http://a:b@127.0.0.1:9", servers.database_url)
    )
    with pytest.raises(ProvisionError, match="cannot be reached"):
        run(adding(gone, TOWN, lambda desk: desk.add(HEBIN, here.outline, {}), None), lambda line: None)
    assert "user hebin" not in here.of(TOWN)
    here.add()
    assert "user hebin" in here.of(TOWN)


CASE = (
    "INSERT INTO dispatch.cases (tenant, id, report_id, version, stage, cells, limits, state)"
    " VALUES ('{tenant}', 'c1', 'r1', 1, '{stage}', '{{}}', '{{}}', '{{\"case_id\": \"c1\"}}')"
)
OUTBOX = "INSERT INTO intake.outbox (tenant, key, message_id, body) VALUES ('hebin', 'hebin.a.v1', 'm1', '')"
LETTER = (
    "INSERT INTO steward.dead_letters (tenant, id, service, message_id, key, reason, traceback, properties, headers,"
    " body, redrives) VALUES ('hebin', 'l1', 'dispatch', 'm1', 'hebin.a.v1', 'why', '', '{}', '{}', 'abc', 0)"
)
TIMER = (
    "INSERT INTO dispatch.timers VALUES ('hebin', 'stage-due', 'c1', '2030-01-01T00:00:00Z', '{\"a\": 1}')"
)


@pytest.mark.parametrize(
    ("there", "mended", "why"),
    [
        (
            CASE.format(tenant="hebin", stage="offered"),
            "UPDATE dispatch.cases SET stage = 'closed'",
            "1 open cases",
        ),
        (
            CASE.format(tenant="hebin~ex7", stage="filed"),
            "UPDATE dispatch.cases SET stage = 'voided'",
            "1 open cases",
        ),
        (
            CASE.format(tenant="wenxin", stage="offered")
            + "; INSERT INTO dispatch.parties VALUES ('wenxin', 'c1', 'hebin') ON CONFLICT DO NOTHING",
            "DELETE FROM dispatch.parties WHERE party = 'hebin'",
            "1 open cases of others that it takes part in",
        ),
        (OUTBOX, "DELETE FROM intake.outbox", "1 messages in an outbox"),
        (LETTER, "UPDATE steward.dead_letters SET state = 'discarded'", "1 open dead letters"),
    ],
)
def test_what_is_open_keeps_it_and_nothing_is_touched(here: Here, there: str, mended: str, why: str) -> None:
    here.add()
    here.execute(there)
    before = here.of(TOWN)
    with pytest.raises(TownRefused, match=f"hebin has {why}"):
        here.remove()
    assert here.of(TOWN) == before
    assert not here.kept.exists()
    assert (here.pack / "towns/hebin").exists()
    here.execute(mended)
    here.remove()
    assert here.of(TOWN) == set()


def test_what_is_open_goes_into_the_archive_and_its_clocks_come_back(here: Here) -> None:
    here.add()
    for statement in (CASE.format(tenant="hebin", stage="offered"), LETTER, TIMER):
        here.execute(statement)
    said = here.remove(anyway=True)
    assert any("1 open cases, 1 open dead letters: goes into the archive" in line for line in said)
    kept = Archive(here.kept)
    assert kept.index["cases"] == [{"tenant": "hebin", "state": {"case_id": "c1"}}]
    assert base64.b64decode(kept.index["letters"][0]["body"]) == b"abc"
    with here.engine.connect() as conn:
        timers = text("SELECT tenant, kind, ref, extract(year FROM due_at), payload FROM dispatch.timers")
        assert conn.execute(timers).all() == []
        assert conn.execute(text("SELECT stage FROM dispatch.cases")).scalars().all() == ["offered"]
    for _ in range(2):
        run(here.adding(Archive(here.kept)), lambda line: None)
    with here.engine.connect() as conn:
        assert conn.execute(timers).all() == [("hebin", "stage-due", "c1", 2030, {"a": 1})]


def test_a_queue_with_messages_is_not_deleted_and_a_neighbours_of_that_name_stays(here: Here) -> None:
    here.add()
    for town in ("wenxin", TOWN):
        here.give_crier(town)
    others = here.of("wenxin")
    assert {"crier@hebin", "key hebin.case.filed.v1"} <= here.of(TOWN)
    settings = here.place.settings
    publisher = Publisher(user_url(settings.amqp_url, "core", here.place.credentials().secret), "test")
    message = Outgoing(
        topology.inbox("crier"), "hebin.case.filed.v1", b"{}", {"message_id": "m1", "delivery_mode": 2}
    )
    assert publisher.publish_all([message]) == [Fate.CONFIRMED]
    with pytest.raises(TownRefused, match="1 messages in its queues"):
        here.remove(anyway=True)
    assert publisher.wire.channel.basic_get("crier@hebin", no_ack=True) is not None
    here.remove()
    publisher.close()
    assert here.of(TOWN) == set()
    assert here.of("wenxin") == others
    assert topology.inbox("crier") in here.exchanges()


def test_what_came_in_amid_the_removal_stops_it_until_the_town_is_back_to_take_it(here: Here) -> None:
    here.add()
    here.give_crier(TOWN)
    cut_at(here.removing(), 3)
    settings = here.place.settings
    publisher = Publisher(user_url(settings.amqp_url, "core", here.place.credentials().secret), "test")
    message = Outgoing(
        topology.inbox("crier"), "hebin.case.filed.v1", b"{}", {"message_id": "m1", "delivery_mode": 2}
    )
    assert publisher.publish_all([message]) == [Fate.CONFIRMED]
    with pytest.raises(TownRefused, match=r"crier@hebin has 1 messages.*town add hebin --from"):
        here.remove()
    run(here.adding(Archive(here.kept)), lambda line: None)
    assert publisher.wire.channel.basic_get("crier@hebin", no_ack=True) is not None
    publisher.close()
    here.remove()
    assert here.of(TOWN) == set()


def test_what_only_its_service_used_goes_with_it(here: Here) -> None:
    before = here.exchanges()
    here.add()
    here.give_crier(TOWN)
    assert topology.inbox("crier") in here.exchanges()
    cut_at(here.removing(), 3)  # the pack is gone, so the archive must say what it added
    here.remove()
    assert here.of(TOWN) == set()
    assert here.exchanges() == before


@pytest.mark.parametrize("name", ["core", "qipan"])
def test_no_town_is_called_like_a_user_with_more_rights(here: Here, name: str) -> None:
    town = NewTown(name, "330106015", "河滨", "Hebin", 40_000)
    steps = adding(here.place, name, lambda desk: desk.add(town, here.outline, {}), None)
    with pytest.raises(TownRefused, match="user with rights of its own"):
        run(steps, lambda line: None)
    assert not (here.pack / "towns" / name).exists()


def test_a_file_of_another_towns_is_not_overwritten(here: Here) -> None:
    here.add()
    desk = here.place.desk()
    desk.archive("wenxin", here.kept, {})
    with pytest.raises(TownRefused, match="another town's"):
        here.remove()
    assert Archive(here.kept).town == "wenxin"
