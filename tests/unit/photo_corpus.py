"""Pictures for tests: honest ones, and such as people send who mean harm."""

import struct
import zlib
from io import BytesIO

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from services.intake.photo_header import Kind

FORMATS = {Kind.JPEG: "JPEG", Kind.PNG: "PNG", Kind.WEBP: "WEBP"}
MAKER = "Nosy Camera Works"
SECRET_PLACE = "30.2741 N 120.1551 E"


def picture(kind: Kind = Kind.JPEG, size: tuple[int, int] = (64, 48), **saved: object) -> bytes:
    """A picture whose left half is red and whose right half is blue."""
    image = Image.new("RGB", size, "blue")
    image.paste("red", (0, 0, size[0] // 2, size[1]))
    return written(image, FORMATS[kind], **saved)


def written(image: Image.Image, format: str, **saved: object) -> bytes:
    """An image as a file."""
    out = BytesIO()
    image.save(out, format, **saved)
    return out.getvalue()


def exif(orientation: int = 1) -> bytes:
    """Metadata as a telephone writes it: maker, orientation, and where its owner stood."""
    told = Image.Exif()
    told[0x010F] = MAKER
    told[0x0112] = orientation
    told[0x9286] = SECRET_PLACE
    gps = told.get_ifd(0x8825)
    gps[1], gps[2], gps[3], gps[4] = "N", (30.0, 16.0, 27.0), "E", (120.0, 9.0, 18.0)
    return told.tobytes()


def telling(kind: Kind, orientation: int = 1) -> bytes:
    """A picture with metadata in every place that its kind has for it."""
    saved: dict[str, object] = {"exif": exif(orientation), "icc_profile": MAKER.encode()}
    if kind is Kind.JPEG:
        saved["comment"] = SECRET_PLACE
    if kind is Kind.WEBP:
        saved["xmp"] = SECRET_PLACE.encode()
    if kind is Kind.PNG:
        text = PngInfo()
        text.add_text("place", SECRET_PLACE)
        text.add_itxt("XML:com.adobe.xmp", SECRET_PLACE)
        saved["pnginfo"] = text
    return picture(kind, **saved) + f"hidden behind it: {SECRET_PLACE}".encode()


def png_chunk(name: bytes, data: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_header(width: int, height: int) -> bytes:
    """The chunk that says a PNG's size."""
    return png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


def png_bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """Some hundred bytes that say they are 3.6 thousand million pixels."""
    pixels = png_chunk(b"IDAT", zlib.compress(b"\0" * 100))
    return b"\x89PNG\r\n\x1a\n" + png_header(width, height) + pixels + png_chunk(b"IEND", b"")


def two_faced_png(width: int = 60_000, height: int = 60_000) -> bytes:
    """A PNG that says it has one pixel, and then that it has very many."""
    honest = b"\x89PNG\r\n\x1a\n" + png_header(1, 1)
    return honest + png_bomb(width, height)[8:]


def jpeg_bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """A small JPEG whose header says that it is large."""
    content = bytearray(picture(Kind.JPEG, (1, 1)))
    at = content.index(b"\xff\xc0")
    content[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(content)


def webp_bomb() -> bytes:
    """A WebP that asks for a canvas as large as there can be, 16,777,216 pixels in a square."""
    data = bytes(4) + (16_383).to_bytes(3, "little") * 2
    chunk = b"VP8X" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk


def many_scans(count: int = 5000) -> bytes:
    """A progressive JPEG that is drawn again and again."""
    content = picture(Kind.JPEG, (64, 64), progressive=True)
    at = content.rindex(b"\xff\xda")
    return content[:at] + content[at:-2] * count + content[-2:]


NOT_PHOTOS = {
    "empty": b"",
    "gif-renamed": written(Image.new("RGB", (8, 8)), "GIF"),
    "bmp": written(Image.new("RGB", (8, 8)), "BMP"),
    "tiff": written(Image.new("RGB", (8, 8)), "TIFF"),
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "html": b"<html><script>alert(1)</script></html>",
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "riff-but-wave": b"RIFF\x24\0\0\0WAVEfmt ",
}
BROKEN = {
    "jpeg-signature-only": b"\xff\xd8\xff",
    "png-signature-only": b"\x89PNG\r\n\x1a\n",
    "webp-signature-only": b"RIFF\0\0\0\0WEBP",
    "jpeg-half": picture(Kind.JPEG, (200, 200))[:900],
    "png-half": written(Image.effect_noise((64, 64), 80), "PNG")[:2000],
    "webp-half": picture(Kind.WEBP, (200, 200))[:80],
    "png-without-pixels": b"\x89PNG\r\n\x1a\n" + png_header(4, 4) + png_chunk(b"IEND", b""),
    "png-of-no-size": png_bomb(0, 0),
    "jpeg-noise": b"\xff\xd8\xff\xe0" + bytes(range(256)),
}
BOMBS = {
    "png-60000": png_bomb(),
    "jpeg-60000": jpeg_bomb(),
    "webp-16384": webp_bomb(),
    "png-two-faced": two_faced_png(),
}
