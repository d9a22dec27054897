"""What a picture's first bytes say: its kind and size, read without decoding a single pixel.

The sender's file name and content type are not asked: they may say anything.
"""

from dataclasses import dataclass
from enum import StrEnum

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_NO_LENGTH = {0x01, *range(0xD0, 0xD8)}
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN = 0xDA


class Kind(StrEnum):
    """The kinds of pictures that are taken, by their media types."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"


@dataclass(frozen=True, slots=True)
class Header:
    """A picture's kind and its size in pixels."""

    kind: Kind
    width: int
    height: int

    @property
    def pixels(self) -> int:
        """How many pixels it would take in memory."""
        return self.width * self.height


def kind_of(content: bytes) -> Kind | None:
    """The kind by its signature, or None for anything else."""
    if content.startswith(_JPEG):
        return Kind.JPEG
    if content.startswith(_PNG):
        return Kind.PNG
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return Kind.WEBP
    return None


def header_of(content: bytes) -> Header | None:
    """Kind and size, or None when it is none of the kinds, or breaks off before it says its size."""
    kind = kind_of(content)
    if kind is None:
        return None
    size = {Kind.JPEG: _jpeg, Kind.PNG: _png, Kind.WEBP: _webp}[kind](content)
    return Header(kind, *size) if size and min(size) > 0 else None


def scans_of(content: bytes) -> int:
    """In how many passes a JPEG is drawn, counted generously; each one costs as much as the whole picture."""
    return content.count(bytes((0xFF, _START_OF_SCAN)))


def _png(content: bytes) -> tuple[int, int] | None:
    if content[12:16] != b"IHDR" or len(content) < 24:
        return None
    return int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")


def _jpeg(content: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 4 <= len(content):
        if content[at] != 0xFF:
            return None
        marker = content[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker in _NO_LENGTH:
            at += 2
            continue
        if marker == _START_OF_SCAN:
            return None
        if marker in _FRAMES:
            frame = content[at + 5 : at + 9]
            if len(frame) < 4:
                return None
            return int.from_bytes(frame[2:], "big"), int.from_bytes(frame[:2], "big")
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return None


def _webp(content: bytes) -> tuple[int, int] | None:
    first, data = content[12:16], content[20:30]
    if len(data) < 10:
        return None
    if first == b"VP8X":
        return int.from_bytes(data[4:7], "little") + 1, int.from_bytes(data[7:10], "little") + 1
    if first == b"VP8 " and data[3:6] == b"\x9d\x01\x2a":
        sides = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (6, 8))
        return next(sides), next(sides)
    if first == b"VP8L" and data[0] == 0x2F:
        bits = int.from_bytes(data[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None
