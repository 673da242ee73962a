"""What a migration does outside of its module's schema, and to the session that runs it."""

from __future__ import annotations

from collections.abc import Iterator

from pglast import ast

from nexus.migrations.effects.effect import UNKNOWN, LockLevel
from nexus.migrations.effects.scene import SYSTEM
from nexus.migrations.linting.case import Case
from nexus.migrations.linting.hit import Hit, Known
from nexus.migrations.linting.said import said
from nexus.migrations.migration import Migration
from nexus.migrations.naming import name_of
from nexus.migrations.planning.touched import touched

_WHOSE = frozenset({"role", "session_authorization", "search_path"})


def judge(case: Case, known: Known) -> Iterator[Hit]:
    """writes-foreign-schema, set-role-or-search-path, opaque-code."""
    if isinstance(case.tree, (ast.DoStmt, ast.CallStmt)):
        sentence = said("what this code locks, writes or loses shows only when it runs; rehearse it")
        yield Hit("opaque-code", case, sentence, level="note")
    setting = _setting(case.tree)
    if setting:
        yield Hit(
            "set-role-or-search-path",
            case,
            said(
                "sets {setting}, which Nexus has set: what follows may be made for another, or elsewhere",
                setting=setting,
            ),
            "-- leave it out; name what is of another schema as schema.name",
            "error",
        )
    source = case.file.source
    if source is None:
        return
    foreign = {each.table.schema for each in case.effects if each.lock > LockLevel.ROW_SHARE}
    one = Migration(case.file.migration.name, case.statement.sql, "", case.file.migration.file)
    foreign |= {each.schema for each in touched(one, case.schema).made if each.kind != "schema"}
    for schema in sorted(foreign - {source.schema, case.schema, UNKNOWN.schema, "pg_temp"} - SYSTEM):
        yield Hit(
            "writes-foreign-schema",
            case,
            said(
                "changes or locks {schema}, which {module} does not own", schema=schema, module=source.module
            ),
            f"-- in a migration of the module that owns {schema}; here, if it must come first:\n"
            f"-- nexus: depends={schema}/NAME-OF-THAT-MIGRATION",
            "error",
        )


def _setting(tree: object) -> str:
    """What a statement sets of whose objects are made, or where."""
    if isinstance(tree, ast.VariableSetStmt) and tree.name in _WHOSE:
        return str(tree.name)
    if isinstance(tree, ast.SelectStmt):
        for target in tree.targetList or ():
            call = getattr(target, "val", None)
            if isinstance(call, ast.FuncCall) and name_of(call.funcname) == "set_config" and call.args:
                value = getattr(getattr(call.args[0], "val", None), "sval", "")
                if value in _WHOSE:
                    return str(value)
    return ""
