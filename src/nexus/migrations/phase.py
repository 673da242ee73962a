"""The phase of a migration: does the code that ran before it run after it too?

*expand*: it adds, and the former code goes on. *contract*: it takes away what the former code may need, so
that nobody can go back across it. A script declares its phase in its leading comments, or it is read from its
statements with PostgreSQL's own parser.

    -- nexus: phase=contract
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pglast import ast, parse_sql
from pglast.parser import ParseError, scan

from nexus.migrations.declared import PhaseName, declared
from nexus.migrations.migration import Migration
from nexus.migrations.narrowing import narrows
from nexus.migrations.script import Script
from nexus.migrations.statements import refused


@dataclass(frozen=True)
class Phase:
    """The phase of a migration, and why: sentences that name the statement and its line."""

    name: PhaseName
    reasons: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Why it is a contract, in one sentence ("" for one that expands)."""
        return "; ".join(self.reasons)


def phase_of(migration: Migration, plain: frozenset[str] = frozenset()) -> Phase:
    """The phase of a migration. `plain`: indexes of which is known that they are not unique.

    Raises:
        MigrationUnreadable: its declaration cannot be read, or PostgreSQL's parser refuses its SQL.
    """
    told = declared(migration).phase
    if told:
        return Phase(told, ("it declares so",) if told == "contract" else ())
    reasons = _reasons(migration, plain)
    return Phase("contract" if reasons else "expand", reasons)


def plain_indexes(migrations: Iterable[Migration]) -> frozenset[str]:
    """The names of the indexes that these scripts make and that are not unique.

    Raises:
        MigrationUnreadable: PostgreSQL's parser refuses the SQL of one.
    """
    unique: dict[str, bool] = {}
    for migration in migrations:
        for raw in _parsed(migration):
            if isinstance(raw.stmt, ast.IndexStmt) and raw.stmt.idxname:
                name = str(raw.stmt.idxname)
                unique[name] = unique.get(name, False) or bool(raw.stmt.unique)
    return frozenset(name for name, is_unique in unique.items() if not is_unique)


def _parsed(migration: Migration) -> tuple[Any, ...]:
    sql = migration.sql
    try:
        return tuple(parse_sql(sql))
    except ParseError as error:
        raise refused(migration.place, _line(sql, int(error.args[1] or 0)), error) from error


def _reasons(migration: Migration, plain: frozenset[str]) -> tuple[str, ...]:
    sql, statements = migration.sql, _parsed(migration)
    tokens = [token.start for token in scan(sql) if "COMMENT" not in token.name]
    script = Script(plain)
    found: list[str] = []
    for raw in statements:
        begin = raw.stmt_location or 0
        first = next((start for start in tokens if start >= begin), begin)
        found += [f"line {_line(sql, first)} {what}" for what in narrows(raw.stmt, script)]
    return tuple(found)


def _line(sql: str, position: int) -> int:
    return sql.count("\n", 0, position) + 1
