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
    r"(?:alter|create|drop|reindex|vacuum|begin|start|commit|end|rollback|abort|savepoint|release|prepare"
    r"|cluster)\b",
    re.IGNORECASE,
)
# Of definitions, only those with such a word in them can be one that runs alone.
_DEFINES = re.compile(r"(?:alter|create|drop)\b", re.IGNORECASE)
_ALONE = re.compile(r"\b(?:concurrently|database|system|tablespace|subscription)\b", re.IGNORECASE)
_MANY: dict[ReindexObjectType | None, str] = {  # each index in a transaction of its own
    ReindexObjectType.REINDEX_OBJECT_SCHEMA: "REINDEX of a whole schema",
    ReindexObjectType.REINDEX_OBJECT_SYSTEM: "REINDEX of a whole database",
    ReindexObjectType.REINDEX_OBJECT_DATABASE: "REINDEX of a whole database",
}


def runs_alone(statement: Statement) -> str:
    """Why a statement can run in no transaction block, "" when it can, as far as its text tells: REINDEX and
    CLUSTER of a partitioned table cannot either.

    Source: PostgreSQL's PreventInTransactionBlock and its callers.

    Raises:
        MigrationUnreadable: PostgreSQL's parser refuses it.
    """
    if not _perhaps(statement):
        return ""
    match tree := statement.tree:
        case ast.IndexStmt(concurrent=True):
            return "CREATE INDEX CONCURRENTLY"
        case ast.DropStmt(concurrent=True):
            return "DROP INDEX CONCURRENTLY"
        case ast.ReindexStmt():
            named = any(each.defname == "concurrently" for each in tree.params or ())
            return "REINDEX CONCURRENTLY" if named else _MANY.get(tree.kind, "")
        case ast.ClusterStmt(relation=None):
            return "CLUSTER of all tables"
        case ast.AlterDatabaseStmt():
            if any(each.defname == "tablespace" for each in tree.options or ()):
                return "ALTER DATABASE SET TABLESPACE"
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


def _perhaps(statement: Statement) -> bool:
    """Whether its tree must be looked at; where not, what should be a definition is one that can be read."""
    if not _PERHAPS.match(statement.sql):
        return False
    if _DEFINES.match(statement.sql) and not _ALONE.search(statement.sql):
        statement.check()
        return False
    return True


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
        or (_perhaps(each) and (isinstance(each.tree, ast.TransactionStmt) or runs_alone(each)))
        for each in script
    )
