"""Sealing: what comes out is what went in, for its own purpose and key only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.contacts import Contacts
from services.intake.digest import keyed_digest
from services.intake.forms import Contact
from services.intake.sealing import Keyring, Unsealable

ONE, TWO = "a1" * 32, "b2" * 32
RING = Keyring.parse(f"1:{ONE}")
GROWN = Keyring.parse(f"2:{TWO}, 1:{ONE}")


@given(plain=st.binary(max_size=300), purpose=st.binary(max_size=50))
def test_what_is_sealed_opens_for_its_purpose(plain: bytes, purpose: bytes) -> None:
    sealed = RING.seal(plain, purpose)
    assert RING.open(sealed, purpose) == plain
    with pytest.raises(Unsealable):
        RING.open(sealed, purpose + b"x")


@given(plain=st.binary(min_size=1, max_size=60), data=st.data())
def test_any_bit_changed_keeps_it_shut(plain: bytes, data: st.DataObject) -> None:
    sealed = bytearray(RING.seal(plain, b"p"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(Unsealable):
        RING.open(bytes(sealed), b"p")


@pytest.mark.parametrize(
    "junk", [b"", b"\x01", b"plain text that was never sealed", b"\x01\x00\x01" + b"0" * 12]
)
def test_what_was_never_sealed_does_not_open(junk: bytes) -> None:
    with pytest.raises(Unsealable):
        RING.open(junk, b"p")


def test_the_same_twice_looks_different() -> None:
    assert RING.seal(b"13800138000", b"p") != RING.seal(b"13800138000", b"p")


def test_a_new_key_seals_and_the_old_one_still_opens() -> None:
    old, new = RING.seal(b"x", b"p"), GROWN.seal(b"x", b"p")
    assert (Keyring.key_of(old), Keyring.key_of(new)) == (1, 2)
    assert GROWN.open(old, b"p") == GROWN.open(new, b"p") == b"x"
    with pytest.raises(Unsealable, match="key 2 is not in the ring"):
        RING.open(new, b"p")


def test_an_empty_ring_neither_seals_nor_opens() -> None:
    empty = Keyring.parse("")
    for act in (lambda: empty.seal(b"x", b"p"), lambda: empty.open(RING.seal(b"x", b"p"), b"p")):
        with pytest.raises(Unsealable):
            act()


@pytest.mark.parametrize("text", ["1", f"0:{ONE}", f"1:{ONE}00", "1:zz", f"1:{ONE},1:{TWO}", f"65536:{ONE}"])
def test_a_setting_that_holds_no_keys_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="QIPAN_CONTACT_KEYS must be") as refused:
        Keyring.parse(text)
    assert ONE not in str(refused.value)


def test_a_contact_moved_to_another_report_stays_shut() -> None:
    contacts = Contacts(RING)
    sealed = contacts.seal(Contact(name="王芳", phone="13800138000"), "sandun", "r1")
    assert sealed is not None
    assert contacts.open(sealed, "sandun", "r1").phone == "13800138000"
    for tenant, report_id in (("sandun", "r2"), ("liuxia", "r1"), ("sandun~ex7", "r1")):
        with pytest.raises(Unsealable):
            contacts.open(sealed, tenant, report_id)
        assert contacts.masked(sealed, tenant, report_id) is None


def test_an_empty_contact_is_none_at_all() -> None:
    assert Contacts(RING).seal(Contact(), "sandun", "r1") is None
    assert Contacts(RING).seal(None, "sandun", "r1") is None


def test_resealing_changes_the_key_and_nothing_else() -> None:
    sealed = Contacts(RING).seal(Contact(phone="0571-88888888"), "sandun", "r1")
    assert sealed is not None
    anew = Contacts(GROWN).resealed(sealed, "sandun", "r1")
    assert Keyring.key_of(anew) == 2
    assert Contacts(GROWN).open(anew, "sandun", "r1") == Contacts(GROWN).open(sealed, "sandun", "r1")


def test_a_keyed_digest_needs_the_secret() -> None:
    assert keyed_digest("d", "s") == keyed_digest("d", "s")
    assert len({keyed_digest("d", "s"), keyed_digest("d", "t"), keyed_digest("e", "s"), "d"}) == 4
