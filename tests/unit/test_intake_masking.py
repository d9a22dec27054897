"""Masks: what a list shows never gives a name or a number away."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.intake.forms import Contact
from services.intake.masking import STARS, mask_email, mask_name, mask_phone
from services.intake.triage_batch import summary_of


@pytest.mark.parametrize(
    ("name", "shown"),
    [("张三", "张**"), ("张三丰", "张**"), ("欧阳修文", "欧**"), (" 王 ", "**"), ("Mary Ann", "M**")],
)
def test_names(name: str, shown: str) -> None:
    assert mask_name(name) == shown


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("13812345678", "138****5678"),
        ("+86 138 1234 5678", "138****5678"),
        ("86-13812345678", "138****5678"),
        ("(86) 13812345678", "138****5678"),
        ("0571-88881234", "057****1234"),
        ("86112233", "****33"),
        ("8888123", "****23"),
        ("12345", "****"),
        ("110", "****"),
    ],
)
def test_numbers(phone: str, shown: str) -> None:
    assert mask_phone(phone) == shown


@given(st.text(max_size=100))
def test_a_masked_name_shows_one_character_at_most(name: str) -> None:
    shown = mask_name(name)
    assert shown.endswith("**")
    assert len(shown) <= 3
    assert shown[:-2] in name
    if len(name.strip()) == 1:
        assert shown == "**"


@given(st.from_regex(r"\+?[0-9][0-9 ()-]{2,29}", fullmatch=True))
def test_a_masked_number_hides_four_digits_or_all(phone: str) -> None:
    digits, shown = re.sub(r"\D", "", phone), re.sub(r"\D", "", mask_phone(phone))
    assert STARS in mask_phone(phone)
    assert len(digits) - len(shown) >= min(4, len(digits))
    assert len(shown) <= 7
    assert digits.endswith(shown[3:] if len(shown) == 7 else shown)


@given(st.from_regex(r"\+?[0-9][0-9 ()-]{2,29}", fullmatch=True))
def test_every_number_that_the_form_takes_can_be_masked_and_is_never_shown_whole(phone: str) -> None:
    try:
        taken = Contact(phone=phone).phone
    except ValidationError:
        return  # the form takes the blanks around it away first
    assert taken is not None
    assert re.sub(r"\D", "", taken) not in mask_phone(taken)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("li.si@example.com", "l****@example.com"),
        (" w@example.com ", "w****@example.com"),
        ("@example.com", "****"),
        ("nobody", "****"),
    ],
)
def test_an_address_shows_its_first_character_and_where_it_is(address: str, shown: str) -> None:
    assert mask_email(address) == shown


def test_a_summary_gives_no_number_away_wherever_it_stands_and_however_it_is_written() -> None:
    numbers = ("13812345678", "138-1234-5678", "１３８１２３４５６７８", "0571-87654321", "li.si@example.com")
    for number in (*numbers, "33010619900307123X", "330106 19900307 1234"):
        for before in ("路灯不亮，电话", "亮" * 112 + "："):
            shown = summary_of(f"{before}{number}，谢谢")
            assert shown.startswith(f"{before}***"), number
            assert not re.search(r"\d|@", shown)
