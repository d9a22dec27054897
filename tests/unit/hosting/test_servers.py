"""Which servers a command talks to: those of the settings, else those that run here."""

from pathlib import Path

import pytest

from qipan.hosting.servers import NotRunning, Servers, known_broker, known_database, servers
from qipan.settings import Settings

GIVEN = {
    "amqp_url": "amqp://a:b@broker/qipan",
    "amqp_management_url": "http://a:b@broker:15672",
    "database_url": "postgresql://a:b@db/qipan",
}


def test_servers_given_from_outside_are_used_and_nothing_is_started(tmp_path: Path) -> None:
    said: list[str] = []
    with servers(Settings(var=tmp_path, **GIVEN), said.append) as found:
        assert found == Servers(**GIVEN)
        assert said == []
        assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_while_they_run_other_commands_find_them_and_afterwards_they_do_not(tmp_path: Path) -> None:
    elsewhere = Settings(var=tmp_path)
    with servers(Settings(var=tmp_path, **GIVEN), lambda text: None):
        assert (tmp_path / "run" / "servers.json").stat().st_mode & 0o777 == 0o600
        assert known_database(elsewhere) == GIVEN["database_url"]
        assert known_broker(elsewhere) == (GIVEN["amqp_url"], GIVEN["amqp_management_url"])
    with pytest.raises(NotRunning, match="qipan up"):
        known_database(elsewhere)
    with pytest.raises(NotRunning, match="QIPAN_AMQP_URL"):
        known_broker(elsewhere)


def test_the_settings_come_first(tmp_path: Path) -> None:
    mine = Settings(var=tmp_path, database_url="postgresql://me@here/mine", amqp_url="amqp://me@here/mine")
    with servers(Settings(var=tmp_path, **GIVEN), lambda text: None):
        assert known_database(mine) == "postgresql://me@here/mine"
        assert known_broker(mine) == ("amqp://me@here/mine", "")
