"""What the doctor makes of what it sees."""

import importlib
import json
import pkgutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from pydantic import ValidationError
from typer.testing import CliRunner

from qipan import doctor
from qipan.cli import commands
from qipan.doctor import Finding, Level, broker, clock, disk, pack, schema, worst
from qipan.doctor import settings as told
from qipan.settings import Settings
from qipan.storage import migrate
from qipan.storage.provision import SCHEMAS
from qipan.storage.revisions import Fit, fit, head

ROOT = Path(__file__).parents[3]
NOON = datetime(2026, 3, 9, 4, tzinfo=UTC)
WELL = schema.SchemaState(Fit.FITS, "b", "b")
QUEUES = [
    {"name": "dead", "messages": 3, "consumers": 0},
    *({"name": name, "messages": 0, "consumers": 1} for name in broker.needed()),
]


def said(findings: object) -> str:
    assert isinstance(findings, list | tuple)
    return " ".join(finding.what.en + " → " + finding.do.en for finding in findings)


def test_every_finding_that_is_not_well_says_what_to_do_in_both_languages() -> None:
    found = [
        *broker.gone(ConnectionError("refused")),
        *broker.look(
            [{"name": "n", "mem_alarm": True, "disk_free_alarm": True, "running": False}], [], broker.needed()
        ),
        *schema.gone(ConnectionError("refused")),
        *schema.look({"intake": schema.SchemaState(Fit.OLD, "a", "b", 90.0, ("reports",))}, 3),
        *schema.look({"intake": schema.SchemaState(Fit.NEWER, "z", "b")}, 0),
        *schema.refused(ValueError("42P01: it is not there")),
        *clock.look({"database": timedelta(seconds=30)}),
        *disk.look({"QIPAN_VAR": ROOT}, lambda _: (100, 99, 1)),
        *told.look(
            Settings(amqp_url="amqp://", clocks="[]", unguarded="no_outbox", database_url="mysql://x")
        ),
        *pack.look(ROOT / "docs"),
    ]
    found = [finding for finding in found if finding.level is not Level.OK]
    assert len(found) > 18
    for finding in found:
        assert finding.what.en
        assert finding.what.zh
        assert finding.do.en
        assert finding.do.zh


@pytest.mark.parametrize(("free", "level"), [(50, Level.OK), (10, Level.WARNING), (4, Level.FAULT)])
def test_a_disk_is_judged_by_what_is_left(free: int, level: Level) -> None:
    gigabyte = 1024**3
    usage = (100 * gigabyte, (100 - free) * gigabyte, free * gigabyte)
    assert worst(disk.look({"here": ROOT}, lambda _: usage)) == level


@pytest.mark.parametrize(("seconds", "level"), [(0.5, Level.OK), (-3, Level.WARNING), (-60, Level.FAULT)])
def test_clocks_must_agree_better_than_a_lease_lasts(seconds: float, level: Level) -> None:
    assert worst(clock.look({"broker": timedelta(seconds=seconds)})) == level


SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("shown", "took", "fineness", "apart"),
    [
        (0.0, 0.0, 0.0, 0.0),
        (4.0, 9.0, 0.0, 0.0),  # a slow answer is no clock's fault
        (12.0, 9.0, 0.0, 3.0),
        (-3.0, 9.0, 0.0, -3.0),
        (-0.9, 0.0, 1.0, 0.0),  # it shows whole seconds
        (-3.0, 0.0, 1.0, -2.0),
    ],
)
def test_what_reading_a_clock_took_is_not_taken_for_its_being_off(
    shown: float, took: float, fineness: float, apart: float
) -> None:
    found = clock.apart(NOON + shown * SECOND, NOON, NOON + took * SECOND, fineness * SECOND)
    assert found == apart * SECOND


def test_a_broker_is_well_when_every_queue_has_its_consumer() -> None:
    assert worst(broker.look([{"name": "n", "mem_alarm": False}], QUEUES, broker.needed())) == Level.OK


@pytest.mark.parametrize("name", sorted(broker.needed()))
def test_a_queue_without_consumer_is_a_fault_and_names_who_should(name: str) -> None:
    lonely = [{**queue, "consumers": 0} if queue["name"] == name else queue for queue in QUEUES]
    missing = [queue for queue in QUEUES if queue["name"] != name]
    for queues in (lonely, missing):
        found = broker.look([], queues, broker.needed())
        assert worst(found) == Level.FAULT
        assert name in said(found)


def test_dead_letters_that_nobody_fetches_are_the_stewards_fault() -> None:
    dead = {"name": "dead", "messages": 1_001, "consumers": 0}
    assert "start steward" in said(broker.look([], [*QUEUES[1:], dead], broker.needed()))
    assert "broker provision" in said(broker.look([], QUEUES[1:], broker.needed()))


