"""The objects of a database as a statement names them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from pglast import ast
from pglast.enums import ObjectType
from pglast.visitors import Visitor

from nexus.migrations.naming import key_of, name_of, table_of

_QUALIFIED = re.compile(r'(?<![\w."])"?([a-z_][\w$]*)"?\s*\.\s*"?([a-z_][\w$]*)"?', re.IGNORECASE)
_KEPT = frozenset({"relation", "function", "type", "schema"})


class Object(NamedTuple):
    """An object of the database, or a column of one. `kind`: relation, function, type or schema."""

    kind: str
    schema: str
    name: str
    column: str = ""

    def __str__(self) -> str:
        return ".".join(part for part in (self.schema, self.name, self.column) if part)


def objects_of(kind: ObjectType, told: Any, schema: str, column: str = "") -> Iterator[Object]:
    """The object of a kind as it is told; none of a kind that does not matter between modules."""
    among, own, name = key_of(kind, told)
    if among in _KEPT:
        inside = "" if among == "schema" else own or schema
        yield Object(among, inside, name.partition("(")[0], column)


def relation_of(told: Any, schema: str, column: str = "") -> Object:
    """A relation, or a column of one. `schema`: where none is told."""
    _, own, name = table_of(told)
    return Object("relation", own or schema, name, column)


class Names(Visitor):
    """All objects that a statement names, and all columns. What stands in the body of a function counts by
    itself, unless it is of SQL: nobody looks into that of another language before the function is called.
    """

    def __init__(self, schema: str) -> None:
        self.schema = schema
        self.objects: set[Object] = set()
        self.relations: set[Object] = set()
        self.columns: set[str] = set()
        self.body_objects: set[Object] = set()
        self.body_columns: set[str] = set()
        self._late = False

    def visit_CreateFunctionStmt(self, ancestors: Any, node: ast.CreateFunctionStmt) -> None:
        told = next((each.arg.sval for each in node.options or () if each.defname == "language"), "sql")
        self._late = str(told).lower() != "sql"

    def visit_RangeVar(self, ancestors: Any, node: ast.RangeVar) -> None:
        self.relations.add(relation_of(node, self.schema))
        self.objects.add(relation_of(node, self.schema))

    def visit_FuncCall(self, ancestors: Any, node: ast.FuncCall) -> None:
        self.objects.update(objects_of(ObjectType.OBJECT_FUNCTION, node.funcname, self.schema))

    def visit_TypeName(self, ancestors: Any, node: ast.TypeName) -> None:
        self.objects.update(objects_of(ObjectType.OBJECT_TYPE, node.names, self.schema))

    def visit_ObjectWithArgs(self, ancestors: Any, node: ast.ObjectWithArgs) -> None:
        self.objects.update(objects_of(ObjectType.OBJECT_FUNCTION, node.objname, self.schema))

    def visit_CreateTrigStmt(self, ancestors: Any, node: ast.CreateTrigStmt) -> None:
        self.objects.update(objects_of(ObjectType.OBJECT_FUNCTION, node.funcname, self.schema))

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
        objects, columns = self.objects, self.columns
        if self._late:
            objects, columns = self.body_objects, self.body_columns
        parts = node.arg if isinstance(node.arg, tuple) else (node.arg,)
        for body in (str(getattr(each, "sval", "")) for each in parts):
            for schema, name in _QUALIFIED.findall(body):
                objects.add(Object("relation", schema, name))
                objects.add(Object("function", schema, name))
                columns.update(re.findall(r"\w+", body))
