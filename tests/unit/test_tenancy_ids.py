import pytest

from qipan.tenancy import Words, base_of, in_shadow, is_tenant_id, shadow_of


@pytest.mark.parametrize("id", ["xihu", "xihu-street", "sandun~ex7", "a1", "x" + "a" * 30])
def test_ids_of_tenants(id: str):
    assert is_tenant_id(id)


@pytest.mark.parametrize(
    "id",
    [
        "",
        "a",
        "Sandun",
        "1town",
        "sandun~",
        "sandun~EX",
        "sandun~a~b",
        "a.b",
        "sandun#",
        "*",
        "x" * 32,
        "sandun\n",
    ],
)
def test_what_is_no_id(id: str):
    assert not is_tenant_id(id)


def test_a_shadow_and_its_base():
    assert (base_of("sandun~ex7"), shadow_of("sandun~ex7")) == ("sandun", "ex7")
    assert (base_of("sandun"), shadow_of("sandun")) == ("sandun", None)
    assert in_shadow("traffic-police", "ex7") == "traffic-police~ex7"
    assert in_shadow("sandun", None) == "sandun"


def test_words_are_chinese_unless_english_is_asked():
    words = Words("三墩镇", "Sandun Town")
    assert [words.in_language(code) for code in ("zh-CN", "en", "en-GB", "fr")] == [
        "三墩镇",
        "Sandun Town",
        "Sandun Town",
        "三墩镇",
    ]
