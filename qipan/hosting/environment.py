"""The settings that every process of a district shares. None of them is a secret."""

from qipan.settings import Settings

_SHARED = (
    "clocks",
    "core_user",
    "host",
    "public_url",
    "log",
    "log_level",
    "batch_size",
    "linger_ms",
    "outbox_limit",
    "photo_bytes",
    "photo_pixels",
    "photo_side",
    "photos_per_report",
    "comments_per_hour",
    "import_bytes",
    "import_rows",
    "unguarded",
)


def shared_environment(settings: Settings) -> dict[str, str]:
    """As environment variables, with paths made absolute."""
    found = {f"QIPAN_{name.upper()}": str(getattr(settings, name)) for name in _SHARED}
    found["QIPAN_DISTRICT"] = str(settings.district.absolute())
    found["QIPAN_VAR"] = str(settings.var.absolute())
    if settings.report_font is not None:
        found["QIPAN_REPORT_FONT"] = str(settings.report_font.absolute())
    found["QIPAN_RETRY_DELAYS_MS"] = str(list(settings.retry_delays_ms))
    return found
