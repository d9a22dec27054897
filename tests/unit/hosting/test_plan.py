"""Which processes a district needs, and what a host refuses to run."""

from collections import Counter
from pathlib import Path

import pytest

from qipan.contracts.subscriptions import CORE_SERVICES
from qipan.hosting.plan import MOST_REPLICAS, check_replicas, plan, spec_of
from qipan.hosting.port import Refused
from qipan.tenancy import District, load_district


@pytest.fixture(scope="module")
def xihu() -> District:
    return load_district(Path("districts/xihu"))


def test_every_part_of_the_core_runs_once_and_tenants_services_as_their_packs_say(xihu: District) -> None:
    runs = Counter(spec.serves for spec in plan(xihu))
    core = {"steward", "door", "gateway", *CORE_SERVICES}
    assert {name: runs[name] for name in core} == dict.fromkeys(core, 1)
    own = {name: count for name, count in runs.items() if "@" in name}
    assert own == {f"{each.service}@{each.tenant}": each.replicas for each in xihu.services}
    assert own["dispatch@shuangpu"] == 2


def test_ids_are_unique(xihu: District) -> None:
    ids = [spec.id for spec in plan(xihu)]
    assert len(set(ids)) == len(ids)


def test_the_door_starts_before_the_gateway_that_forwards_to_it(xihu: District) -> None:
    order = [spec.service for spec in plan(xihu)]
    assert order.index("door") < order.index("gateway")


def test_who_replaces_a_core_service_works_on_its_tables_and_an_added_service_on_none(xihu: District) -> None:
    schemas = {spec.serves: spec.schema for spec in plan(xihu)}
    assert schemas["dispatch@sandun"] == "dispatch"
    assert schemas["floodwatch@sandun"] is None
    assert schemas["door"] == "intake"


def test_any_tenant_or_its_shadow_may_run_a_core_service_for_itself(xihu: District) -> None:
    assert spec_of(xihu, "dispatch", "wenxin", 2).id == "dispatch@wenxin.2"
    assert spec_of(xihu, "dispatch", "sandun~ex7").schema == "dispatch"
    assert spec_of(xihu, "floodwatch", "sandun~ex7").schema is None


@pytest.mark.parametrize(
    ("service", "tenant", "what"),
    [
        ("dispatcher", None, "no core service"),
        ("dispatch", "atlantis", "no tenant"),
        ("floodwatch", "wenxin", "wenxin can run"),
        ("gateway", "sandun", "sandun can run"),
        ("steward", "sandun", "sandun can run"),
    ],
)
def test_what_the_district_does_not_have_is_refused_in_words(
    xihu: District, service: str, tenant: str | None, what: str
) -> None:
    with pytest.raises(Refused, match=what):
        spec_of(xihu, service, tenant)


@pytest.mark.parametrize(
    ("service", "tenant", "replicas"),
    [
        ("dispatch", None, -1),
        ("dispatch", "sandun", MOST_REPLICAS + 1),
        ("gateway", None, 2),
        ("door", None, 2),
    ],
)
def test_impossible_numbers_are_refused(service: str, tenant: str | None, replicas: int) -> None:
    with pytest.raises(Refused):
        check_replicas(service, tenant, replicas)


def test_possible_numbers_are_not() -> None:
    check_replicas("gateway", None, 0)
    check_replicas("dispatch", "sandun", MOST_REPLICAS)
