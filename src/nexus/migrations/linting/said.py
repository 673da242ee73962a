"""Sentences that are told in the operator's language when all is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from nexus.migrations.linting.words import PT_BR
from nexus.migrations.planning import sizes

_SWAPPED = str.maketrans(",.", ".,")


@dataclass(frozen=True)
class Said:
    """An English sentence with places in braces, and what stands there: names, amounts, other sentences."""

    text: str
    values: Mapping[str, object] = field(default_factory=dict)

    def told(self, language: str) -> str:
        """`en` or `pt-BR`."""
        pattern = PT_BR.get(self.text, self.text) if language == "pt-BR" else self.text
        return pattern.format(**{key: _told(each, language) for key, each in self.values.items()})


class Listed(NamedTuple):
    """Several of them, with commas between."""

    parts: Sequence[object]


class Rows(NamedTuple):
    """A count of rows; below zero: not counted yet."""

    number: int


class Bytes(NamedTuple):
    """A size."""

    number: int


class Seconds(NamedTuple):
    """A time that something is likely to take."""

    number: float


def said(text: str, **values: object) -> Said:
    """A sentence with its values."""
    return Said(text, values)


def _told(value: object, language: str) -> str:
    if isinstance(value, Said):
        return value.told(language)
    if isinstance(value, Listed):
        return ", ".join(_told(each, language) for each in value.parts)
    if isinstance(value, Rows):
        return _rows(value.number, language)
    if isinstance(value, (Bytes, Seconds)):
        told = sizes.size(value.number) if isinstance(value, Bytes) else sizes.duration(value.number)
        return PT_BR.get(told, told.translate(_SWAPPED)) if language == "pt-BR" else told
    return str(value)


def _rows(count: int, language: str) -> str:
    told = sizes.rows(count)
    if language != "pt-BR":
        return told
    plain = {-1: "linhas ainda não contadas", 1: "1 linha"}
    return plain.get(max(count, -1), told.translate(_SWAPPED).replace("rows", "linhas"))
