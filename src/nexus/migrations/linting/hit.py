"""What a rule found, before it is weighed; and all that rules know besides their case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nexus.migrations.effects.effect import Living, Table, TableFacts
from nexus.migrations.linting.case import Case
from nexus.migrations.linting.finding import Level
from nexus.migrations.linting.said import Said
from nexus.migrations.readers import Reader


@dataclass(frozen=True)
class Hit:
    """`level` None: what the living tables say decides, and on a table that holds nothing it is nothing."""

    rule: str
    case: Case
    sentence: Said
    rewrite: str = ""
    level: Level | None = None
    living: Said | None = None


@dataclass(frozen=True)
class Known:
    """`living`: None where no database answers."""

    living: Living | None
    readers: Sequence[Reader] = ()
    language: str = "en"

    def facts(self, table: Table) -> TableFacts | None:
        """A living table."""
        return self.living.tables.get(table) if self.living else None

    def columns(self, table: Table) -> frozenset[str]:
        """The columns of a living table; none where it is not known."""
        facts = self.facts(table)
        return frozenset(facts.columns) if facts else frozenset()

    def not_null(self, table: Table) -> frozenset[str]:
        """Those of them that hold no null."""
        facts = self.facts(table)
        return facts.not_null if facts else frozenset()