def test_an_own_services_queue_that_fills_is_a_warning_and_a_waiting_one_is_nothing() -> None:
    own = {"name": "floodwatch@sandun", "messages": 3, "consumers": 0}
    waiting = {"name": "intake.wait.500", "messages": 3, "consumers": 0}
    long = {"name": "dispatch@sandun", "messages": 20_000, "consumers": 1}
    found = broker.look([], [*QUEUES, own, waiting, long], broker.needed())
    assert [finding.level for finding in found] == [Level.WARNING, Level.WARNING]
    assert "floodwatch@sandun" in said(found)
    assert "20000 messages wait" in said(found)


@pytest.mark.parametrize(
    ("state", "level", "do"),
    [
        (WELL, Level.OK, ""),
        (schema.SchemaState(Fit.OLD, "a", "b"), Level.FAULT, "qipan db migrate"),
        (schema.SchemaState(Fit.EMPTY, None, "b"), Level.FAULT, "qipan db migrate"),
        (schema.SchemaState(Fit.NEWER, "c", "b"), Level.FAULT, "restore a backup"),
        (schema.SchemaState(Fit.FITS, "b", "b", 61.0), Level.WARNING, "outbox-grows.md"),
        (schema.SchemaState(Fit.FITS, "b", "b", 0.0, ("cases",)), Level.FAULT, "qipan db provision"),
    ],
)
def test_a_schema_is_judged_by_its_revision_its_outbox_and_its_walls(
    state: schema.SchemaState, level: Level, do: str
) -> None:
    found = schema.look({"dispatch": state}, 0)
    assert worst(found) == level
    assert do in said(found)


def test_every_malformed_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QIPAN_BATCH_SIZE", "many")
    monkeypatch.setenv("QIPAN_LOG", "loud")
    monkeypatch.setenv("QIPAN_SESSION_SECONDS", "-1")
    with pytest.raises(ValidationError) as raised:
        Settings()
    found = told.malformed(raised.value)
    for name in ("QIPAN_BATCH_SIZE", "QIPAN_LOG", "QIPAN_SESSION_SECONDS"):
        assert name in said(found)


def test_an_address_in_a_setting_is_never_printed() -> None:
    found = told.look(
        Settings(amqp_url="http://u:hunter2@h", database_url="x://u:hunter2@h", smtp_url="hunter2")
    )
    assert len(found) >= 3
    assert "hunter2" not in json.dumps([finding.as_json() for finding in found])


@pytest.mark.parametrize("service", SCHEMAS)
def test_the_newest_revision_is_alembics(service: str) -> None:
    folder = ROOT / "services" / service / "migrations" / "versions"
    script: ScriptDirectory = migrate.script_directory(service, ROOT / "services")
    known = [each.revision for each in script.walk_revisions()]
    assert head(folder) == script.get_current_head()
    assert fit(head(folder), folder) is Fit.FITS
    assert fit("from-tomorrow", folder) is Fit.NEWER
    assert fit(None, folder) is Fit.EMPTY
    assert all(fit(old, folder) is Fit.OLD for old in known[1:])


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ([Finding("a", Level.OK, told.Words("好", "well"))], 0),
        ([Finding("a", Level.WARNING, told.Words("少", "little"), told.Words("做", "act"))], 2),
        ([Finding("a", Level.FAULT, told.Words("坏", "bad"), told.Words("修", "mend"))] * 2, 1),
    ],
)
def test_the_command_answers_with_its_exit_code_and_speaks_both_languages_and_json(
    findings: list[Finding], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qipan.cli.doctor.examine", lambda: findings)
    runner = CliRunner()
    machine = runner.invoke(commands, ["doctor", "--json"])
    assert machine.exit_code == code
    answer = json.loads(machine.stdout)
    assert [each["what"]["zh"] for each in answer["findings"]] == [finding.what.zh for finding in findings]
    assert answer["level"] == worst(findings)
    assert runner.invoke(commands, ["doctor", "--language", "zh"]).exit_code == code


def test_a_look_makes_no_installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QIPAN_VAR", str(tmp_path / "var"))
    monkeypatch.chdir(ROOT)
    answer = CliRunner().invoke(commands, ["doctor", "--json"])
    assert answer.exit_code == 1
    assert "there is no installation" in answer.stdout
    assert not (tmp_path / "var").exists()


def test_every_check_has_a_module_of_its_own() -> None:
    names = {module.name for module in pkgutil.iter_modules(doctor.__path__)}
    assert names == {"broker", "clock", "disk", "examine", "finding", "pack", "schema", "settings"}
    for name in names - {"examine", "finding"}:
        assert hasattr(importlib.import_module(f"qipan.doctor.{name}"), "look")
