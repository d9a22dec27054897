"""Photos as the settings say: where they lie, how large they may be, how many a report may have."""

from qipan.settings import Settings
from qipan.storage import Database
from services.intake.photo_files import PhotoFiles
from services.intake.photo_image import PhotoLimits
from services.intake.photo_names import PhotoNames
from services.intake.photos import Photos


def photos_by(chosen: Settings, database: Database) -> Photos:
    """What takes, gives and sweeps photos; ValueError when the place for them is none that fsspec knows."""
    return Photos(
        database,
        PhotoFiles.of(chosen.photos_url, chosen.var),
        PhotoNames(chosen.door_secret),
        PhotoLimits(bytes=chosen.photo_bytes, pixels=chosen.photo_pixels, side=chosen.photo_side),
        chosen.photos_per_report,
    )
