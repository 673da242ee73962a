"""What rules judge: one statement, or one command of an ALTER TABLE, with what it does to the database."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pglast import ast
from pglast.enums import AlterTableType
from pglast.stream import RawStream

from nexus.migrations.declared import Declared, declared
from nexus.migrations.effects import effects_of
from nexus.migrations.effects.effect import Effect, Living, Table
from nexus.migrations.linting.proved import Pending, proved
from nexus.migrations.migration import Migration, Source
from nexus.migrations.narrowing import narrows
from nexus.migrations.planning.touched import search_schema
from nexus.migrations.script import Script
from nexus.migrations.statements import Statement, statements
from nexus.migrations.transaction import one_transaction


@dataclass(frozen=True)
class File:
    """One script. `begins`: where each statement begins, in characters. `one`: it runs as one transaction."""

    source: Source | None
    migration: Migration
    declared: Declared
    statements: tuple[Statement, ...]
    begins: tuple[int, ...]
    one: bool

    @property
    def module(self) -> str:
        """Whose it is; "" where nobody knows."""
        return self.source.module if self.source else ""

    def before(self, statement: Statement) -> str:
        """The comments right before a statement."""
        number = statement.number - 1
        former = self.statements[number - 1] if number else None
        end = self.begins[number - 1] + len(former.sql) if former else 0
        return self.migration.sql[end : self.begins[number]]


@dataclass(frozen=True)
class Case:
    """`tree`: of the statement, with no other command than `command`. `schema`: of names without one.

    `effects`: on relations that were there before. `narrows`: what the whole statement takes from code that
    runs. `made`: relations that its script, or one before it, made.
    """

    file: File
    statement: Statement
    tree: Any
    schema: str
    effects: tuple[Effect, ...]
    narrows: tuple[str, ...]
    made: frozenset[Table]
    command: Any = None

    @property
    def kind(self) -> AlterTableType | None:
        """Of its command."""
        return AlterTableType(self.command.subtype) if self.command is not None else None

    @property
    def table(self) -> Table:
        """The relation that it is about; for what has `relation`."""
        relation = self.tree.relation
        return Table(str(relation.schemaname or self.schema), str(relation.relname))

    @property
    def new(self) -> bool:
        """Whether the relation that it is about was made before it by what is linted."""
        return self.table in self.made


@dataclass
class _Known:
    living: Living
    pending: Pending = field(default_factory=dict)
    made: set[Table] = field(default_factory=set)
    scripts: dict[str, Script] = field(default_factory=dict)


def cases_of(
    files: Sequence[tuple[Source | None, Migration]], living: Living | None
) -> tuple[tuple[File, tuple[Case, ...]], ...]:
    """The files with their cases. With a living database, what one file makes and the database has not yet is
    new to the files after it; without one, each file is judged as if all others had long been applied.

    Raises:
        MigrationUnreadable: a script or its declarations cannot be read.
    """
    known = _Known(living or Living())
    found = []
    for source, migration in files:
        if living is None:
            known = _Known(Living())
        else:
            known.made -= set(living.tables)
        file = _file(source, migration)
        found.append((file, tuple(_cases(file, known))))
    return tuple(found)


def _file(source: Source | None, migration: Migration) -> File:
    script = statements(migration)
    told = declared(migration)
    begins, end = [], 0
    for each in script:
        begins.append(migration.sql.index(each.sql, end))
        end = begins[-1] + len(each.sql)
    return File(source, migration, told, script, tuple(begins), one_transaction(told, script))


def _cases(file: File, known: _Known) -> Iterator[Case]:
    schema = file.source.schema if file.source else "public"
    script = known.scripts.setdefault(file.module, Script())
    for statement in file.statements:
        tree = statement.tree
        if tree is None:
            continue
        schema = search_schema(statement, schema)
        taken = narrows(tree, script)
        before = frozenset(known.made)
        whole = effects_of(statement, schema, known.living, known.made)
        commands = tree.cmds if isinstance(tree, ast.AlterTableStmt) else None
        if not commands:
            yield Case(file, statement, tree, schema, whole, taken, before)
            continue
        for command in commands:
            part = tree if len(commands) == 1 else _alone(tree, command)
            effects = whole if len(commands) == 1 else _effects(part, statement, schema, known, before)
            yield Case(file, statement, part, schema, effects, taken, before, command)
        known.living = proved(tree, schema, known.living, known.pending)


def _alone(tree: Any, command: Any) -> Any:
    part = copy.copy(tree)
    part.cmds = (command,)
    return part


def _effects(
    tree: Any, statement: Statement, schema: str, known: _Known, made: frozenset[Table]
) -> tuple[Effect, ...]:
    part = Statement(statement.number, statement.line, RawStream()(tree), statement.place)
    return effects_of(part, schema, known.living, set(made))
