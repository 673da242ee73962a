"""What an audit tells: a rule, a place, why it hurts and how to mend it, in two languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple


class Severity(IntEnum):
    """How much a finding will hurt; greater is worse."""

    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def word(self) -> str:
        return self.name.lower()

    @classmethod
    def named(cls, word: str) -> Severity:
        """Return the severity of a word such as `high`. Raises KeyError on others."""
        return cls[word.upper()]


class Said(NamedTuple):
    """One sentence in English and in Brazilian Portuguese; `{names}` are filled in per finding."""

    en: str
    pt: str

    def to(self, language: str, values: Mapping[str, object]) -> str:
        """Return the sentence in a language, with its values."""
        text = self.pt if language == "pt-BR" else self.en
        return text.format_map(values) if values else text.format()


@dataclass(frozen=True)
class RuleFacts:
    """What is true of every finding of a rule."""

    id: str
    severity: Severity
    title: Said
    why: Said
    mend: Said

    @property
    def topic(self) -> str:
        return self.id.partition("/")[0] if "/" in self.id else ""


@dataclass(frozen=True)
class Hit:
    """A place where a rule is broken, and the values its sentences need."""

    file: Path
    line: int
    values: Mapping[str, object] = field(default_factory=dict)
    severity: Severity | None = None


@dataclass(frozen=True)
class Finding:
    """A broken rule at a place; the file is relative to the project's root."""

    rule: RuleFacts
    severity: Severity
    file: str
    line: int
    values: Mapping[str, object]

    def why(self, language: str = "en") -> str:
        return self.rule.why.to(language, self.values)

    def mend(self, language: str = "en") -> str:
        return self.rule.mend.to(language, self.values)

    def title(self, language: str = "en") -> str:
        return self.rule.title.to(language, {})

    @property
    def order(self) -> tuple[int, str, int, str]:
        """Worst first, then by place."""
        return (-self.severity, self.file, self.line, self.rule.id)


def hit(file: Path, line: int, /, severity: Severity | None = None, **values: object) -> Hit:
    """Return a hit with its values by name."""
    return Hit(file, line, values, severity)
