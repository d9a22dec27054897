"""Names that cannot be guessed, and tickets that open one photo for a while."""

from hypothesis import given
from hypothesis import strategies as st

from services.intake.photo_header import Kind
from services.intake.photo_names import Named, PhotoNames, named_by, path_of

NAMES = PhotoNames("a secret")
NAME = NAMES.name("sandun", b"photo")


def test_a_name_is_the_contents_the_tenants_and_the_secrets() -> None:
    assert NAMES.name("sandun", b"photo") == NAME
    others = {
        NAMES.name("sandun", b"other"),
        NAMES.name("sandun~ex7", b"photo"),
        PhotoNames("another").name("sandun", b"photo"),
    }
    assert len(others | {NAME}) == 4


@given(st.sampled_from(list(Kind)))
def test_a_path_begins_with_the_tenant_and_is_known_again(kind: Kind) -> None:
    path = path_of("sandun~ex7", NAME, kind)
    assert path.startswith("sandun~ex7/")
    assert named_by(path) == Named("sandun~ex7", NAME, True)
    assert named_by(f"{path}.{'0' * 16}.part") == Named("sandun~ex7", NAME, False)


@given(st.text(max_size=80))
def test_what_is_not_ours_is_never_taken_for_it(path: str) -> None:
    assert named_by(path) is None


def test_a_ticket_opens_one_photo_of_one_report_until_then() -> None:
    ticket = NAMES.ticket("sandun", "r1", NAME, 1000)
    assert NAMES.tenant_of(ticket, "r1", NAME, 999.9) == "sandun"
    assert NAMES.tenant_of(ticket, "r1", NAME, 1000.0) is None
    assert NAMES.tenant_of(ticket, "r2", NAME, 1.0) is None
    assert NAMES.tenant_of(ticket, "r1", NAME[::-1], 1.0) is None
    assert PhotoNames("another").tenant_of(ticket, "r1", NAME, 1.0) is None
    for forged in (
        ticket.replace("sandun", "liuxia"),
        ticket.replace("1000", "2000"),
        "",
        "sandun.é.x",
        "a.².",
    ):
        assert NAMES.tenant_of(forged, "r1", NAME, 1.0) is None


@given(st.text(max_size=60))
def test_nothing_made_up_is_a_ticket(text: str) -> None:
    assert NAMES.tenant_of(text, "r1", NAME, 0.0) is None
