"""`qipan town add` and `qipan town remove` on a district that runs: a town comes, serves itself, and leaves nothing."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, create_engine, text

from qipan.access import Principal, Role, Signer
from qipan.contracts.base import Request
from qipan.contracts.case import CaseState
from qipan.contracts.commands import VoidCase
from qipan.hosting.embedded import EmbeddedBroker, EmbeddedPostgres
from qipan.hosting.plan import plan
from qipan.hosting.running import DOOR, RunningDistrict, run_district
from qipan.ids import new_id
from qipan.messaging import management
from qipan.messaging.client import Client
from qipan.messaging.provision import user_url
from qipan.settings import Settings
from qipan.tenancy import load_district
from qipan.tenancy.new_town import NewTown

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
UNNEEDED = ("notify", "analytics", "gateway")
CORNERS = [[120.09, 30.283], [120.105, 30.283], [120.105, 30.295], [120.09, 30.295], [120.09, 30.283]]
IN_TOWN, BESIDE = (120.092, 30.289), (120.135, 30.270)
QIAOXI = NewTown("qiaoxi", "330106014", "桥西街道", "Qiaoxi Sub-district", 60_000, ("dispatch",))


@dataclass
class Here:
    """A running district in a folder of its own, and its command line."""

    running: RunningDistrict
    client: Client
    engine: Engine
    outline: Path
    admin_url: str
    reports: int = 0

    def qipan(self, *words: str) -> subprocess.CompletedProcess[str]:
        settings = self.running.settings
        kept = {name: value for name, value in os.environ.items() if not name.startswith("QIPAN_")}
        env = {
            **kept,
            "PYTHONPATH": str(ROOT),
            "QIPAN_DISTRICT": str(settings.district),
            "QIPAN_VAR": str(settings.var),
        }
        return subprocess.run(
            [sys.executable, "-m", "qipan", *words],
            env=env,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )

    def add(self) -> str:
        words = [
            "--name-zh",
            QIAOXI.zh,
            "--name-en",
            QIAOXI.en,
            "--code",
            QIAOXI.code,
            "--population",
            "60000",
        ]
        done = self.qipan(
            "town", "add", "qiaoxi", *words, "--outline", str(self.outline), "--service", "dispatch"
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def report(self, where: tuple[float, float]) -> str:
        self.reports += 1
        lon, lat = where[0] + self.reports * 0.0005, where[1]  # one that is too near would be the same report
        answer = httpx.post(
            f"{self.running.host.url(DOOR)}/v1/reports",
            json={"text": "路边垃圾成堆", "matter": "s:06010", "lon": lon, "lat": lat},
            timeout=20,
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["report_id"])

    def case_of(self, report_id: str) -> CaseState:
        def found() -> CaseState | None:
            with self.engine.connect() as conn:
                asked = text("SELECT state FROM dispatch.cases WHERE report_id = :id")
                state = conn.execute(asked, {"id": report_id}).scalar()
            return None if state is None else CaseState.model_validate(state)

        return until(found)

    def ask(self, sub: str, request: Request[Any], tenant: str) -> Any:
        district = load_district(self.running.settings.district)
        person = next(person for person in district.people if person.id == sub)
        principal = Principal(
            sub=sub, name=sub, tenant=tenant, roles=frozenset(Role(role) for role in person.roles)
        )
        token = Signer(self.running.credentials.signing_key).token(principal, 600)
        return self.client.call(request, tenant=tenant, principal=token, timeout=10)

    def left_of(self, town: str) -> list[str]:
        """All that carries the town's name on the broker and among the roles."""
        vhost = self.running.settings.amqp_url.rpartition("/")[2]
        users, _ = management.asked(self.admin_url, "users")
        queues = management.queues(self.admin_url, vhost)
        bindings, _ = management.asked(self.admin_url, f"bindings/{vhost}")
        with self.engine.connect() as conn:
            roles = conn.execute(
                text("SELECT rolname FROM pg_roles WHERE rolname LIKE :name"), {"name": f"qipan_%_{town}"}
            ).scalars()
            mapped = conn.execute(
                text("SELECT role FROM tenancy.roles WHERE tenant = :town"), {"town": town}
            ).scalars()
            timers = [
                f"{schema} timer {ref}"
                for schema in ("intake", "dispatch", "notify", "analytics")
                for ref in conn.execute(
                    text(f"SELECT ref FROM {schema}.timers WHERE tenant = :town"), {"town": town}
                ).scalars()
            ]
            return [
                *(str(user["name"]) for user in users if user["name"] == town),
                *(name for name in queues if f"@{town}" in name),
                *(
                    str(each["routing_key"])
                    for each in bindings
                    if str(each["routing_key"]).startswith(f"{town}.")
                ),
                *map(str, roles),
                *map(str, mapped),
                *timers,
            ]


