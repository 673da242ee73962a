"""A script as units: what becomes true at once, and is tried again as one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pglast import ast
from pglast.enums import TransactionStmtKind as Kind

from nexus.migrations.applying.backfill_statement import batched
from nexus.migrations.errors import MigrationUnreadable
from nexus.migrations.statements import Statement
from nexus.migrations.transaction import runs_alone

UnitKind = Literal["together", "own", "alone", "batches", "setting"]
SENT_AT_ONCE = 1 << 17  # characters of rows that are sent at once
_OPENS = (Kind.TRANS_STMT_BEGIN, Kind.TRANS_STMT_START)
_ENDS = (Kind.TRANS_STMT_COMMIT, Kind.TRANS_STMT_ROLLBACK)
_SETS = re.compile(r"(?:set|reset)\s", re.IGNORECASE)
_ROWS = re.compile(r"insert\s", re.IGNORECASE)


@dataclass(frozen=True)
class Unit:
    """`kind`: together (one transaction of ours), own (from the script's BEGIN to its COMMIT or ROLLBACK),
    alone (in no transaction), batches, setting (SET, for the session). It is done when all of it is.
    """

    kind: UnitKind
    statements: tuple[Statement, ...]

    @property
    def first(self) -> Statement:
        """Its first statement."""
        return self.statements[0]


def units(script: Sequence[Statement]) -> tuple[Unit, ...]:
    """The units of a script that is not one transaction: each statement, and each transaction of its own.

    Raises:
        MigrationUnreadable: BEGIN and COMMIT do not go together, or a statement is refused.
    """
    found: list[Unit] = []
    block: list[Statement] = []
    for each in script:
        change = transaction_statement(each)
        if block:
            block.append(each)
            if change in _OPENS:
                raise _refused(each, f"the transaction of line {block[0].line} goes on: end it before")
            if change in _ENDS:
                found.append(Unit("own", tuple(block)))
                block = []
            elif (alone := runs_alone(each)) or each.batch is not None:
                raise _refused(
                    each, f"{alone or 'what runs in batches'} cannot stand between BEGIN and COMMIT"
                )
        elif change in _OPENS:
            block = [each]
        elif change is not None:
            raise _refused(each, "no transaction is open here: write BEGIN before, or take it away")
        elif each.batch is not None:
            batched(each)  # refused here, before anything is done
            found.append(Unit("batches", (each,)))
        else:
            found.append(Unit(_kind(each), (each,)))
    if block:
        raise _refused(block[0], "this transaction is never ended: add COMMIT")
    return tuple(found)


def transaction_statement(statement: Statement) -> Kind | None:
    """What a statement does to the transaction it is in, None for most.

    Raises:
        MigrationUnreadable: it keeps a transaction for later, or begins another by itself.
    """
    tree = statement.tree if _TRANSACTION.match(statement.sql) else None
    if not isinstance(tree, ast.TransactionStmt):
        return None
    if tree.kind in (
        Kind.TRANS_STMT_PREPARE,
        Kind.TRANS_STMT_COMMIT_PREPARED,
        Kind.TRANS_STMT_ROLLBACK_PREPARED,
    ):
        raise _refused(statement, "a prepared transaction keeps its locks for ever; commit it here")
    if tree.chain:
        raise _refused(statement, "AND CHAIN is not understood; write COMMIT and BEGIN")
    return next(kind for kind in Kind if kind == tree.kind)


def sets_session(statement: Statement) -> bool:
    """Whether it is a SET or RESET that holds beyond its transaction."""
    tree = statement.tree if _SETS.match(statement.sql) else None
    if not isinstance(tree, ast.VariableSetStmt) or tree.is_local:
        return False
    return not str(tree.name or "").startswith("TRANSACTION")  # SET TRANSACTION … is of its transaction


def _kind(statement: Statement) -> UnitKind:
    if runs_alone(statement):
        return "alone"
    return "setting" if sets_session(statement) else "together"


_TRANSACTION = re.compile(
    r"(?:begin|start|commit|end|rollback|abort|savepoint|release|prepare)\b", re.IGNORECASE
)


def sendings(script: Iterable[Statement]) -> Iterator[tuple[Statement, ...]]:
    """The statements as they are sent: one by one, but INSERTs in a row at once."""
    rows: list[Statement] = []
    length = 0
    for each in script:
        plain = _ROWS.match(each.sql) is not None
        if rows and (not plain or length + len(each.sql) > SENT_AT_ONCE):
            yield tuple(rows)
            rows, length = [], 0
        if plain:
            rows.append(each)
            length += len(each.sql)
        else:
            yield (each,)
    if rows:
        yield tuple(rows)


def _refused(statement: Statement, why: str) -> MigrationUnreadable:
    return MigrationUnreadable(f"{statement.place}:{statement.line}: {statement.head}: {why}")
