"""Pictures from outside: what is taken, what is left of it, and what is refused before it is drawn."""

from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from qipan.contracts.errors import Invalid
from services.intake import photo_image
from services.intake.photo_header import Kind, header_of
from services.intake.photo_image import CleanPhoto, PhotoLimits, clean
from tests.unit.photo_corpus import (
    BOMBS,
    BROKEN,
    FORMATS,
    MAKER,
    NOT_PHOTOS,
    SECRET_PLACE,
    exif,
    many_scans,
    picture,
    telling,
    written,
)

LIMITS = PhotoLimits(bytes=1_000_000, pixels=4_000_000, side=600)
KINDS = list(Kind)


def opened(photo: CleanPhoto) -> Image.Image:
    image = Image.open(BytesIO(photo.content))
    image.load()
    return image


def refused(content: bytes, limits: PhotoLimits = LIMITS) -> list[str]:
    with pytest.raises(Invalid) as caught:
        clean(content, limits)
    assert all(fault.where == "photo" and fault.allowed for fault in caught.value.faults)
    return [fault.what for fault in caught.value.faults]


@pytest.mark.parametrize("kind", KINDS)
def test_an_honest_photo_stays_what_it_shows(kind: Kind) -> None:
    photo = clean(picture(kind), LIMITS)
    image = opened(photo)
    assert (photo.kind, image.format, image.size) == (kind, FORMATS[kind], (64, 48))
    left, right = image.convert("RGB").getpixel((5, 20)), image.convert("RGB").getpixel((60, 20))
    assert left[0] > 200 > left[2]
    assert right[2] > 200 > right[0]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_left_but_the_pixels(kind: Kind) -> None:
    sent = telling(kind)
    assert MAKER.encode() in sent or kind is Kind.PNG  # the control: it was there (a PNG packs its profile)
    assert SECRET_PLACE.encode() in sent
    assert Image.open(BytesIO(sent)).getexif().get_ifd(0x8825)
    photo = clean(sent, LIMITS)
    for told in (MAKER, SECRET_PLACE, "Exif", "EXIF", "ICC", "iCCP", "xmp", "XMP", "hidden"):
        assert told.encode() not in photo.content
    image = opened(photo)
    assert not image.getexif()
    assert not {"exif", "icc_profile", "comment", "xmp", "place"} & image.info.keys()


@pytest.mark.parametrize("kind", [Kind.JPEG, Kind.WEBP, Kind.PNG])
@pytest.mark.parametrize(
    ("orientation", "size", "red_at"),
    [(1, (64, 48), (5, 20)), (3, (64, 48), (60, 20)), (6, (48, 64), (20, 5)), (8, (48, 64), (20, 60))],
)
def test_it_is_turned_upright_before_its_orientation_is_forgotten(
    kind: Kind, orientation: int, size: tuple[int, int], red_at: tuple[int, int]
) -> None:
    photo = clean(telling(kind, orientation), LIMITS)
    image = opened(photo).convert("RGB")
    assert image.size == (photo.width, photo.height) == size
    red = image.getpixel(red_at)
    assert red[0] > 200 > red[2]


def test_broken_metadata_does_not_spoil_a_photo() -> None:
    spoilt = exif()[:8] + b"\xff" * 40
    assert clean(picture(Kind.JPEG, exif=spoilt), LIMITS).width == 64


@pytest.mark.parametrize("kind", KINDS)
def test_a_large_photo_is_kept_smaller(kind: Kind) -> None:
    photo = clean(picture(kind, (1600, 800)), LIMITS)
    assert (photo.width, photo.height) == opened(photo).size == (600, 300)


@pytest.mark.parametrize("kind", [Kind.PNG, Kind.WEBP])
def test_what_one_can_see_through_stays_so(kind: Kind) -> None:
    content = written(Image.new("RGBA", (20, 20), (255, 0, 0, 10)), FORMATS[kind])
    assert opened(clean(content, LIMITS)).convert("RGBA").getpixel((5, 5))[3] < 50


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK"])
def test_unusual_colours_are_taken(mode: str) -> None:
    format = "JPEG" if mode == "CMYK" else "PNG"
    assert clean(written(Image.new(mode, (20, 20)), format), LIMITS).width == 20


@pytest.mark.parametrize("name", sorted(NOT_PHOTOS))
def test_what_is_no_photo_by_its_content_is_refused(name: str) -> None:
    assert refused(NOT_PHOTOS[name]) == ["is none by its content"]


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_what_is_broken_is_refused(name: str) -> None:
    [what] = refused(BROKEN[name])
    assert "broken or incomplete" in what or "breaks off" in what


@pytest.mark.parametrize("name", sorted(set(BOMBS) - {"png-two-faced"}))
def test_a_bomb_is_refused_undecoded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def touched(*_: object, **__: object) -> None:
        raise AssertionError("a decoder was given the bomb")

    monkeypatch.setattr(photo_image.Image, "open", touched)
    [what] = refused(BOMBS[name])
    assert "pixels" in what
    with pytest.raises(AssertionError):  # the control: an honest photo does reach the decoder
        photo_image._drawn(picture(), Kind.JPEG, LIMITS)


def test_a_bomb_that_first_says_that_it_is_small_is_refused_undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[object] = []
    monkeypatch.setattr(photo_image.ImageOps, "exif_transpose", drawn.append)
    refused(BOMBS["png-two-faced"])
    assert drawn == []


def test_a_photo_of_too_many_passes_is_refused() -> None:
    assert refused(many_scans()) == ["is drawn in too many passes"]
    assert clean(picture(Kind.JPEG, (64, 64), progressive=True), LIMITS).width == 64


def test_every_fault_is_told() -> None:
    tight = PhotoLimits(bytes=100, pixels=100, side=600)
    assert len(refused(many_scans(), tight)) == 3


def test_limits_are_those_that_are_set() -> None:
    exact = PhotoLimits(bytes=len(picture()), pixels=64 * 48, side=600)
    assert clean(picture(), exact).width == 64
    assert refused(picture(), PhotoLimits(exact.bytes - 1, exact.pixels, 600)) == [f"has {exact.bytes} bytes"]
    assert refused(picture(), PhotoLimits(exact.bytes, exact.pixels - 1, 600)) == [
        "has 3072 pixels (64 × 48)"
    ]


@given(kind=st.sampled_from(KINDS), width=st.integers(1, 400), height=st.integers(1, 400))
@settings(deadline=None, max_examples=40)
def test_the_header_is_read_as_the_decoder_reads_it(kind: Kind, width: int, height: int) -> None:
    header = header_of(picture(kind, (width, height)))
    assert header is not None
    assert (header.kind, header.width, header.height) == (kind, width, height)


@pytest.mark.parametrize("saved", [{"lossless": True}, {"lossless": False}, {"exif": b"Exif\0\0"}])
def test_every_kind_of_webp_says_its_size(saved: dict[str, object]) -> None:
    header = header_of(picture(Kind.WEBP, (33, 77), **saved))
    assert header is not None
    assert (header.width, header.height) == (33, 77)


@given(kind=st.sampled_from(KINDS), data=st.data())
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_done_to_a_photo_it_is_taken_or_refused(kind: Kind, data: st.DataObject) -> None:
    content = bytearray(telling(kind))
    for _ in range(data.draw(st.integers(0, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    photo = None
    with suppress(Invalid):
        photo = clean(bytes(content[:cut] if data.draw(st.booleans()) else content), LIMITS)
    if photo is not None:
        assert SECRET_PLACE.encode() not in photo.content
        assert photo.width * photo.height <= LIMITS.pixels
