"""Rules and dashboards name what there is, every alert has its page and its test, and promtool agrees."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from qipan.hosting.plan import plan
from qipan.hosting.port import HTTP_SERVICES
from qipan.tenancy import load_district
from scripts import dashboards as making_dashboards
from scripts import prometheus_rule
from tests.docs_pages import ROOT, page
from tests.watch import rules

ALERTS = {rule["alert"]: rule for rule in rules.rules() if "alert" in rule}
RECORDED = {rule["record"] for rule in rules.rules() if "record" in rule}
TESTS = rules.PROMETHEUS / "tests" / "alerts_test.yml"
SECTIONS = {"what-it-means", "what-to-look-at", "what-to-do", "afterwards"}

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed: `scripts/setup prometheus` brings it"
)


def test_every_figure_that_a_query_names_is_exported_or_recorded() -> None:
    known = rules.exported() | RECORDED
    unknown = {query.where: rules.named(query.text) - known for query in rules.queries()}
    assert {where: names for where, names in unknown.items() if names} == {}


def test_every_recording_is_used() -> None:
    used = {name for query in rules.queries() for name in rules.named(query.text)}
    assert RECORDED - used == set()


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ('sum by (service) (rate(a_total{x=~"b|c"}[5m])) / d > bool 0', {"a_total", "d"}),
        ("a:b:rate5m > 0.1 and on (queue) c == 0 or vector(0)", {"a:b:rate5m", "c"}),
        ("histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m]))) > 1e6", {"x_bucket"}),
    ],
)
def test_the_names_in_a_query_are_found(query: str, named: set[str]) -> None:
    assert rules.named(query) == named


@pytest.mark.parametrize("name", sorted(ALERTS))
def test_an_alert_says_how_grave_it_is_and_where_its_page_is(name: str) -> None:
    alert = ALERTS[name]
    assert alert["labels"] == {"severity": alert["labels"]["severity"]}
    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert set(alert["annotations"]) == {"summary", "description", "runbook"}
    runbook = page(ROOT / alert["annotations"]["runbook"])
    assert runbook.anchors >= SECTIONS
    assert f"`{name}`" in runbook.text


def test_every_alert_is_in_the_table_of_what_is_watched() -> None:
    told = set(re.findall(r"`(Qipan\w+)`", page(ROOT / "docs" / "operate" / "watching.md").text))
    assert told == set(ALERTS)


def test_every_alert_is_fired_and_cleared_by_promtools_tests() -> None:
    checked: dict[str, set[bool]] = {}
    for one in rules.read(TESTS)["tests"]:
        for look in one["promql_expr_test"]:
            (alert,) = re.findall(r'alertname="(\w+)"', look["expr"])
            checked.setdefault(alert, set()).add(bool(look["exp_samples"]))
    assert checked == {name: {True, False} for name in ALERTS}


def test_containers_are_found_by_the_names_that_they_have() -> None:
    found = rules.read(rules.PROMETHEUS / "prometheus.yml")["scrape_configs"][0]
    ports = {name: group["port"] for group in found["dns_sd_configs"] for name in group["names"]}
    wanted = {
        spec.service if spec.tenant is None else f"{spec.service}-{spec.tenant}": spec.serves
        for spec in plan(load_district(ROOT / "districts/xihu"))
    }
    assert set(ports) == set(wanted)
    assert {name for name, port in ports.items() if port == 8080} == set(HTTP_SERVICES)
    for name, serves in wanted.items():
        label = ""
        for rule in found["relabel_configs"]:
            if met := re.fullmatch(rule["regex"], name):
                label = met.expand(rule.get("replacement", "$1").replace("$", "\\"))
        assert label == serves


def _promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=150, check=False)


@needs_promtool
@pytest.mark.parametrize("name", ["prometheus.yml", "beside-up.yml"])
def test_promtool_takes_the_configuration(name: str) -> None:
    done = _promtool("check", "config", str(rules.PROMETHEUS / name))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@needs_promtool
def test_promtool_fires_and_clears_every_alert() -> None:
    done = _promtool("test", "rules", str(TESTS))
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_an_alert_that_never_fires_is_noticed(tmp_path: Path) -> None:
    for file in rules.rule_files():
        text = file.read_text(encoding="utf-8")
        spoiled = text.replace('up{job="qipan"} == 0', 'up{job="qipan"} == 2')
        (tmp_path / file.name).write_text(spoiled, encoding="utf-8")
    tests = rules.read(TESTS)
    tests["rule_files"] = [file.name for file in rules.rule_files()]
    tests["tests"] = [one for one in tests["tests"] if one["name"] == "QipanProcessDown"]
    (tmp_path / "test.yml").write_text(yaml.safe_dump(tests), encoding="utf-8")
    done = _promtool("test", "rules", str(tmp_path / "test.yml"))
    assert done.returncode != 0
    assert "QipanProcessDown" in done.stdout + done.stderr


def test_what_is_made_from_tables_and_rules_is_up_to_date() -> None:
    assert making_dashboards.main(["--check"]) == 0
    assert prometheus_rule.main(["--check"]) == 0


def test_the_operators_object_has_the_same_rules() -> None:
    groups = [group for file in rules.rule_files() for group in rules.read(file)["groups"]]
    assert rules.read(prometheus_rule.OBJECT)["spec"]["groups"] == groups


def test_dashboards_use_the_provisioned_source() -> None:
    (source,) = rules.read(rules.GRAFANA / "provisioning" / "datasources" / "prometheus.yml")["datasources"]
    found = rules.dashboards()
    assert sorted(found) == ["broker.json", "district.json", "services.json", "town.json"]
    assert len({dashboard["uid"] for dashboard in found.values()}) == len(found)
    for dashboard in found.values():
        ids = [panel["id"] for panel in dashboard["panels"]]
        assert len(ids) == len(set(ids))
        for panel in dashboard["panels"]:
            sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
            assert {each["uid"] for each in sources} == {source["uid"]}
