"""The month's report as the district's lead gets it when the day is over: page and PDF, in both languages."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from exercise.players.client import HttpClient, NoAnswer, Refusal

LANGUAGES = ("zh", "en")
PAGE, PDF = "html", "pdf"


@dataclass(frozen=True, slots=True)
class Reports:
    """The files by their names, `report-<language>.<format>`, and why others could not be had."""

    files: Mapping[str, bytes]
    missing: Mapping[str, str]

    def faults(self, *, font_set_up: bool) -> list[str]:
        """Those that had to be there: pages always, PDFs only where setup was to bring the font that they need."""
        return [
            f"{name} cannot be had" for name in self.missing if font_set_up or not name.endswith(f".{PDF}")
        ]


async def fetch(http: HttpClient, token: str) -> Reports:
    """All that can be had: the day's books are worth more than a report."""
    files: dict[str, bytes] = {}
    missing: dict[str, str] = {}
    for language in LANGUAGES:
        for form in (PAGE, PDF):
            name = f"report-{language}.{form}"
            params = {"period": "this-month", "format": form}
            try:
                files[name] = await http.file("/v1/report", token=token, params=params, language=language)
            except (Refusal, NoAnswer) as trouble:
                missing[name] = str(trouble)
    return Reports(files, missing)


def keep(reports: Reports, folder: Path) -> list[Path]:
    """Write them; returns where."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, content in reports.files.items():
        file = folder / name
        file.write_bytes(content)
        files.append(file)
    return files
