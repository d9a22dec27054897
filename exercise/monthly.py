"""The month's report as the district's lead gets it when the day is over: page and PDF, in both languages."""

from collections.abc import Mapping
from pathlib import Path

from exercise.players.client import HttpClient

LANGUAGES = ("zh", "en")
FORMATS = ("html", "pdf")


async def fetch(http: HttpClient, token: str) -> dict[str, bytes]:
    """The files by their names, `report-<language>.<format>`. Raises Refusal or NoAnswer."""
    return {
        f"report-{language}.{form}": await http.file(
            "/v1/report", token=token, params={"period": "this-month", "format": form}, language=language
        )
        for language in LANGUAGES
        for form in FORMATS
    }


def keep(reports: Mapping[str, bytes], folder: Path) -> list[Path]:
    """Write them; returns where."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, content in reports.items():
        file = folder / name
        file.write_bytes(content)
        files.append(file)
    return files
