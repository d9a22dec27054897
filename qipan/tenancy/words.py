"""A text in the languages people are addressed in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """One text in Chinese and in English."""

    zh: str
    en: str

    def in_language(self, language: str) -> str:
        """The text in `language` (`zh`, `en`, `zh-CN` …); Chinese when the language is another."""
        return self.en if language.lower().startswith("en") else self.zh
