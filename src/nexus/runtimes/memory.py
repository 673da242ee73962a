"""What is remembered of a stack from one command to the next: short texts by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Memory(Protocol):
    """Texts by name. The register of the state folder is one."""

    def get(self, name: str, default: str = "") -> str:
        """A text, or `default`."""

    def set(self, name: str, value: str) -> None:
        """Remembers a text."""

    def unset(self, name: str) -> None:
        """Forgets a text."""


class Blank:
    """A memory that begins with what it is given and leaves nothing behind."""

    def __init__(self, texts: Mapping[str, str] | None = None) -> None:
        self._texts = dict(texts or {})

    def get(self, name: str, default: str = "") -> str:
        return self._texts.get(name, default)

    def set(self, name: str, value: str) -> None:
        self._texts[name] = value

    def unset(self, name: str) -> None:
        self._texts.pop(name, None)
