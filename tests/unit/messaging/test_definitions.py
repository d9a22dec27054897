"""What a broker is told about a district, checked as data; its effect is tested against a real broker."""

import base64
import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qipan.messaging.definitions import (
    AddedService,
    Plan,
    definitions,
    names,
    own_keys,
    own_queues,
    password_hash,
    user_password,
)
from qipan.messaging.topology import TENANT, base_tenant

PLAN = Plan(("sandun", "wenxin"), (AddedService("floodwatch", "sandun", ("reading.observed.v1",)),))
WHOLE = definitions(PLAN, "secret", vhost="v")
live_tenants = st.from_regex(TENANT, fullmatch=True).map(base_tenant)


def of(kind: str, user: str) -> dict[str, str]:
    (found,) = [each for each in WHOLE[kind] if each["user"] == user]
    return found


@pytest.mark.parametrize("tenant", PLAN.tenants)
def test_a_tenant_may_configure_nothing(tenant: str) -> None:
    configure = re.compile(of("permissions", tenant)["configure"])
    for each in (*WHOLE["exchanges"], *WHOLE["queues"]):
        assert not configure.search(each["name"])


@pytest.mark.parametrize("tenant", PLAN.tenants)
def test_a_tenant_may_write_to_no_fanout_and_to_no_inbox_and_not_to_the_default_exchange(tenant: str) -> None:
    write = re.compile(of("permissions", tenant)["write"])
    for exchange in WHOLE["exchanges"]:
        if exchange["type"] == "fanout" or exchange["name"].startswith("inbox."):
            assert not write.search(exchange["name"])
    assert not write.search("")
    assert not write.search("amq.default")


@pytest.mark.parametrize("tenant", PLAN.tenants)
def test_a_tenants_rights_open_no_queue_of_anybody_else(tenant: str) -> None:
    rights = of("permissions", tenant)
    for queue in WHOLE["queues"]:
        own = queue["name"].endswith(f"@{tenant}")
        assert bool(re.search(rights["read"], queue["name"])) == own
        if (
            queue["name"] != "dead"
        ):  # an exchange has that name too; binding a queue needs the other's read right
            assert not re.search(rights["write"], queue["name"])


def test_only_a_services_owner_may_call_it_and_have_it_wait() -> None:
    assert "calls.floodwatch" in PLAN.writable("sandun")
    assert "wait.floodwatch.500" in PLAN.writable("sandun")
    assert not [name for name in PLAN.writable("wenxin") if "floodwatch" in name]


def test_everybody_may_call_the_core() -> None:
    for service in ("intake", "dispatch", "notify", "analytics", "steward"):
        assert f"calls.{service}" in PLAN.writable("wenxin")


@given(mine=live_tenants, theirs=st.from_regex(TENANT, fullmatch=True))
def test_keys_and_queues_are_a_tenants_own_or_its_shadows(mine: str, theirs: str) -> None:
    own = base_tenant(theirs) == mine
    assert bool(re.search(own_keys(mine), f"{theirs}.case.filed.v1")) == own
    for queue in (f"dispatch@{theirs}", f"calls.dispatch@{theirs}", f"replies@{theirs}.i-1"):
        assert bool(re.search(own_queues(mine), queue)) == own


@given(given=st.lists(st.sampled_from(["events", "calls.dispatch", "wait.dispatch.500"]), min_size=1))
def test_a_pattern_of_names_matches_them_and_nothing_around_them(given: list[str]) -> None:
    pattern = re.compile(names(given))
    for name in given:
        assert pattern.search(name)
        assert not pattern.search(f"{name}.core")
        assert not pattern.search(f"x{name}")
        assert "." not in name or not pattern.search(name.replace(".", "-"))


def test_the_hash_is_the_brokers_of_the_derived_password() -> None:
    raw = base64.b64decode(password_hash("sandun", "secret"))
    salt, digest = raw[:4], raw[4:]
    assert digest == hashlib.sha256(salt + user_password("sandun", "secret").encode()).digest()


def test_passwords_differ_by_user_and_secret_and_stand_nowhere_in_the_definitions() -> None:
    assert user_password("sandun", "secret") != user_password("wenxin", "secret")
    assert user_password("sandun", "secret") != user_password("sandun", "another")
    for user in ("core", *PLAN.tenants):
        assert user_password(user, "secret") not in str(WHOLE)


def test_provisioning_again_writes_the_same() -> None:
    assert definitions(PLAN, "secret", vhost="v") == WHOLE


def test_only_the_core_may_move_messages_under_their_senders_name() -> None:
    tags = {each["name"]: each["tags"] for each in WHOLE["users"]}
    assert tags == {"core": ["impersonator"], "sandun": [], "wenxin": []}


def test_no_tenant_may_be_called_like_the_core() -> None:
    with pytest.raises(ValueError, match="no tenant may be called 'core'"):
        Plan(("sandun", "core"))


def test_every_thing_is_declared_once() -> None:
    for kind in ("exchanges", "queues"):
        found = [each["name"] for each in WHOLE[kind]]
        assert len(found) == len(set(found))
