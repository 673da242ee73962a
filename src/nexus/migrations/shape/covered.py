"""Which statements a shape tells everything of: what it does not know would count as undone."""

from __future__ import annotations

from typing import Any

from pglast import ast
from pglast.enums import AlterTableType, ObjectType

_WHOLLY = (
    ast.CreateStmt, ast.IndexStmt, ast.CreateTableAsStmt, ast.ViewStmt, ast.CreateSeqStmt,
    ast.CreateFunctionStmt, ast.AlterFunctionStmt, ast.CreateEnumStmt, ast.AlterEnumStmt, ast.CreateRangeStmt,
    ast.CompositeTypeStmt, ast.CreateDomainStmt, ast.AlterDomainStmt, ast.CreateTrigStmt, ast.RuleStmt,
    ast.CreatePolicyStmt, ast.AlterPolicyStmt, ast.CreateStatsStmt, ast.AlterStatsStmt, ast.ClusterStmt,
    ast.AlterDefaultPrivilegesStmt, ast.ReplicaIdentityStmt,
)  # fmt: skip
_CHANGES_NO_SHAPE = (
    ast.SelectStmt, ast.DoStmt, ast.VariableSetStmt, ast.VariableShowStmt, ast.TransactionStmt, ast.LockStmt,
    ast.ConstraintsSetStmt, ast.VacuumStmt, ast.ReindexStmt, ast.RefreshMatViewStmt, ast.DiscardStmt,
)  # fmt: skip
_KINDS = frozenset(
    {
        ObjectType.OBJECT_TABLE, ObjectType.OBJECT_VIEW, ObjectType.OBJECT_MATVIEW,
        ObjectType.OBJECT_SEQUENCE,
        ObjectType.OBJECT_INDEX, ObjectType.OBJECT_COLUMN, ObjectType.OBJECT_TYPE, ObjectType.OBJECT_DOMAIN,
        ObjectType.OBJECT_TABCONSTRAINT, ObjectType.OBJECT_ATTRIBUTE, ObjectType.OBJECT_FUNCTION,
        ObjectType.OBJECT_PROCEDURE, ObjectType.OBJECT_ROUTINE, ObjectType.OBJECT_AGGREGATE,
        ObjectType.OBJECT_TRIGGER, ObjectType.OBJECT_RULE, ObjectType.OBJECT_POLICY,
        ObjectType.OBJECT_STATISTIC_EXT, ObjectType.OBJECT_SCHEMA,
    }
)  # fmt: skip
_OF_A_KIND: dict[type, str] = {
    ast.AlterTableStmt: "objtype",
    ast.RenameStmt: "renameType",
    ast.AlterOwnerStmt: "objectType",
    ast.AlterObjectSchemaStmt: "objectType",
    ast.CommentStmt: "objtype",
    ast.GrantStmt: "objtype",
    ast.DropStmt: "removeType",
    ast.DefineStmt: "kind",
}


def uncovered(tree: Any) -> str:
    """What a statement does that a shape does not tell, "" where it tells all."""
    if restarts := _restarts(tree):
        return restarts
    if isinstance(tree, _CHANGES_NO_SHAPE) or type(tree) in _WHOLLY:
        return ""
    field = _OF_A_KIND.get(type(tree))
    if field is None:
        return f"{_words(type(tree).__name__)} is not looked at"
    kind = ObjectType(getattr(tree, field))
    if isinstance(tree, ast.DefineStmt) and kind is not ObjectType.OBJECT_AGGREGATE:
        return f"its {_plain(kind)} is not looked at"
    return "" if kind in _KINDS else f"its {_plain(kind)} is not looked at"


def _restarts(tree: Any) -> str:
    if isinstance(tree, ast.AlterSeqStmt):
        moved = any(each.defname == "restart" for each in tree.options or ())
        return "it restarts a sequence, and where it stood is not known" if moved else ""
    if isinstance(tree, ast.AlterTableStmt):
        for command in tree.cmds or ():
            told = command.def_ if command.subtype == AlterTableType.AT_SetIdentity else ()
            if any(each.defname == "restart" for each in told or ()):
                return "it restarts an identity, and where it stood is not known"
    return ""


def _plain(kind: ObjectType) -> str:
    return {"TSCONFIGURATION": "text search configuration", "TSDICTIONARY": "text search dictionary"}.get(
        kind.name.removeprefix("OBJECT_"), kind.name.removeprefix("OBJECT_").replace("_", " ").lower()
    )


def _words(statement: str) -> str:
    plain = statement.removesuffix("Stmt")
    return "".join(f" {each.lower()}" if each.isupper() else each for each in plain).strip()
