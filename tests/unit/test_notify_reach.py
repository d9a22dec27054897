"""Where messages may go: never inside, unless the operator says so; and when a destination is left alone."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.deliveries import LEASE
from services.notify.gate import FIRST_REST, LONGEST_REST, MOST_FAILURES, Gate
from services.notify.reach import networks, reachable

NOW = datetime(2026, 3, 2, tzinfo=UTC)
INSIDE = (
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.100.100.200",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "::127.0.0.1",
    "::ffff:0:7f00:1",
    "::ffff:0:a9fe:a9fe",
    "fec0::1",
    "192.88.99.1",
)


@pytest.mark.parametrize("address", INSIDE)
def test_nothing_goes_inside(address: str) -> None:
    assert not reachable(ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "203.119.25.1", "2400:3200::1", "::ffff:1.1.1.1"])
def test_the_public_internet_is_reached(address: str) -> None:
    assert reachable(ip_address(address))


def test_what_the_operator_allows_is_reached_and_nothing_beside_it() -> None:
    allowed = networks(["10.1.0.0/16", "127.0.0.2"])
    assert reachable(ip_address("10.1.2.3"), allowed)
    assert reachable(ip_address("::ffff:10.1.2.3"), allowed)
    assert not reachable(ip_address("10.2.0.1"), allowed)
    assert not reachable(ip_address("127.0.0.1"), allowed)


def test_what_is_not_encrypted_reaches_what_the_operator_names_and_not_the_public() -> None:
    allowed = networks(["10.1.0.0/16", "203.119.25.0/24"])
    for inside in ("10.1.2.3", "::ffff:10.1.2.3", "203.119.25.1"):
        assert reachable(ip_address(inside), allowed, public=False)
    for outside in ("1.1.1.1", "2400:3200::1", "10.2.0.1"):
        assert not reachable(ip_address(outside), allowed, public=False)


@given(st.ip_addresses(v=4, network="127.0.0.0/8"))
def test_no_notation_of_ipv6_hides_loopback(address: object) -> None:
    number = int(address)  # type: ignore[call-overload]
    for prefix in ("::ffff:0:0", "::ffff:0:0:0", "64:ff9b::", "::"):
        hidden = ip_address(int(ip_address(prefix)) | number)
        assert not reachable(hidden)
    assert not reachable(ip_address(int(ip_address("2002::")) | number << 80))


def test_a_dead_destination_is_left_alone_ever_longer_and_then_tried_with_one() -> None:
    gate = Gate()
    for _ in range(MOST_FAILURES - 1):
        gate = gate.after(NOW, failed=True)
        assert gate.opens(NOW)
    gate = gate.after(NOW, failed=True)
    assert not gate.opens(NOW)
    now = NOW + FIRST_REST
    assert gate.opens(now)
    tried = gate.passing(now, None, LEASE)
    assert not tried.opens(now)
    assert tried.opens(now + LEASE)  # whoever tried it was killed
    again = tried.after(now, failed=True)
    assert not again.opens(now + FIRST_REST)
    assert again.opens(now + 2 * FIRST_REST)
    assert tried.after(now, failed=False) == Gate()


def test_what_did_not_set_out_at_a_broken_gate_keeps_nobody_waiting() -> None:
    broken = Gate(MOST_FAILURES)
    claimed = broken.passing(NOW, None, LEASE)
    assert claimed.spared(NOW + LEASE) == broken
    failed = claimed.after(
        NOW + timedelta(seconds=1), failed=True
    )  # somebody else's meanwhile: its rest holds
    assert failed.spared(NOW + LEASE) == failed


@given(st.integers(MOST_FAILURES, 500))
def test_the_rest_never_grows_beyond_its_longest(failures: int) -> None:
    gate = Gate(failures).after(NOW, failed=True)
    assert gate.shut_until is not None
    assert gate.shut_until <= NOW + LONGEST_REST


def test_who_asks_to_be_left_alone_is() -> None:
    gate = Gate().after(NOW, failed=True, retry_after=120)
    assert not gate.opens(NOW + timedelta(seconds=119))
    assert gate.opens(NOW + timedelta(seconds=120))


@given(st.lists(st.floats(0, 3), max_size=40), st.sampled_from([0.5, 2.0, 10.0]))
def test_no_more_pass_than_the_rate_allows(steps: list[float], rate: float) -> None:
    gate, now, passed = Gate(), NOW, 0
    for step in steps:
        now += timedelta(seconds=step)
        if gate.opens(now):
            gate = gate.passing(now, rate, LEASE)
            passed += 1
    assert passed <= (now - NOW).total_seconds() * rate + 1 + 1e-6
