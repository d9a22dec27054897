"""A model of what reports are about: learned, written, read again, and asked with numpy alone."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.classify import Vocabulary, Wording
from services.intake.grams import LONGEST_READ, grams, plain
from services.intake.learning import TooFew, evaluate, split, train
from services.intake.lessons import Lesson, LessonFault, read_lessons
from services.intake.model import Model, ModelFault, read_model

NOW = datetime(2026, 3, 5, 4, tzinfo=UTC)
LAMP, RUBBISH, NOISE = "s:01037", "s:06010", "s:06028"
PLACES = ("文三路", "天目山路", "古墩路", "the gate", "the corner", "building 7", "学院路", "余杭塘路")
SAID = {
    LAMP: ("{}路灯不亮", "{}的灯一直不亮，太黑", "street lamp out at {}", "the light is dark at {}"),
    RUBBISH: ("{}垃圾成堆没人清", "{}有一堆垃圾很臭", "rubbish piled up at {}", "garbage smells at {}"),
    NOISE: ("{}半夜施工噪声很大", "{}音响太吵睡不着", "loud noise all night at {}", "too noisy music at {}"),
}
LESSONS = [
    Lesson(words.format(place), matter) for matter, all in SAID.items() for words in all for place in PLACES
]


@pytest.fixture(scope="module")
def model() -> Model:
    return train(LESSONS, "sandun", NOW)


@pytest.mark.parametrize(
    ("words", "matter"),
    [
        ("莫干山路路灯不亮了", LAMP),
        ("the street lamp is out again", LAMP),
        ("楼下垃圾堆着发臭", RUBBISH),
        ("so much rubish here, it smels", RUBBISH),
        ("隔壁太吵了，噪声不断", NOISE),
        ("noisy all night", NOISE),
    ],
)
def test_it_recognises_new_words_in_both_languages(model: Model, words: str, matter: str) -> None:
    guess = model.guess(words)
    assert guess is not None
    assert guess.matter == matter
    assert guess.version == model.version


def test_its_reasons_are_runs_of_the_text_that_was_asked_about(model: Model) -> None:
    guess = model.guess("门口垃圾没人清")
    assert guess is not None
    assert any("垃圾" in reason for reason in guess.reasons)
    assert all(reason in plain("门口垃圾没人清") for reason in guess.reasons)


@given(st.text(max_size=60))
def test_whatever_is_said_its_chances_are_chances(words: str) -> None:
    guess = _SMALL.guess(words)
    if guess is not None:
        chances = [chance for _, chance in guess.likely]
        assert chances == sorted(chances, reverse=True)
        assert all(0 <= chance <= 1 for chance in chances)
        assert sum(chances) <= 1.001


def test_it_says_nothing_about_what_it_knows_nothing_of(model: Model) -> None:
    assert model.guess("") is None
    assert model.guess("ωψ") is None


def test_it_suggests_only_what_the_town_knows(model: Model) -> None:
    guess = model.guess("路灯不亮", {RUBBISH, NOISE})
    assert guess is not None
    assert LAMP not in {matter for matter, _ in guess.likely}
    assert model.guess("路灯不亮", {"s:99999"}) is None


def test_it_is_the_same_after_it_was_written_and_read(model: Model, tmp_path: Path) -> None:
    model.write(tmp_path / "deep" / "m.npz")
    read = read_model(tmp_path / "deep" / "m.npz")
    assert read.version == model.version == f"sandun-20260305T040000Z-{model.version[-8:]}"
    assert read.about == model.about
    for lesson in LESSONS[:20]:
        assert read.guess(lesson.text) == model.guess(lesson.text)


def test_learning_the_same_gives_the_same_model(model: Model) -> None:
    assert train(LESSONS, "sandun", NOW).version == model.version


def test_a_changed_file_is_refused(model: Model, tmp_path: Path) -> None:
    file = tmp_path / "m.npz"
    with np.load(BytesIO(model.to_bytes())) as archive:
        arrays = {name: archive[name] for name in archive.files}
    arrays["bias"] = arrays["bias"] + np.float32(5)
    np.savez(file, **arrays)
    with pytest.raises(ModelFault, match="was changed after it was made"):
        read_model(file)


def test_a_file_of_objects_is_never_unpickled(tmp_path: Path) -> None:
    file = tmp_path / "m.npz"
    np.savez(file, header=np.array([{"format": 1}], dtype=object))
    with pytest.raises(ModelFault, match="is no model"):
        read_model(file)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no archive", b"\x80\x04\x95pickle"])
def test_what_is_no_model_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "m.npz"
    file.write_bytes(content)
    with pytest.raises(ModelFault, match="qipan classify train"):
        read_model(file)


def test_a_newer_format_is_refused_by_name(model: Model, tmp_path: Path) -> None:
    with np.load(BytesIO(model.to_bytes())) as archive:
        arrays = {name: archive[name] for name in archive.files}
    header = {**json.loads(arrays["header"].tobytes()), "format": 2}
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(tmp_path / "m.npz", **arrays)
    with pytest.raises(ModelFault, match="has format 2"):
        read_model(tmp_path / "m.npz")


def test_two_matters_are_enough_and_one_is_not() -> None:
    two = [lesson for lesson in LESSONS if lesson.matter != NOISE]
    guess = train(two, "sandun", NOW).guess("路灯不亮")
    assert guess is not None
    assert guess.matter == LAMP
    with pytest.raises(TooFew, match="at least 2 matters"):
        train([lesson for lesson in LESSONS if lesson.matter == LAMP], "sandun", NOW)


def test_rare_matters_are_left_out() -> None:
    model = train([*LESSONS, Lesson("独一无二", "s:01001")], "sandun", NOW)
    assert "s:01001" not in model.matters


def test_it_is_judged_on_texts_that_it_has_not_seen() -> None:
    doubled = [*LESSONS, *LESSONS]
    rest, out = split(doubled, 0.25, 1)
    assert out
    assert {lesson.text for lesson in rest}.isdisjoint(lesson.text for lesson in out)
    words = Vocabulary([Wording(LAMP, ("路灯",)), Wording(RUBBISH, ("垃圾", "rubbish"))])
    found = evaluate(doubled, words, 0.6, NOW)
    assert found.accuracy > 0.8 > 0.6 > found.majority
    assert found.accuracy <= found.top_3 <= 1
    assert found.words is not None
    assert found.words < found.accuracy
    assert found.words_right_when_answered == 1.0
    assert 0 <= found.calibration_error < 0.4


def test_guessing_what_has_nothing_to_do_with_the_text_is_seen_in_the_figures() -> None:
    """The control: figures of matters dealt out at random are those of guessing."""
    chance = np.random.default_rng(3)
    dealt = [Lesson(lesson.text, str(chance.choice(list(SAID)))) for lesson in LESSONS]
    assert evaluate(dealt, None, 0.6, NOW).accuracy < 0.65


def test_asking_needs_no_learning_library(model: Model, tmp_path: Path) -> None:
    model.write(tmp_path / "m.npz")
    asked = (
        "import sys; sys.modules['sklearn'] = sys.modules['scipy.optimize'] = None\n"
        "from pathlib import Path; from services.intake.model import read_model; import services.intake.desk\n"
        f"print(read_model(Path({str(tmp_path / 'm.npz')!r})).guess('路灯不亮').matter)"
    )
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", asked], cwd=root, capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == (f"{LAMP}\n", "")


def test_width_case_and_numbers_make_no_difference() -> None:
    assert grams("Ｌamp 12，out！") == grams("lamp 7 OUT")
    assert grams(" ，。 ") == {}
    assert grams("灯" * LONGEST_READ) == grams("灯" * (LONGEST_READ + 500))


def test_lessons_are_read_and_every_fault_is_named(tmp_path: Path) -> None:
    file = tmp_path / "l.csv"
    file.write_text("\ufefftext,matter,other\n路灯不亮,s:01037,x\n", encoding="utf-8")
    assert read_lessons(file) == [Lesson("路灯不亮", LAMP)]
    file.write_text("text,matter\n,s:01037\nx,\n", encoding="utf-8")
    with pytest.raises(LessonFault, match=r"line 2.*line 3"):
        read_lessons(file)
    file.write_text("words,matter\nx,y\n", encoding="utf-8")
    with pytest.raises(LessonFault, match=r"lacks the column\(s\) text"):
        read_lessons(file)
    file.write_bytes("text,matter\n路灯,s:01037\n".encode("gb18030"))
    with pytest.raises(LessonFault, match="UTF-8"):
        read_lessons(file)


_SMALL = train(LESSONS, "sandun", NOW)
