"""What the objects of a database are called in SQL, in whichever form the parser gives their names."""

from __future__ import annotations

from typing import Any

from pglast import ast
from pglast.enums import FunctionParameterMode, ObjectType

Key = tuple[
    str, str, str
]  # the kind of names it is among, its schema ("" = as the search path says), its name

_AMONG = {
    ObjectType.OBJECT_TABLE: "relation",
    ObjectType.OBJECT_VIEW: "relation",
    ObjectType.OBJECT_MATVIEW: "relation",
    ObjectType.OBJECT_SEQUENCE: "relation",
    ObjectType.OBJECT_INDEX: "relation",
    ObjectType.OBJECT_FOREIGN_TABLE: "relation",
    ObjectType.OBJECT_COLUMN: "relation",
    ObjectType.OBJECT_TYPE: "type",
    ObjectType.OBJECT_DOMAIN: "type",
    ObjectType.OBJECT_ATTRIBUTE: "type",
    ObjectType.OBJECT_FUNCTION: "function",
    ObjectType.OBJECT_PROCEDURE: "function",
    ObjectType.OBJECT_ROUTINE: "function",
    ObjectType.OBJECT_SCHEMA: "schema",
}
_NO_INPUT = frozenset({FunctionParameterMode.FUNC_PARAM_OUT, FunctionParameterMode.FUNC_PARAM_TABLE})


def name_of(told: Any) -> str:
    """The name of an object without its schema."""
    return _parts(told)[-1]


def key_of(kind: ObjectType, told: Any) -> Key:
    """An object by its kind, schema and name; a function by the types of its arguments too."""
    parts = _parts(told)
    arguments = ""
    if isinstance(told, ast.ObjectWithArgs) and not told.args_unspecified:
        arguments = signature(told.objargs)
    return _AMONG.get(kind, kind.name), parts[-2] if len(parts) > 1 else "", parts[-1] + arguments


def table_of(relation: Any) -> Key:
    """A table, or what else is written like one."""
    return key_of(ObjectType.OBJECT_TABLE, relation)


def function_of(statement: ast.CreateFunctionStmt) -> Key:
    """The function that CREATE FUNCTION makes."""
    taken = [each.argType for each in statement.parameters or () if each.mode not in _NO_INPUT]
    among, schema, name = key_of(ObjectType.OBJECT_FUNCTION, statement.funcname)
    return among, schema, name + signature(taken)


def signature(types: Any) -> str:
    """`(int4, text)`."""
    return f"({', '.join(name_of(each) for each in types or ())})"


def _parts(told: Any) -> tuple[str, ...]:
    if isinstance(told, ast.RangeVar):
        return (str(told.schemaname or ""), str(told.relname))
    if isinstance(told, ast.ObjectWithArgs):
        return _parts(told.objname)
    if isinstance(told, ast.TypeName):
        return _parts(told.names)
    if isinstance(told, tuple):
        return tuple(name_of(each) for each in told) or ("",)
    return (str(getattr(told, "sval", told)),)
