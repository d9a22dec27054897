"""The process host and its control socket, with small stand-ins for the services."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from qipan.hosting.control import Ask, Control, ask
from qipan.hosting.guarded import StartError
from qipan.hosting.plan import spec_of
from qipan.hosting.port import Refused, State, Status
from qipan.hosting.processes import ProcessHost
from qipan.hosting.servers import NotRunning
from qipan.tenancy import District, PackError, PackFault, ServiceSpec, load_district

# Ready at once; ends on SIGTERM with a last word.
STAND_IN = """
import http.server, os, signal, sys, threading
class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *_): pass
port = int(os.environ.get("QIPAN_OPS_PORT") or os.environ["QIPAN_PORT"])
server = http.server.HTTPServer(("127.0.0.1", port), Answers)
def end(*_):
    print("finished what it held", flush=True); os._exit(0)
signal.signal(signal.SIGTERM, end)
print("serves", sys.argv[1], os.environ["QIPAN_TENANT"], os.environ.get("SECRET_OF", ""), flush=True)
server.serve_forever()
"""
MISCONFIGURED = "import sys; print('the pack is broken: towns/x: no such matter'); sys.exit(78)"


@pytest.fixture(scope="module")
def xihu() -> District:
    return load_district(Path("districts/xihu"))


@pytest.fixture
def host(xihu: District, tmp_path: Path) -> Iterator[ProcessHost]:
    with ProcessHost(
        xihu,
        tmp_path,
        lambda spec: {"SECRET_OF": spec.id},
        lambda service, tenant: [sys.executable, "-c", STAND_IN, service],
    ) as host:
        yield host


def by_id(host: ProcessHost) -> dict[str, Status]:
    return {status.id: status for status in host.list()}


def eventually(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    give_up = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < give_up, "it never became true"
        time.sleep(0.05)


def gone(pid: int | None) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_a_process_gets_its_own_environment_port_and_log(host: ProcessHost, xihu: District) -> None:
    host.start(spec_of(xihu, "dispatch", "sandun"))
    host.wait_ready(30)
    status = by_id(host)["dispatch@sandun.1"]
    assert (status.state, status.service, status.tenant, status.restarts) == (
        State.READY,
        "dispatch",
        "sandun",
        0,
    )
    assert host.logs(status.id) == "serves dispatch sandun dispatch@sandun.1"
    with pytest.raises(Refused, match="runs already"):
        host.start(spec_of(xihu, "dispatch", "sandun"))


def test_what_ends_unasked_is_started_again_and_what_is_stopped_is_not(
    host: ProcessHost, xihu: District
) -> None:
    for service in ("dispatch", "notify"):
        host.start(spec_of(xihu, service, None))
    host.wait_ready(30)
    first = by_id(host)["dispatch.1"]
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    host.stop("notify.1")
    eventually(lambda: by_id(host)["dispatch.1"].restarts == 1)
    host.wait_ready(30)
    again = by_id(host)
    assert again["dispatch.1"].pid != first.pid
    assert again["dispatch.1"].exit_code == 128 + signal.SIGKILL
    assert again["dispatch.1"].url == first.url
    assert "notify.1" not in again


def test_scaling_one_tenant_touches_nobody_else(host: ProcessHost, xihu: District) -> None:
    for tenant in (None, "sandun"):
        host.start(spec_of(xihu, "dispatch", tenant))
    host.wait_ready(30)
    before = by_id(host)
    host.scale("dispatch", "sandun", 3)
    host.wait_ready(30)
    assert set(by_id(host)) == {"dispatch.1", "dispatch@sandun.1", "dispatch@sandun.2", "dispatch@sandun.3"}
    host.scale("dispatch", "sandun", 1)
    after = by_id(host)
    assert after == before
    host.retire("dispatch", "sandun")
    assert set(by_id(host)) == {"dispatch.1"}
    assert host.logs("dispatch@sandun.1").endswith("finished what it held")


def test_a_hole_in_the_numbers_is_filled(host: ProcessHost) -> None:
    host.scale("dispatch", None, 3)
    host.stop("dispatch.2", graceful=False)
    host.scale("dispatch", None, 3)
    assert set(by_id(host)) == {"dispatch.1", "dispatch.2", "dispatch.3"}


def test_a_wrong_configuration_is_told_at_once(xihu: District, tmp_path: Path) -> None:
    with ProcessHost(
        xihu, tmp_path, lambda spec: {}, lambda service, tenant: [sys.executable, "-c", MISCONFIGURED]
    ) as host:
        host.start(spec_of(xihu, "dispatch", None))
        with pytest.raises(StartError, match="the pack is broken"):
            host.wait_ready(600)


def test_closing_lets_everyone_finish_and_leaves_nothing(xihu: District, tmp_path: Path) -> None:
    with ProcessHost(
        xihu, tmp_path, lambda spec: {}, lambda service, tenant: [sys.executable, "-c", STAND_IN, service]
    ) as host:
        for service in ("steward", "dispatch", "gateway"):
            host.start(spec_of(xihu, service, None))
        host.wait_ready(30)
        pids = [status.pid for status in host.list()]
    assert all(gone(pid) for pid in pids)
    for id in ("steward.1", "dispatch.1", "gateway.1"):
        assert host.logs(id).endswith("finished what it held")
    with pytest.raises(Refused):
        host.start(spec_of(xihu, "notify", None))


def test_another_terminal_lists_scales_and_retires(host: ProcessHost, tmp_path: Path) -> None:
    with Control(host, tmp_path):
        scaled = ask(tmp_path, Ask(do="scale", service="dispatch", tenant="wenxin", replicas=2))
        assert {status.id for status in scaled.processes} == {"dispatch@wenxin.1", "dispatch@wenxin.2"}
        host.wait_ready(30)
        listed = ask(tmp_path, Ask(do="ps")).processes
        assert [status.state for status in listed] == [State.READY, State.READY]
        assert "serves dispatch wenxin" in ask(tmp_path, Ask(do="logs", id="dispatch@wenxin.2")).text
        assert ask(tmp_path, Ask(do="retire", service="dispatch", tenant="wenxin")).processes == ()
    with pytest.raises(NotRunning, match="qipan up"):
        ask(tmp_path, Ask(do="ps"))


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (Ask(do="scale", service="dispatch", tenant="atlantis", replicas=1), "no tenant 'atlantis'"),
        (Ask(do="scale", service="gateway", replicas=2), "one address"),
        (Ask(do="retire", service="dispatch"), "Only a tenant's own"),
        (Ask(do="logs", id="../../secret"), "no log"),
    ],
)
def test_the_host_says_why_it_refuses(host: ProcessHost, tmp_path: Path, request_: Ask, why: str) -> None:
    with Control(host, tmp_path), pytest.raises(Refused, match=why):
        ask(tmp_path, request_)


def test_the_socket_is_its_owners_alone_and_works_at_any_depth(host: ProcessHost, tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    with Control(host, deep):
        assert (deep / "run" / "control.sock").stat().st_mode & 0o777 == 0o600
        assert ask(deep, Ask(do="ps")).processes == ()


def test_many_terminals_at_once_do_not_start_a_replica_twice(host: ProcessHost, tmp_path: Path) -> None:
    with Control(host, tmp_path):
        asking = [
            threading.Thread(
                target=ask, args=(tmp_path, Ask(do="scale", service="notify", tenant="sandun", replicas=2))
            )
            for _ in range(5)
        ]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
    assert set(by_id(host)) == {"notify@sandun.1", "notify@sandun.2"}


def test_all_read_a_changed_pack_anew_where_they_were(
    host: ProcessHost, xihu: District, tmp_path: Path
) -> None:
    for service, tenant in [
        ("steward", None),
        ("door", None),
        ("dispatch", "sandun"),
        ("dispatch", "wenxin"),
    ]:
        host.start(spec_of(xihu, service, tenant))
    host.wait_ready(30)
    before = by_id(host)
    changed = replace(
        xihu,
        tenants={id: tenant for id, tenant in xihu.tenants.items() if id != "wenxin"},
        services=(*xihu.services, ServiceSpec("gudang", "notify", "notify", None, 1, ())),
    )
    told: list[dict[int, float]] = []

    def reload() -> str:
        told.append(host.reload(changed, 30))
        return "done"

    with Control(host, tmp_path, reload):
        answer = ask(tmp_path, Ask(do="reload"))
    after = by_id(host)
    assert answer.text == "done"
    assert set(after) == {"steward.1", "door.1", "dispatch@sandun.1", "notify@gudang.1"}
    assert set(told[0]) == {0, 1, 2, 3}
    for id in ("steward.1", "door.1", "dispatch@sandun.1"):
        assert after[id].url == before[id].url
        assert after[id].pid != before[id].pid
    host.retire("notify", "gudang")
    host.reload(changed, 30)
    assert "notify@gudang.1" not in by_id(host)  # what was retired by hand stays so


def test_a_pack_that_is_broken_is_not_read_anew(host: ProcessHost, xihu: District, tmp_path: Path) -> None:
    def reload() -> str:
        raise PackError([PackFault("district.toml", "id", "is missing")])

    host.start(spec_of(xihu, "dispatch", "sandun"))
    host.wait_ready(30)
    before = by_id(host)["dispatch@sandun.1"].pid
    with Control(host, tmp_path, reload), pytest.raises(Refused, match=r"district.toml: id: is missing"):
        ask(tmp_path, Ask(do="reload"))
    assert by_id(host)["dispatch@sandun.1"].pid == before
    with Control(host, tmp_path), pytest.raises(Refused, match="does not read its pack anew"):
        ask(tmp_path, Ask(do="reload"))
