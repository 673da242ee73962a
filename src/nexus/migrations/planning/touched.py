"""What a migration names, makes and takes away, so that the modules' migrations can be ordered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from pglast import ast
from pglast.enums import AlterTableType, ObjectType

from nexus.migrations.data import brings_data, inserts_into
from nexus.migrations.migration import Migration
from nexus.migrations.planning.objects import Names, Object, objects_of, relation_of
from nexus.migrations.statements import Statement, statements

_ON_TABLES = (
    ast.SelectStmt,
    ast.InsertStmt,
    ast.UpdateStmt,
    ast.DeleteStmt,
    ast.MergeStmt,
    ast.ViewStmt,
    ast.CreateTableAsStmt,
    ast.CreateStmt,
    ast.AlterTableStmt,
    ast.IndexStmt,
)


@dataclass
class Touched:
    """`named`: objects → the columns that are told in the same statements. `made` and `taken`: objects and
    columns that are there, or gone, afterwards. `bodies`: as `named`, of what only stands in the bodies of
    functions that PostgreSQL does not look into before they are called. `there`: relations that must be there
    when it runs, with the line that names them first.
    """

    named: dict[Object, set[str]] = field(default_factory=dict)
    made: set[Object] = field(default_factory=set)
    taken: set[Object] = field(default_factory=set)
    bodies: dict[Object, set[str]] = field(default_factory=dict)
    there: dict[Object, int] = field(default_factory=dict)


@lru_cache(maxsize=512)  # asked for by several parts of one plan; never changed once it is there
def touched(migration: Migration, schema: str) -> Touched:
    """What a migration touches; names without a schema are of `schema`, or of its SET search_path.

    What is inside functions and DO blocks counts where it is written with its schema.

    Raises:
        MigrationUnreadable: PostgreSQL's parser refuses a statement.
    """
    found = Touched()
    bulk = brings_data(migration)
    for statement in statements(migration):
        if bulk and (into := inserts_into(statement)):
            told = Object("relation", into[0] or schema, into[1])
            found.named.setdefault(told, set())
            if told not in found.made:
                found.there.setdefault(told, statement.line)
            continue
        schema = search_schema(statement, schema)
        _touch(statement, schema, found)
    found.taken -= found.made
    return found


def concerns(change: Object, told: Object, columns: set[str]) -> bool:
    """Whether a change is of an object that is told, or of one of these columns of it."""
    if change.kind == "schema":
        return change.name == told.schema
    return change[:3] == told[:3] and (not change.column or change.column in columns)


def search_schema(statement: Statement, schema: str) -> str:
    """The schema that names without one are of, after this statement."""
    tree = statement.tree
    if isinstance(tree, ast.VariableSetStmt) and tree.name == "search_path" and tree.args:
        return str(getattr(getattr(tree.args[0], "val", None), "sval", None) or schema)
    return schema


def _touch(statement: Statement, schema: str, found: Touched) -> None:
    tree = statement.tree
    if tree is None:
        return
    names = Names(schema)
    names(tree)
    if isinstance(tree, _ON_TABLES) and not getattr(tree, "missing_ok", False):
        for each in names.relations - found.made:
            found.there.setdefault(each, statement.line)
    for made in _made(tree, schema):
        found.made.add(made)
        found.taken.discard(made)
        names.objects.add(made._replace(column=""))
    for taken in _taken(tree, schema):
        found.taken.add(taken)
        found.made.discard(taken)
        names.objects.add(taken._replace(column=""))
    for each in names.objects:
        found.named.setdefault(each, set()).update(names.columns)
    for each in names.body_objects:
        found.bodies.setdefault(each, set()).update(names.body_columns)


def _made(statement: Any, schema: str) -> Iterator[Object]:
    match statement:
        case ast.CreateStmt():
            yield relation_of(statement.relation, schema)
        case ast.CreateTableAsStmt():
            yield relation_of(getattr(statement.into, "rel", None), schema)
        case ast.ViewStmt():
            yield relation_of(statement.view, schema)
        case ast.CreateSeqStmt():
            yield relation_of(statement.sequence, schema)
        case ast.CreateFunctionStmt():
            yield from objects_of(ObjectType.OBJECT_FUNCTION, statement.funcname, schema)
        case ast.CreateEnumStmt() | ast.CreateRangeStmt():
            yield from objects_of(ObjectType.OBJECT_TYPE, statement.typeName, schema)
        case ast.CompositeTypeStmt():
            yield from objects_of(ObjectType.OBJECT_TYPE, statement.typevar, schema)
        case ast.CreateDomainStmt():
            yield from objects_of(ObjectType.OBJECT_TYPE, statement.domainname, schema)
        case ast.CreateSchemaStmt():
            yield Object("schema", "", str(statement.schemaname or ""))
            for each in statement.schemaElts or ():
                yield from _made(each, str(statement.schemaname or schema))
        case ast.AlterTableStmt():
            for command in statement.cmds or ():
                if command.subtype == AlterTableType.AT_AddColumn:
                    yield relation_of(statement.relation, schema, str(command.def_.colname))
        case ast.RenameStmt(renameType=ObjectType.OBJECT_COLUMN):
            yield relation_of(statement.relation, schema, str(statement.newname))
        case ast.RenameStmt():
            for old in _taken(statement, schema):
                yield old._replace(name=str(statement.newname))
        case ast.AlterObjectSchemaStmt():
            for old in _taken(statement, schema):
                yield old._replace(schema=str(statement.newschema))


def _taken(statement: Any, schema: str) -> Iterator[Object]:
    match statement:
        case ast.DropStmt():
            for each in statement.objects or ():
                yield from objects_of(ObjectType(statement.removeType or 0), each, schema)
        case ast.AlterTableStmt():
            for command in statement.cmds or ():
                if command.subtype == AlterTableType.AT_DropColumn:
                    yield relation_of(statement.relation, schema, str(command.name))
        case ast.RenameStmt(renameType=ObjectType.OBJECT_COLUMN):
            yield relation_of(statement.relation, schema, str(statement.subname))
        case ast.RenameStmt(renameType=ObjectType.OBJECT_TABCONSTRAINT | ObjectType.OBJECT_TRIGGER):
            return
        case ast.RenameStmt(renameType=ObjectType.OBJECT_SCHEMA):
            yield Object("schema", "", str(statement.subname))
        case ast.RenameStmt() | ast.AlterObjectSchemaStmt():
            kind = statement.renameType if isinstance(statement, ast.RenameStmt) else statement.objectType
            told = statement.relation or statement.object
            if told is not None:
                yield from objects_of(ObjectType(kind or 0), told, schema)
