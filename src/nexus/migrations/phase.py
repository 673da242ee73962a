"""The phase of a migration: does the code that ran before it run after it too?

*expand*: it adds, and the former code goes on. *contract*: it takes away what the former code may need, so
that nobody can go back across it. A script declares its phase in its leading comments, or it is read from its
statements with PostgreSQL's own parser.

    -- nexus: phase=contract
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pglast import ast

from nexus.migrations.data import brings_data, inserts_into
from nexus.migrations.declared import PhaseName, declared
from nexus.migrations.migration import Migration
from nexus.migrations.narrowing import narrows
from nexus.migrations.script import Script
from nexus.migrations.statements import statements


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
    return _phase(migration, Script(plain))


def phases_of(migrations: Iterable[Migration], plain: frozenset[str] = frozenset()) -> tuple[Phase, ...]:
    """The phases of what is pending in one module, in its order: what an earlier one of them makes, no code
    that runs knows, so that a later one may change it. `plain`: as for `phase_of`.

    Raises:
        MigrationUnreadable: a declaration cannot be read, or PostgreSQL's parser refuses a script.
    """
    script = Script(plain)
    return tuple(_phase(migration, script) for migration in migrations)


def plain_indexes(migrations: Iterable[Migration]) -> frozenset[str]:
    """The names of the indexes that these scripts make and that are not unique.

    Raises:
        MigrationUnreadable: PostgreSQL's parser refuses the SQL of one.
    """
    unique: dict[str, bool] = {}
    for migration in migrations:
        if "index" not in migration.sql.lower():
            continue
        for each in statements(migration):
            if isinstance(each.tree, ast.IndexStmt) and each.tree.idxname:
                name = str(each.tree.idxname)
                unique[name] = unique.get(name, False) or bool(each.tree.unique)
    return frozenset(name for name, is_unique in unique.items() if not is_unique)


def _phase(migration: Migration, script: Script) -> Phase:
    told = declared(migration).phase
    reasons = _reasons(migration, script)
    if told:
        return Phase(told, ("it declares so",) if told == "contract" else ())
    return Phase("contract" if reasons else "expand", reasons)


def _reasons(migration: Migration, script: Script) -> tuple[str, ...]:
    """Data takes nothing away; so does a statement that is too large to be parsed."""
    bulk = brings_data(migration)
    return tuple(
        f"line {each.line} {what}"
        for each in statements(migration)
        if not (bulk and inserts_into(each)) and each.tree is not None
        for what in narrows(each.tree, script)
    )
