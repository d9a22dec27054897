"""An embedded server's directory: one user at a time, the same ports and password from run to run."""

import socket
from pathlib import Path

import pytest

from qipan.hosting.embedded import home
from qipan.hosting.embedded.home import Home, InUse, free_port


def test_ports_and_secrets_are_remembered(tmp_path: Path) -> None:
    first = Home(tmp_path, "server")
    port, secret = first.port("amqp"), first.secret("password")
    first.release()
    again = Home(tmp_path, "server")
    assert (again.port("amqp"), again.secret("password")) == (port, secret)
    assert again.port("other") != port
    again.release()


def test_a_port_that_somebody_took_is_replaced(tmp_path: Path) -> None:
    first = Home(tmp_path, "server")
    port = first.port("amqp")
    first.release()
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        again = Home(tmp_path, "server")
        assert again.port("amqp") != port
        again.release()


def test_only_the_owner_can_read_the_password(tmp_path: Path) -> None:
    made = Home(tmp_path, "server")
    made.secret("password")
    assert (made.path / "state.json").stat().st_mode & 0o777 == 0o600
    made.release()


def test_a_directory_is_used_by_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "PATIENCE", 0.0)
    first = Home(tmp_path, "server")
    with pytest.raises(InUse, match="choose another directory"):
        Home(tmp_path, "server")
    first.release()
    Home(tmp_path, "server").release()


def test_ports_lie_outside_the_range_from_which_clients_get_theirs() -> None:
    """Else a client that reconnects to a server which is down can connect to itself and keep its port."""
    low, high = (int(part) for part in Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    assert all(not low <= free_port() <= high for _ in range(50))
