"""Partitions of the totals are closed to tenants: they reach their rows through the table, and make no months."""

from datetime import timedelta
from typing import Any

import pytest
from case_samples import MORNING
from months_desk import MARCH, SERVICES, as_role, keep, made, put, totals
from nameko.testing.services import worker_factory
from projection_desk import xihu
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from qipan.doctor import examine
from qipan.storage import Database, migrate, walls
from qipan.storage.provision import provision, service_url, tenant_url
from qipan.tenancy import TestClock
from qipan.testing import Databases
from services.analytics.league import weights_of
from services.analytics.service import Analytics

SECRET = "of this test"


@pytest.fixture
def walled(database_url: Databases) -> str:
    """An administrator's URL: analytics with its roles and walls."""
    url = database_url()
    provision(url, SECRET, tenants=("sandun", "wenxin"))
    core = service_url(url, "analytics", SECRET)
    migrate.migrate(core, "analytics", SERVICES)
    walls.raise_walls(core, "analytics", SERVICES / "analytics")
    return url


def test_a_tenants_role_reaches_its_rows_through_the_table_and_no_partition_at_all(walled: str) -> None:
    with as_role(service_url(walled, "analytics", SECRET)) as core:
        for tenant in ("sandun", "wenxin"):
            put(core, MORNING, tenant)
        keep(core)
        for tenant in ("sandun", "wenxin"):
            put(core, MORNING - timedelta(days=900), tenant)
    with as_role(tenant_url(walled, "analytics", "sandun", SECRET)) as sandun:
        key = put(sandun, MORNING)  # the hot statement itself, into a month and into the default partition
        put(sandun, MORNING - timedelta(days=900))
        assert totals(sandun)[key] == {"received": 2}
        assert totals(sandun, "wenxin") == {}
        with pytest.raises(ProgrammingError, match="row-level security"):
            put(sandun, MORNING, "wenxin")
        assert reached(sandun) == []


ATTACKS = (
    "SELECT tenant FROM {}",
    "UPDATE {} SET received = received",
    "DELETE FROM {}",
    "INSERT INTO {} VALUES ('sandun', 'hour', '2026-03-05', 'forged')",
    "TRUNCATE {}",
    "ALTER TABLE analytics.totals DETACH PARTITION {}",
    "DROP TABLE {}",
)


def reached(database: Database) -> list[str]:
    """What a role can do to partitions directly."""
    found = []
    for partition in ("totals_epoch", "totals_other", "totals_2026_03"):
        for attack in ATTACKS:
            try:
                with database.begin() as work:
                    done = work.conn.execute(text(attack.format(f"analytics.{partition}")))
                    found += [attack] * done.rowcount
            except ProgrammingError:
                pass
    return found


@pytest.mark.parametrize(
    "opened",
    [
        "ALTER TABLE analytics.totals_2026_03 DISABLE ROW LEVEL SECURITY;"
        "GRANT SELECT ON analytics.totals_2026_03 TO qipan_analytics_of_tenants",
        "GRANT SELECT (tenant) ON analytics.totals_2026_03 TO PUBLIC;"
        "CREATE POLICY all_of_it ON analytics.totals_2026_03 USING (true)",
    ],
)
def test_control_an_opened_partition_is_reached_and_closed_again(walled: str, opened: str) -> None:
    core_url = service_url(walled, "analytics", SECRET)
    with as_role(core_url) as core, as_role(tenant_url(walled, "analytics", "sandun", SECRET)) as sandun:
        put(core, MORNING, "wenxin")
        keep(core)
        assert reached(sandun) == []
        with core.begin() as work:
            for statement in opened.split(";"):
                work.conn.execute(text(statement))
        assert reached(sandun) == [ATTACKS[0]]
        walls.raise_walls(core_url, "analytics", SERVICES / "analytics")
        assert reached(sandun) == []
        assert totals(core, "wenxin") != {}


def test_new_partitions_do_not_make_the_walls_be_raised_again(
    walled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    core_url = service_url(walled, "analytics", SECRET)
    ran: list[str] = []
    run = walls._run
    monkeypatch.setattr(walls, "_run", lambda conn, lines: run(conn, [*map(noted(ran), lines)]))
    walls.raise_walls(core_url, "analytics", SERVICES / "analytics")
    assert ran == []
    with as_role(core_url) as core:
        keep(core)
        walls.raise_walls(core_url, "analytics", SERVICES / "analytics")
        assert ran == []
        with core.begin() as work:  # the control
            work.conn.execute(text("ALTER TABLE analytics.totals_2026_03 NO FORCE ROW LEVEL SECURITY"))
        walls.raise_walls(core_url, "analytics", SERVICES / "analytics")
        assert ran != []


def test_the_doctor_finds_every_partition_walled(walled: str) -> None:
    with as_role(service_url(walled, "analytics", SECRET)) as core:
        keep(core)
        assert unwalled(core) == ()
        with core.begin() as work:  # the control
            work.conn.execute(text("ALTER TABLE analytics.totals_2026_03 DISABLE ROW LEVEL SECURITY"))
        assert unwalled(core) == ("totals_2026_03",)


def unwalled(database: Database) -> tuple[str, ...]:
    return examine._kept(database.engine, "analytics")[1]


def noted(ran: list[str]) -> Any:
    def note(statement: str) -> str:
        ran.append(statement)
        return statement

    return note


def test_only_the_cores_role_makes_months(walled: str) -> None:
    def service(url: str, tenant: str | None) -> tuple[Analytics, Database]:
        database = Database(url, schema="analytics", clocks=TestClock(MORNING), pool_size=1)
        made = worker_factory(Analytics, db=database, district=xihu(), weights=weights_of(xihu()))
        made.tenant = tenant
        return made, database

    core_url, town_url = (
        service_url(walled, "analytics", SECRET),
        tenant_url(walled, "analytics", "sandun", SECRET),
    )
    town, towns = service(town_url, "sandun")
    core, cores = service(core_url, None)
    try:
        town.keep_months()
        assert made(cores) == []
        with pytest.raises(ProgrammingError, match="permission denied"):
            keep(towns)
        assert made(cores) == []
        core.keep_months()
        assert made(cores)[0] == MARCH
    finally:
        towns.close()
        cores.close()
