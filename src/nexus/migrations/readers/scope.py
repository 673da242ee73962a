"""What a FROM clause offers to the names of its query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from nexus.migrations.effects.effect import Table

# Columns that a query returns, by name; None where they are not known (`SELECT *` of a table).
Columns = frozenset[str] | None


@dataclass
class Scope:
    """`tables`: alias → the table; `derived`: alias → the columns of a subquery, a CTE, VALUES or a function.

    `outer`: the scope of the query around it, which a correlated query sees too.
    """

    tables: dict[str, Table] = field(default_factory=dict)
    derived: dict[str, Columns] = field(default_factory=dict)
    outer: Scope | None = None

    def behind(self, alias: str) -> Table | None:
        """The table of an alias; None where it is none, or not known."""
        if alias in self.tables:
            return self.tables[alias]
        if alias in self.derived:
            return None
        return self.outer.behind(alias) if self.outer else None

    def holds(self, alias: str) -> bool:
        """Whether a name is that of something in FROM."""
        here = alias in self.tables or alias in self.derived
        return here or (self.outer is not None and self.outer.holds(alias))

    def candidates(self, column: str) -> Iterator[Table]:
        """The tables of which an unqualified column may be: those of the innermost scope that has any, and of
        those around it. A subquery that surely has the column ends the search, as PostgreSQL would else call
        it ambiguous.
        """
        if any(columns is not None and column in columns for columns in self.derived.values()):
            return
        yield from dict.fromkeys(self.tables.values())
        if self.outer is not None:
            yield from self.outer.candidates(column)


@dataclass(frozen=True)
class Names:
    """What surrounds a query: the CTEs it may name, and the schema of names without one."""

    schema: str
    ctes: Mapping[str, Columns] = field(default_factory=dict)

    def with_cte(self, name: str, columns: Columns) -> Names:
        """The same with one more CTE."""
        return Names(self.schema, {**self.ctes, name: columns})
