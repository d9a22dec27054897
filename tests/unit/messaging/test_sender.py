"""The consumer's own check of where a message came from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qipan.messaging.sender import verify_sender
from qipan.messaging.topology import TENANT, base_tenant

tenants = st.from_regex(TENANT, fullmatch=True)


@pytest.mark.parametrize("user", ["core", "sandun"])
@pytest.mark.parametrize("served", [None, "sandun"])
def test_the_core_and_the_tenant_itself_may_speak(user: str, served: str | None) -> None:
    assert verify_sender("sandun.case.filed.v1", user, "sandun", served, "core") is None


def test_a_tenant_speaks_for_its_shadow() -> None:
    assert verify_sender("sandun~ex7.case.filed.v1", "sandun", "sandun~ex7", None, "core") is None


@pytest.mark.parametrize(
    ("routing_key", "user", "tenant", "served", "fault"),
    [
        ("sandun.case.filed.v1", "sandun", "wenxin", None, "the envelope 'wenxin'"),
        ("sandun.case.filed.v1", "sandun", "sandun", "wenxin", "came to the queue of 'wenxin'"),
        ("sandun.case.filed.v1", None, "sandun", None, "does not say which broker user"),
        ("wenxin.case.filed.v1", "sandun", "wenxin", None, "may not speak for 'wenxin'"),
        ("sandun.case.filed.v1", "sandun~ex7", "sandun", None, "may not speak for 'sandun'"),
        ("sandun-x.case.filed.v1", "sandun", "sandun-x", None, "may not speak for 'sandun-x'"),
        ("sandun~ex7.case.filed.v1", "sandun", "sandun~ex7", "sandun", "came to the queue of 'sandun'"),
        ("", "sandun", "sandun", None, "the routing key addresses ''"),
    ],
)
def test_what_does_not_fit_is_named(
    routing_key: str, user: str | None, tenant: str, served: str | None, fault: str
) -> None:
    assert fault in (verify_sender(routing_key, user, tenant, served, "core") or "")


@given(addressed=tenants, envelope=tenants, served=st.none() | tenants, user=st.none() | tenants)
def test_only_the_core_and_the_tenant_itself_ever_pass(
    addressed: str, envelope: str, served: str | None, user: str | None
) -> None:
    fault = verify_sender(f"{addressed}.case.filed.v1", user, envelope, served, "core")
    fits = addressed == envelope and served in (None, addressed) and user in ("core", base_tenant(addressed))
    assert (fault is None) == fits