def until(found: Callable[[], Any], seconds: float = 60.0) -> Any:
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.1)
    return value


@pytest.fixture(scope="module")
def here(
    broker_node: EmbeddedBroker, postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Here]:
    folder = tmp_path_factory.mktemp("comes")
    shutil.copytree(ROOT / "districts", folder / "districts", ignore=shutil.ignore_patterns("__pycache__"))
    for pack in (folder / "districts").rglob(
        "*.toml"
    ):  # others' own services take a small machine half a minute
        pack.write_text(re.sub(r"\[\[services\]\]\n(.+\n)+", "", pack.read_text("utf-8")), "utf-8")
    outline = folder / "outline.geojson"
    shape = {"type": "Polygon", "coordinates": [CORNERS]}
    feature = {"type": "Feature", "properties": {}, "geometry": shape}
    outline.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    vhost = f"comes-{new_id()}"
    settings = Settings(
        amqp_url=broker_node.create_vhost(vhost),
        amqp_management_url=broker_node.admin_url,
        database_url=postgres.create_database(f"comes_{new_id().replace('-', '')}"),
        district=folder / "districts/xihu",
        var=folder / "var",
    )
    with run_district(
        settings,
        say=lambda text: None,
        processes=lambda district: [spec for spec in plan(district) if spec.service not in UNNEEDED],
    ) as running:
        core_url = user_url(settings.amqp_url, "core", running.credentials.secret)
        client = Client(core_url, "test")
        client.start(seconds=10)
        engine = create_engine(settings.database_url)
        yield Here(running, client, engine, outline, broker_node.admin_url)
        engine.dispose()
        client.stop()
    broker_node.delete_vhost(vhost)


@pytest.mark.timeout(900)
def test_a_town_comes_serves_itself_and_leaves_nothing_but_what_it_did(here: Here) -> None:
    before = here.report(IN_TOWN)
    assert here.case_of(before).tenant == "wenxin"
    door = here.running.host.url(DOOR)
    said = here.add()
    assert "4/4 processes: all read the pack anew" in said
    assert here.running.host.url(DOOR) == door
    report_id = here.report(IN_TOWN)
    case = here.case_of(report_id)
    assert (case.tenant, case.served_by) == ("qiaoxi", "dispatch@qiaoxi")

    refused = here.qipan("town", "remove", "qiaoxi", "--to", "wenxin")
    assert refused.returncode == 1
    assert "qiaoxi has 1 open cases" in refused.stderr
    assert here.case_of(here.report(IN_TOWN)).tenant == "qiaoxi"  # nothing was taken from it
    for each in open_cases(here, "qiaoxi"):
        here.ask("qiaoxi.shift-leader.1", VoidCase(case_id=each, reason="示例"), "qiaoxi")
    done = here.qipan("town", "remove", "qiaoxi", "--to", "wenxin")
    assert done.returncode == 0, done.stdout + done.stderr
    assert here.left_of("qiaoxi") == []
    assert here.left_of("wenxin") != []
    after = here.case_of(here.report(IN_TOWN))
    assert (after.tenant, after.served_by) == ("wenxin", "dispatch")
    assert here.case_of(here.report(BESIDE)).tenant == "beishan"
    assert here.case_of(report_id).tenant == "qiaoxi"
    with here.engine.connect() as conn:
        told = conn.execute(
            text("SELECT what FROM dispatch.history WHERE case_id = :id ORDER BY version"),
            {"id": case.case_id},
        ).scalars()
        assert list(told)[-1] == "void"

    kept = here.running.settings.var / "towns/qiaoxi.zip"
    back = here.qipan("town", "add", "qiaoxi", "--from", str(kept))
    assert back.returncode == 0, back.stdout + back.stderr
    case = here.case_of(here.report(IN_TOWN))
    assert (case.tenant, case.served_by) == ("qiaoxi", "dispatch@qiaoxi")


def open_cases(here: Here, town: str) -> list[str]:
    with here.engine.connect() as conn:
        asked = text(
            "SELECT id FROM dispatch.cases WHERE tenant = :town AND stage NOT IN ('closed', 'voided')"
        )
        return list(conn.execute(asked, {"town": town}).scalars())
