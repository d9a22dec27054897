"""Figures, logs, health and traces."""

import json
import logging
import threading
import urllib.error
import urllib.request

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qipan.observability import logs, metrics, tracing
from qipan.observability.health import Health, OpsServer

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_child_stays_in_its_parents_trace() -> None:
    mine = tracing.child(PARENT)
    assert mine != PARENT
    assert tracing.trace_id(mine) == tracing.trace_id(PARENT) == "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize(
    "parent",
    [None, "", "nonsense", PARENT.upper(), PARENT + "x", "00-" + "0" * 32 + PARENT[35:], PARENT + "\n"],
)
def test_what_cannot_be_read_begins_a_new_trace(parent: str | None) -> None:
    assert tracing.trace_id(parent) is None
    mine = tracing.child(parent)
    assert tracing.trace_id(mine) not in (None, tracing.trace_id(PARENT))


def test_a_span_is_current_within_and_gone_after() -> None:
    assert tracing.current() is None
    with tracing.span(PARENT) as outer:
        with tracing.span(outer) as inner:
            assert tracing.current() == inner
        assert tracing.current() == outer
    assert tracing.current() is None


def test_tenants_beyond_the_bound_share_one_series(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_tenants", set())
    for n in range(metrics.MOST_TENANTS + 50):
        metrics.observe("test-bound", "m", "ok", f"t{n}", 0.01)
    page = metrics.page().decode()
    counts = [line for line in page.splitlines() if line.startswith("qipan_request_duration_seconds_count")]
    assert len([line for line in counts if 'service="test-bound"' in line]) <= metrics.MOST_TENANTS + 1
    assert any('tenant="other"' in line for line in counts)


def test_every_name_follows_the_convention() -> None:
    for family in metrics.REGISTRY.collect():
        assert family.name.startswith(
            ("qipan_", "process_")
        )  # the second: what every Prometheus client calls so
        assert family.documentation


def test_a_series_that_is_told_no_more_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_tenants", set())
    metrics.DEAD_OPEN.tell({("liuxia", "dispatch"): 2, ("sandun", "notify"): 1})
    assert 'qipan_dead_letters_open{service="dispatch",tenant="liuxia"} 2.0' in metrics.page().decode()
    metrics.DEAD_OPEN.tell({("sandun", "notify"): 1})
    page = metrics.page().decode()
    assert 'qipan_dead_letters_open{service="dispatch",tenant="liuxia"}' not in page
    assert 'qipan_dead_letters_open{service="notify",tenant="sandun"} 1.0' in page
    many = {(f"t{n}", "notify"): 1 for n in range(metrics.MOST_TENANTS + 50)}
    metrics.DEAD_OPEN.tell(many)
    assert 'qipan_dead_letters_open{service="notify",tenant="other"} 52.0' in metrics.page().decode()
    metrics.DEAD_OPEN.tell({})


def test_a_pool_is_read_at_each_scrape() -> None:
    held = {"in_use": 1}
    metrics.watch_pool("test-pool", lambda: held)
    held["in_use"] = 7
    line = 'qipan_db_pool_connections{service="test-pool",state="in_use"} 7.0'
    assert line in metrics.page().decode()
    metrics.watch_relay("test-relay", lambda: 0.5 * held["in_use"])
    assert 'qipan_relay_cpu_seconds_total{service="test-relay"} 3.5' in metrics.page().decode()


@pytest.mark.parametrize(
    "telling",
    [
        "call 13812345678 back",
        "+8613812345678",
        "id 33010619900101123X",
        "from a.b@example.org",
        "Bearer eyJhbGciOi.eyJzdWIi.sig",
        "postgresql://intake:hunter2@db/qipan",
    ],
)
def test_personal_data_in_words_is_withheld(telling: str) -> None:
    said = logs.withhold(None, "info", {"event": telling})["event"]
    assert logs.WITHHELD in said
    for secret in ("13812345678", "33010619900101123X", "a.b@example.org", "sig", "hunter2"):
        assert secret not in said


@given(st.sampled_from(sorted(logs.PERSONAL)), st.text(min_size=1))
def test_personal_keys_never_reach_a_log(key: str, value: str) -> None:
    assert logs.withhold(None, "info", {"event": "e", key: value})[key] == logs.WITHHELD


def test_ids_and_figures_are_not_mistaken_for_personal_data() -> None:
    entry = {"event": "filed", "case_id": "0193a1b2-13800-7000-8000-138123456789", "count": 13812345678}
    assert logs.withhold(None, "info", dict(entry)) == entry


def test_a_json_line_names_service_and_trace(capsys: pytest.CaptureFixture[str]) -> None:
    before = logging.getLogger().handlers[:]
    try:
        logs.configure("intake", "json", tenant="sandun")
        with tracing.span(PARENT):
            logs.logger("test").info("stored", report_id="r1", text="a secret")
        other = threading.Thread(target=lambda: logging.getLogger("library").warning("noise"))
        other.start()
        other.join()
        first, second = capsys.readouterr().err.strip().splitlines()
        line = json.loads(first)
    finally:
        logging.getLogger().handlers[:] = before
    assert json.loads(second)["service"] == "intake"
    assert (line["service"], line["tenant"], line["event"]) == ("intake", "sandun", "stored")
    assert line["trace"] == tracing.trace_id(PARENT)
    assert line["text"] == logs.WITHHELD


def _get(url: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_readiness_follows_the_checks() -> None:
    health, state = Health(), {"broker": (True, "connected")}
    health.add_check("broker", lambda: state["broker"])
    server = OpsServer(health)
    server.start()
    try:
        base = f"http://127.0.0.1:{server.port}"
        assert _get(f"{base}/readyz")[0] == 200
        state["broker"] = (False, "blocked by the broker: low on disk")
        status, body = _get(f"{base}/readyz")
        assert (status, json.loads(body)["checks"]["broker"]) == (503, "blocked by the broker: low on disk")
        assert _get(f"{base}/healthz")[0] == 200
        assert b"qipan_build_info" in _get(f"{base}/metrics")[1]
        assert _get(f"{base}/else")[0] == 404
    finally:
        server.stop()


def test_a_check_that_raises_does_not_hold() -> None:
    health = Health()
    health.add_check("db", lambda: 1 / 0)
    assert health.report() == (False, {"db": "the check failed: ZeroDivisionError"})


def test_indicators_are_shown_of_so_many_tenants_and_only_where_there_is_a_value() -> None:
    metrics.show_indicators({"gone": {"disposal": 0.5}})
    many = {f"t{number}": {"disposal": 0.25, "rework": None} for number in range(metrics.MOST_SHOWN + 9)}
    metrics.show_indicators(many)
    shown = [line for line in metrics.page().decode().splitlines() if line.startswith("qipan_indicator{")]
    assert len(shown) == metrics.MOST_SHOWN
    assert 'qipan_indicator{indicator="disposal",tenant="t0"} 0.25' in shown
    metrics.show_indicators({})


def _ready(page: str, service: str, check: str) -> str:
    (line,) = [
        line
        for line in page.splitlines()
        if line.startswith(f'qipan_ready{{check="{check}",service="{service}"}}')
    ]
    return line.rpartition(" ")[2]


def test_the_checks_are_asked_at_each_scrape() -> None:
    health, state = Health("test-ready"), {"broker": (True, "connected")}
    health.add_check("broker", lambda: state["broker"])
    for holds in (True, False, True):
        state["broker"] = (holds, "")
        answer = health.answer("/metrics")
        assert answer is not None
        assert _ready(answer[2].decode(), "test-ready", "broker") == f"{float(holds)}"


def test_a_check_that_hangs_does_not_hold_and_holds_up_no_scrape() -> None:
    health, answers = Health("test-hangs"), threading.Event()
    health.add_check("broker", lambda: (True, ""))
    health.add_check("database", lambda: (answers.wait(30), ""))
    health.measure(0.05)
    health.measure(0.05)  # while the first still waits, the check is not asked again
    page = metrics.page().decode()
    assert (_ready(page, "test-hangs", "broker"), _ready(page, "test-hangs", "database")) == ("1.0", "0.0")
    answers.set()
    while not health._asking.acquire(timeout=0.01):
        pass
    health._asking.release()
    assert _ready(metrics.page().decode(), "test-hangs", "database") == "1.0"
