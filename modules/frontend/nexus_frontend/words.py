"""The application's texts: TOML files in which each key has its Portuguese and its English text."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from nexus_frontend.settings import LANGUAGES

FOLDER = Path(__file__).parent / "locales"


class Words:
    """The texts in one language. ``words("orders.count", n=3)``: a text with ``|`` holds singular|plural."""

    def __init__(self, language: str, texts: dict[str, str]) -> None:
        self.language = language
        self._texts = texts

    def __call__(self, key: str, **values: object) -> str:
        text = self._texts[key]
        if "|" in text:
            one, _, many = text.partition("|")
            text = one if str(values.get("n")) == "1" else many
        return text.format(**values) if values else text

    def label(self, area: str, value: object) -> str:
        """The text of a value a module sent (a state, a kind); the value itself when it has none."""
        return self._texts.get(f"{area}.{value}", str(value if value is not None else ""))

    def options(self, area: str, prefix: str, values: tuple[str, ...]) -> list[tuple[str, str, str]]:
        """Filters for a list: address, text and value of each state."""
        return [(prefix + value, self.label(area, value), value) for value in values]

    def find(self, key: str) -> str | None:
        """The text, or None when there is none."""
        return self._texts.get(key)


@cache
def catalogue() -> dict[str, Words]:
    """All texts by language. ValueError names the key that lacks a language."""
    texts: dict[str, dict[str, str]] = {language: {} for language in LANGUAGES}
    for file in sorted(FOLDER.glob("*.toml")):
        for area, keys in tomllib.loads(file.read_text(encoding="utf-8")).items():
            for key, pair in keys.items():
                if area == "problem":  # in English the module's own sentence stands
                    texts[LANGUAGES[0]][f"problem.{key}"] = pair
                    continue
                if not isinstance(pair, list) or len(pair) != len(LANGUAGES):
                    raise ValueError(f"{file.name}: {area}.{key}: give one text for each of {LANGUAGES}")
                for language, text in zip(LANGUAGES, pair, strict=True):
                    texts[language][f"{area}.{key}"] = text
    return {language: Words(language, found) for language, found in texts.items()}
