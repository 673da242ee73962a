"""Statements whose effect is not of one database: who applies them again anywhere applies them everywhere."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from pglast import ast
from pglast.enums import ObjectType

from nexus.migrations.errors import MigrationError
from nexus.migrations.migration import Migration
from nexus.migrations.statements import Statement, statements

_ABOUT_IT = (
    ast.CreateRoleStmt, ast.AlterRoleStmt, ast.AlterRoleSetStmt, ast.DropRoleStmt, ast.GrantRoleStmt,
    ast.CreatedbStmt, ast.DropdbStmt, ast.AlterDatabaseStmt, ast.AlterDatabaseSetStmt,
    ast.AlterDatabaseRefreshCollStmt, ast.AlterSystemStmt, ast.CreateTableSpaceStmt, ast.DropTableSpaceStmt,
    ast.AlterTableSpaceOptionsStmt, ast.CreateSubscriptionStmt, ast.AlterSubscriptionStmt,
    ast.DropSubscriptionStmt, ast.DropOwnedStmt, ast.ReassignOwnedStmt,
)  # fmt: skip
_KINDS = frozenset(
    {
        ObjectType.OBJECT_ROLE, ObjectType.OBJECT_DATABASE, ObjectType.OBJECT_TABLESPACE,
        ObjectType.OBJECT_SUBSCRIPTION, ObjectType.OBJECT_PARAMETER_ACL,
    }
)  # fmt: skip
_NAMES = r"role|user|group|database|tablespace|system|subscription|owned"
_PERHAPS = re.compile(rf"\b({_NAMES}|grant|revoke)\b", re.IGNORECASE)
_IN_A_BLOCK = re.compile(
    rf"\b(?:create|alter|drop|reassign|comment\s+on)\s+(?:{_NAMES})\b(?!\s+mapping\b)|\bon\s+database\b",
    re.IGNORECASE,
)


def without_the_server(migration: Migration) -> Migration:
    """A script without its statements about roles, databases, tablespaces and the server; its lines stay.

    Raises:
        MigrationError: a DO block or function holds such a statement, so that it cannot be left out.
        MigrationUnreadable: PostgreSQL's parser refuses a statement.
    """
    sql, at = migration.sql, 0
    if not _PERHAPS.search(sql):
        return migration
    for each in statements(migration):
        at = sql.index(each.sql, _begin_of(sql, each.line, at))
        if _hidden(each):
            raise MigrationError(
                f"{each.place}:{each.line}: a DO block about roles, databases or the server; to replay it "
                "would make it take effect again on the living server. Compare this module by hand"
            )
        if each.tree is not None and _about_the_server(each.tree):
            blank = "\n" * each.sql.count("\n")
            sql = f"{sql[:at]}{blank}{sql[at + len(each.sql) :]}"
            at += len(blank)
        else:
            at += len(each.sql)
    return replace(migration, sql=sql)


def _begin_of(sql: str, line: int, at: int) -> int:
    """Where a line begins, not before what was seen already."""
    begin = 0
    for _ in range(line - 1):
        begin = sql.index("\n", begin) + 1
    return max(begin, at)


def _hidden(statement: Statement) -> bool:
    return isinstance(statement.tree, ast.DoStmt) and bool(_IN_A_BLOCK.search(statement.sql))


def _about_the_server(tree: Any) -> bool:
    if isinstance(tree, _ABOUT_IT):
        return True
    fields = ("renameType", "objectType", "objtype")
    return any(getattr(tree, each, None) in _KINDS for each in fields)
