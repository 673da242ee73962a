"""A sentence for people, which can still be put into their language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Sentence(str):
    """English text; `text` is it with places in braces for the `values`."""

    text: str
    values: dict[str, Any]

    def __new__(cls, text: str, **values: object) -> Sentence:
        found = super().__new__(cls, text.format(**values) if values else text)
        found.text, found.values = text, values
        return found


Say = Callable[[Sentence], None]


def unsaid(sentence: Sentence) -> None:
    """Say nothing."""
