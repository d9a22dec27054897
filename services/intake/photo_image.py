"""A picture from outside made anew: drawn once, turned upright, and written without anything but its pixels."""

from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageOps

from qipan.contracts.errors import Fault, Invalid
from services.intake.photo_header import Header, Kind, header_of, kind_of, scans_of

MOST_SCANS = 100
"""A progressive JPEG has ten or so; with thousands a small file keeps a processor busy for minutes."""

QUALITY = 85
_FORMATS = {Kind.JPEG: "JPEG", Kind.PNG: "PNG", Kind.WEBP: "WEBP"}


@dataclass(frozen=True, slots=True)
class PhotoLimits:
    """What is taken: bytes as sent, pixels as drawn. `side` is the longest side kept, in pixels."""

    bytes: int
    pixels: int
    side: int


@dataclass(frozen=True, slots=True)
class CleanPhoto:
    """A photo made anew, with its size in pixels."""

    kind: Kind
    content: bytes
    width: int
    height: int


def clean(content: bytes, limits: PhotoLimits) -> CleanPhoto:
    """The photo with nothing in it but what one sees. Invalid, with every fault, when it is none or too large.

    What its header says is judged before any of it is decoded. Metadata (EXIF with its place and device, XMP,
    comments, colour profiles, previews) is not carried over; of a moving picture the first frame is kept.
    """
    header = header_of(content)
    faults = header_faults(content, header, limits)
    if faults or header is None:
        raise Invalid("The photo cannot be taken.", faults=faults)
    try:
        drawn = _drawn(content, header.kind, limits)
    except _TooLarge as error:
        raise Invalid(
            "The photo cannot be taken.", faults=(_too_many(error.width, error.height, limits),)
        ) from None
    except Exception as error:
        fault = Fault(
            where="photo", what="cannot be read: it is broken or incomplete", allowed="a whole picture"
        )
        raise Invalid("The photo cannot be taken.", faults=(fault,)) from error
    out = BytesIO()
    drawn.save(out, _FORMATS[header.kind], **({} if header.kind is Kind.PNG else {"quality": QUALITY}))
    return CleanPhoto(header.kind, out.getvalue(), drawn.width, drawn.height)


def header_faults(content: bytes, header: Header | None, limits: PhotoLimits) -> tuple[Fault, ...]:
    """All that is wrong by size and first bytes."""
    faults = []
    if len(content) > limits.bytes:
        faults.append(
            Fault(where="photo", what=f"has {len(content)} bytes", allowed=f"≤ {limits.bytes} bytes")
        )
    if kind_of(content) is None:
        faults.append(Fault(where="photo", what="is none by its content", allowed="JPEG, PNG or WebP"))
    elif header is None:
        faults.append(Fault(where="photo", what="breaks off before its size", allowed="a whole picture"))
    elif header.pixels > limits.pixels:
        faults.append(_too_many(header.width, header.height, limits))
    if header is not None and header.kind is Kind.JPEG and scans_of(content) > MOST_SCANS:
        faults.append(Fault(where="photo", what="is drawn in too many passes", allowed=f"≤ {MOST_SCANS}"))
    return tuple(faults)


class _TooLarge(Exception):
    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height


def _too_many(width: int, height: int, limits: PhotoLimits) -> Fault:
    what = f"has {width * height} pixels ({width} × {height})"
    return Fault(where="photo", what=what, allowed=f"≤ {limits.pixels} pixels")


def _drawn(content: bytes, kind: Kind, limits: PhotoLimits) -> Image.Image:
    with Image.open(BytesIO(content), formats=[_FORMATS[kind]]) as picture:
        # A file can say two sizes; what the decoder goes by counts.
        if picture.width * picture.height > limits.pixels:
            raise _TooLarge(picture.width, picture.height)
        picture.draft(None, (limits.side, limits.side))
        picture.load()
        picture.thumbnail((limits.side, limits.side))
        upright = _upright(picture)
        see_through = kind is not Kind.JPEG and upright.has_transparency_data
        pixels = upright.convert("RGBA" if see_through else "RGB")
    bare = Image.new(pixels.mode, pixels.size)
    bare.paste(pixels)
    return bare


def _upright(picture: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # noqa: BLE001 - metadata that cannot be read is no reason to refuse what one sees
        return picture
