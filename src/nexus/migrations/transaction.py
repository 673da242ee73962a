"""Which statements PostgreSQL runs in no transaction, and which scripts make their own."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pglast import ast
from pglast.enums import ReindexObjectType

from nexus.migrations.declared import Declared
from nexus.migrations.statements import Statement

# What begins otherwise is neither: rows by the million need not be parsed.
_PERHAPS = re.compile(
    r"(?:alter|create|drop|reindex|vacuum|begin|start|commit|end|rollback|abort|savepoint|release|prepare)\b",
    re.IGNORECASE,
)
WHOLE = (ReindexObjectType.REINDEX_OBJECT_SYSTEM, ReindexObjectType.REINDEX_OBJECT_DATABASE)


def runs_alone(statement: Statement) -> str:
    """Why a statement can run in no transaction block, "" when it can.

    Source: PostgreSQL's PreventInTransactionBlock and its callers.

    Raises:
        MigrationUnreadable: PostgreSQL's parser refuses it.
    """
    tree = statement.tree if _PERHAPS.match(statement.sql) else None
    match tree:
        case ast.IndexStmt(concurrent=True):
            return "CREATE INDEX CONCURRENTLY"
        case ast.DropStmt(concurrent=True):
            return "DROP INDEX CONCURRENTLY"
        case ast.ReindexStmt():
            whole = tree.kind in (
                ReindexObjectType.REINDEX_OBJECT_SYSTEM,
                ReindexObjectType.REINDEX_OBJECT_DATABASE,
            )
            named = any(each.defname == "concurrently" for each in tree.params or ())
            return "REINDEX CONCURRENTLY" if named else "REINDEX of a whole database" if whole else ""
        case ast.AlterTableStmt():
            for command in tree.cmds or ():
                if isinstance(command.def_, ast.PartitionCmd) and command.def_.concurrent:
                    return "DETACH PARTITION CONCURRENTLY"
        case ast.VacuumStmt(is_vacuumcmd=True):
            return "VACUUM"
        case ast.CreatedbStmt() | ast.DropdbStmt() | ast.AlterSystemStmt():
            return "a statement about the whole server"
        case ast.CreateTableSpaceStmt() | ast.DropTableSpaceStmt():
            return "a tablespace"
        case ast.CreateSubscriptionStmt() | ast.DropSubscriptionStmt():
            return "a subscription"
    return ""


def one_transaction(declared: Declared, script: Iterable[Statement]) -> bool:
    """Whether a migration runs as one transaction: it does unless it declares otherwise, asks for batches,
    makes transactions of its own, or holds a statement that runs in none.

    Raises:
        MigrationUnreadable: PostgreSQL's parser refuses a statement.
    """
    if declared.transaction == "none":
        return False
    return not any(
        each.batch is not None
        or (_PERHAPS.match(each.sql) and (isinstance(each.tree, ast.TransactionStmt) or runs_alone(each)))
        for each in script
    )
