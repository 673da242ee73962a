"""What a migration names, makes and takes away, so that the modules' migrations can be ordered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from pglast import ast
from pglast.enums import AlterTableType, ObjectType
from pglast.visitors import Visitor

from nexus.migrations.data import brings_data, inserts_into
from nexus.migrations.migration import Migration
from nexus.migrations.naming import key_of, name_of, table_of
from nexus.migrations.statements import Statement, statements

_QUALIFIED = re.compile(r'(?<![\w."])"?([a-z_][\w$]*)"?\s*\.\s*"?([a-z_][\w$]*)"?', re.IGNORECASE)
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
_KEPT = frozenset({"relation", "function", "type", "schema"})


class Object(NamedTuple):
    """An object of the database, or a column of one. `kind`: relation, function, type or schema."""

    kind: str
    schema: str
    name: str
    column: str = ""

    def __str__(self) -> str:
        return ".".join(part for part in (self.schema, self.name, self.column) if part)


@dataclass
class Touched:
    """`named`: objects → the columns that are told in the same statements. `made` and `taken`: objects and
    columns that are there, or gone, afterwards. `there`: relations that must be there when it runs, with the
    line that names them first.
    """

    named: dict[Object, set[str]] = field(default_factory=dict)
    made: set[Object] = field(default_factory=set)
    taken: set[Object] = field(default_factory=set)
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


def builds_on(later: Touched, former: Touched) -> bool:
    """Whether a migration cannot come before another of its module: it names what that makes or takes away,
    or both name the same column or constraint.
    """
    for change in (*former.made, *former.taken):
        if change in later.made or any(
            concerns(change, told, columns) for told, columns in later.named.items()
        ):
            return True
    return any(columns & later.named.get(told, set()) for told, columns in former.named.items())


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
    names = _Names(schema)
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


def _object(kind: ObjectType, told: Any, schema: str, column: str = "") -> Iterator[Object]:
    among, own, name = key_of(kind, told)
    if among in _KEPT:
        inside = "" if among == "schema" else own or schema
        yield Object(among, inside, name.partition("(")[0], column)


def _relation(told: Any, schema: str, column: str = "") -> Object:
    _, own, name = table_of(told)
    return Object("relation", own or schema, name, column)


def _made(statement: Any, schema: str) -> Iterator[Object]:
    match statement:
        case ast.CreateStmt():
            yield _relation(statement.relation, schema)
        case ast.CreateTableAsStmt():
            yield _relation(getattr(statement.into, "rel", None), schema)
        case ast.ViewStmt():
            yield _relation(statement.view, schema)
        case ast.CreateSeqStmt():
            yield _relation(statement.sequence, schema)
        case ast.CreateFunctionStmt():
            yield from _object(ObjectType.OBJECT_FUNCTION, statement.funcname, schema)
        case ast.CreateEnumStmt() | ast.CreateRangeStmt():
            yield from _object(ObjectType.OBJECT_TYPE, statement.typeName, schema)
        case ast.CompositeTypeStmt():
            yield from _object(ObjectType.OBJECT_TYPE, statement.typevar, schema)
        case ast.CreateDomainStmt():
            yield from _object(ObjectType.OBJECT_TYPE, statement.domainname, schema)
        case ast.CreateSchemaStmt():
            yield Object("schema", "", str(statement.schemaname or ""))
            for each in statement.schemaElts or ():
                yield from _made(each, str(statement.schemaname or schema))
        case ast.AlterTableStmt():
            for command in statement.cmds or ():
                if command.subtype == AlterTableType.AT_AddColumn:
                    yield _relation(statement.relation, schema, str(command.def_.colname))
        case ast.RenameStmt(renameType=ObjectType.OBJECT_COLUMN):
            yield _relation(statement.relation, schema, str(statement.newname))
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
                yield from _object(ObjectType(statement.removeType or 0), each, schema)
        case ast.AlterTableStmt():
            for command in statement.cmds or ():
                if command.subtype == AlterTableType.AT_DropColumn:
                    yield _relation(statement.relation, schema, str(command.name))
        case ast.RenameStmt(renameType=ObjectType.OBJECT_COLUMN):
            yield _relation(statement.relation, schema, str(statement.subname))
        case ast.RenameStmt(renameType=ObjectType.OBJECT_TABCONSTRAINT | ObjectType.OBJECT_TRIGGER):
            return
        case ast.RenameStmt(renameType=ObjectType.OBJECT_SCHEMA):
            yield Object("schema", "", str(statement.subname))
        case ast.RenameStmt() | ast.AlterObjectSchemaStmt():
            kind = statement.renameType if isinstance(statement, ast.RenameStmt) else statement.objectType
            told = statement.relation or statement.object
            if told is not None:
                yield from _object(ObjectType(kind or 0), told, schema)


class _Names(Visitor):
    """All objects that a statement names, and all columns."""

    def __init__(self, schema: str) -> None:
        self.schema = schema
        self.objects: set[Object] = set()
        self.relations: set[Object] = set()
        self.columns: set[str] = set()

    def visit_RangeVar(self, ancestors: Any, node: ast.RangeVar) -> None:
        self.relations.add(_relation(node, self.schema))
        self.objects.add(_relation(node, self.schema))

    def visit_FuncCall(self, ancestors: Any, node: ast.FuncCall) -> None:
        self.objects.update(_object(ObjectType.OBJECT_FUNCTION, node.funcname, self.schema))

    def visit_TypeName(self, ancestors: Any, node: ast.TypeName) -> None:
        self.objects.update(_object(ObjectType.OBJECT_TYPE, node.names, self.schema))

    def visit_ObjectWithArgs(self, ancestors: Any, node: ast.ObjectWithArgs) -> None:
        self.objects.update(_object(ObjectType.OBJECT_FUNCTION, node.objname, self.schema))

    def visit_CreateTrigStmt(self, ancestors: Any, node: ast.CreateTrigStmt) -> None:
        self.objects.update(_object(ObjectType.OBJECT_FUNCTION, node.funcname, self.schema))

    def visit_ColumnRef(self, ancestors: Any, node: ast.ColumnRef) -> None:
        self.columns.update(name_of(each) for each in node.fields or () if isinstance(each, ast.String))

    def visit_ResTarget(self, ancestors: Any, node: ast.ResTarget) -> None:
        if node.name:
            self.columns.add(str(node.name))

    def visit_Constraint(self, ancestors: Any, node: ast.Constraint) -> None:
        named = (*(node.pk_attrs or ()), *(node.fk_attrs or ()), *(node.keys or ()))
        self.columns.update(name_of(each) for each in named)
        if node.conname:
            self.columns.add(str(node.conname))

    def visit_IndexElem(self, ancestors: Any, node: ast.IndexElem) -> None:
        if node.name:
            self.columns.add(str(node.name))

    def visit_AlterTableCmd(self, ancestors: Any, node: ast.AlterTableCmd) -> None:
        if node.name:
            self.columns.add(str(node.name))

    def visit_AccessPriv(self, ancestors: Any, node: ast.AccessPriv) -> None:
        self.columns.update(name_of(each) for each in node.cols or ())

    def visit_DefElem(self, ancestors: Any, node: ast.DefElem) -> None:
        """The body of a function or a DO block: a string whose qualified names are all that is told of it."""
        if node.defname != "as":
            return
        parts = node.arg if isinstance(node.arg, tuple) else (node.arg,)
        for body in (str(getattr(each, "sval", "")) for each in parts):
            for schema, name in _QUALIFIED.findall(body):
                self.objects.add(Object("relation", schema, name))
                self.objects.add(Object("function", schema, name))
                self.columns.update(re.findall(r"\w+", body))
