"""The phase of a migration: does the code that ran before it run after it too?

*expand*: it adds, and the former code goes on. *contract*: it takes away what the former code may need, so
that nobody can go back across it. A script declares its phase in its leading comments, or it is read from its
statements with PostgreSQL's own parser.

    -- nexus: phase=contract
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from pglast import ast

from nexus.migrations.data import brings_data, inserts_into
from nexus.migrations.declared import PhaseName, declared
from nexus.migrations.errors import MigrationError
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


def phases_of(migrations: Sequence[Migration], pending: Collection[str]) -> dict[str, Phase]:
    """The phase of each pending migration of a module, by its name: what an earlier one of them makes, no
    code that runs knows, so that a later one may change it.

    `migrations`: all of its folder, in order. `pending`: the names of those that are not applied.

    Raises:
        MigrationUnreadable: a declaration cannot be read, or PostgreSQL's parser refuses a script.
    """
    found: dict[str, Phase] = {}
    for name, phase in phases_or_faults(migrations, pending):
        if isinstance(phase, MigrationError):
            raise phase
        found[name] = phase
    return found


def phases_apart(migrations: Iterable[Migration]) -> dict[str, Phase]:
    """The phase of each migration of a module by itself, by its name: as it is for code that knows all that
    stands before it. `migrations`: all of its folder, in order.

    Raises:
        MigrationUnreadable: a declaration cannot be read, or PostgreSQL's parser refuses a script.
    """
    found: dict[str, Phase] = {}
    unique: dict[str, bool] = {}
    for migration in migrations:
        found[migration.name] = phase_of(migration, _plain(unique))
        _note_indexes(migration, unique)
    return found


def phases_or_faults(
    migrations: Sequence[Migration], pending: Collection[str]
) -> Iterator[tuple[str, Phase | MigrationError]]:
    """The same, where one that cannot be read hides no other: with its fault in the place of its phase."""
    lacking = [each for each in migrations if each.name in pending]
    there = [each for each in migrations if each.name not in pending]
    script = Script(_plain_of(there) if any(map(_may_drop_index, lacking)) else frozenset())
    for migration in lacking:
        try:
            yield migration.name, _phase(migration, script)
        except MigrationError as error:
            yield migration.name, error


def _may_drop_index(migration: Migration) -> bool:
    text = migration.sql.lower()
    return "drop" in text and "index" in text


def _plain_of(migrations: Iterable[Migration]) -> frozenset[str]:
    """Of what was applied long ago nothing is known where a script cannot be read."""
    try:
        return plain_indexes(migrations)
    except MigrationError:
        return frozenset()


def plain_indexes(migrations: Iterable[Migration]) -> frozenset[str]:
    """The names of the indexes that these scripts make and that are not unique.

    Raises:
        MigrationUnreadable: PostgreSQL's parser refuses the SQL of one.
    """
    unique: dict[str, bool] = {}
    for migration in migrations:
        _note_indexes(migration, unique)
    return _plain(unique)


def _note_indexes(migration: Migration, unique: dict[str, bool]) -> None:
    if "index" not in migration.sql.lower():
        return
    for each in statements(migration):
        if isinstance(each.tree, ast.IndexStmt) and each.tree.idxname:
            name = str(each.tree.idxname)
            unique[name] = unique.get(name, False) or bool(each.tree.unique)


def _plain(unique: dict[str, bool]) -> frozenset[str]:
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
