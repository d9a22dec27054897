"""The pages for people, taken apart: their commands, the names they use, their links."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_INNER = re.compile(r"\$\(([^()]*)\)")
_BETWEEN = {"|", "||", "&&", ";", "&"}


@dataclass(frozen=True)
class Page:
    """One page of Markdown."""

    path: Path
    text: str

    def __str__(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def prose(self) -> str:
        """The page without its fenced blocks."""
        return _FENCE.sub("", self.text)

    def blocks(self, *languages: str) -> list[str]:
        """The fenced blocks of these languages."""
        return [body for language, body in _FENCE.findall(self.text) if language in languages]

    @property
    def spans(self) -> list[str]:
        """What stands in backticks in the prose."""
        return _SPAN.findall(self.prose)

    @property
    def links(self) -> list[str]:
        """Where the page's links and pictures lead."""
        return _LINK.findall(_SPAN.sub("", self.prose))

    @property
    def anchors(self) -> set[str]:
        """The headings, as they are linked to."""
        words = (re.sub(r"[^\w\- ]", "", title.lower()) for title in _HEADING.findall(self.prose))
        return {title.strip().replace(" ", "-") for title in words}

    @property
    def commands(self) -> list[str]:
        """What the page's console blocks have one type, a line each."""
        lines = (line for block in self.blocks("console") for line in block.replace("\\\n", "").splitlines())
        return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


def page(path: Path) -> Page:
    """Read one page."""
    return Page(path, path.read_text(encoding="utf-8"))


def pages() -> list[Page]:
    """Every page at the root and under docs/."""
    return [page(path) for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])]


def programs(command: str) -> Iterator[list[str]]:
    """The programs that a shell command runs, each with its arguments; assignments before them are dropped."""
    while found := _INNER.search(command):
        yield from programs(found[1])
        command = command[: found.start()] + "found" + command[found.end() :]
    reader = shlex.shlex(command, posix=True, punctuation_chars="|&;<>")
    reader.whitespace_split = True
    words: list[str] = []
    for word in [*reader, ";"]:
        if word not in _BETWEEN:
            words.append(word)
            continue
        words = _without_redirections(words)
        while words and re.match(r"[A-Za-z_]+=", words[0]):
            words = words[1:]
        if words:
            yield words
        words = []


def _without_redirections(words: list[str]) -> list[str]:
    kept: list[str] = []
    skip = False
    for word in words:
        if not skip and word not in {">", ">>", "<"}:
            kept.append(word)
        skip = word in {">", ">>", "<"}
    return kept
