"""A statement that is to be carried out in batches: what it takes them from, and whether it can be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from pglast import ast
from pglast.enums import JoinType, OnConflictAction, SetOperation
from pglast.visitors import Skip, Visitor

from nexus.migrations.applying.backfill_text import Kind, narrowed, span
from nexus.migrations.errors import MigrationUnreadable
from nexus.migrations.quoting import identifier
from nexus.migrations.statements import Statement

Value = Literal["column", "constant", "other"]  # of the row, the same for all, or another one each time


@dataclass(frozen=True)
class Batched:
    """What is known of it. `table`: what batches are taken from, quoted, without its alias; `alias`: what the
    statement calls it; `only`: without the tables that inherit from it. `target`: the table that is written.

    `sets`: columns that an UPDATE sets. `calls`: functions whose value would be another one over a part of
    the rows, if they are aggregates. `ignores`: an INSERT that does nothing where the row is there already;
    `columns`: those that it names (() = all, in their order); `values`: what it writes into each (() where
    its text does not tell). `conditional`: an UPDATE or DELETE with WHERE. `returns`: it has RETURNING.
    """

    statement: Statement
    kind: Kind
    table: str
    alias: str
    only: bool
    target: str
    sets: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()
    ignores: bool = False
    columns: tuple[str, ...] = ()
    values: tuple[Value, ...] = ()
    conditional: bool = False
    returns: bool = False

    def within(self, condition: str, again: bool = False) -> str:
        """Its text for the rows of `table` for which `condition` holds as well.

        `again`: it returns one row: how many rows it wrote, and how many of them its own condition would
        take again. Only for an UPDATE that has a condition and returns nothing.

        Raises:
            MigrationUnreadable: the text cannot be changed with certainty.
        """
        return narrowed(self.statement, self.kind, condition, again)


def batched(statement: Statement) -> Batched:
    """What an UPDATE, DELETE or INSERT … SELECT takes its batches from.

    Raises:
        MigrationUnreadable: it cannot be carried out in batches, and why.
    """
    tree = statement.tree
    match tree:
        case None:
            refuse(statement, "it is longer than 1 MB")
        case ast.UpdateStmt() | ast.DeleteStmt():
            found = _of_a_table(statement, tree)
        case ast.InsertStmt():
            found = _of_an_insert(statement, tree)
        case _:
            refuse(statement, "only UPDATE, DELETE and INSERT … SELECT can be")
    if span(statement.sql, found.kind) is None:
        refuse(statement, "write its SELECT out, without parentheses around it")
    return found


def _of_a_table(statement: Statement, tree: Any) -> Batched:
    _no_writing_with(statement, tree.withClause)
    if isinstance(tree.whereClause, ast.CurrentOfExpr):
        refuse(statement, "it stands on a cursor")
    update = isinstance(tree, ast.UpdateStmt)
    table, alias = _named(tree.relation)
    return Batched(
        statement,
        "UPDATE" if update else "DELETE",
        table,
        alias,
        only=not tree.relation.inh,
        target=table,
        sets=frozenset(str(each.name) for each in tree.targetList) if update else frozenset(),
        conditional=tree.whereClause is not None,
        returns=tree.returningClause is not None,
    )


def _of_an_insert(statement: Statement, tree: Any) -> Batched:
    select = tree.selectStmt
    if select is None or select.valuesLists:
        refuse(statement, "it selects from no table")
    if select.op != SetOperation.SETOP_NONE:
        refuse(statement, "it has a UNION, INTERSECT or EXCEPT; write one INSERT for each part")
    _no_writing_with(statement, tree.withClause)
    _no_writing_with(statement, select.withClause)
    whole = {
        "DISTINCT": select.distinctClause,
        "GROUP BY": select.groupClause,
        "HAVING": select.havingClause,
        "WINDOW": select.windowClause,
        "ORDER BY": select.sortClause,
        "LIMIT": select.limitCount,
        "OFFSET": select.limitOffset,
    }
    for clause, there in whole.items():
        if there is not None:
            refuse(statement, f"its {clause} looks at all rows at once")
    source = _first_table(statement, (select.fromClause or (None,))[0])
    with_names = {
        each.ctename for clause in (tree.withClause, select.withClause) if clause for each in clause.ctes
    }
    if not source.schemaname and source.relname in with_names:
        refuse(statement, f"{source.relname} is not a table but its own WITH")
    calls = _Calls()
    for each in select.targetList or ():
        calls(each)
    if calls.over:
        refuse(statement, "its window function looks at all rows at once")
    table, alias = _named(source)
    written = _named(tree.relation)[0]
    if written == table:
        refuse(statement, f"it reads {table}, into which it writes: it would never end")
    conflict = tree.onConflictClause
    return Batched(
        statement,
        "INSERT",
        table,
        alias,
        only=not source.inh,
        target=written,
        calls=frozenset(calls.names),
        ignores=conflict is not None and conflict.action == OnConflictAction.ONCONFLICT_NOTHING,
        columns=tuple(str(each.name) for each in tree.cols or ()),
        values=_values(select.targetList or ()),
        returns=tree.returningClause is not None,
    )


def _values(targets: Iterable[Any]) -> tuple[Value, ...]:
    found: list[Value] = []
    for target in targets:
        steady = _Steady()
        steady(target.val)
        if steady.star:
            return ()
        found.append("other" if steady.calls else "column" if steady.columns else "constant")
    return tuple(found)


class _Steady(Visitor):
    """Whether an expression is made of the row's columns alone, so that it is the same each time."""

    def __init__(self) -> None:
        self.calls = self.columns = self.star = False

    def visit(self, _: Any, node: Any) -> None:
        self.calls = self.calls or isinstance(node, ast.FuncCall | ast.SubLink | ast.SQLValueFunction)
        self.columns = self.columns or isinstance(node, ast.ColumnRef)
        self.star = self.star or isinstance(node, ast.A_Star)


def _first_table(statement: Statement, node: Any) -> Any:
    """The table whose rows each come at most once to each row of the others: the first, never an outer join's
    weak side.
    """
    while isinstance(node, ast.JoinExpr):
        if node.jointype not in (JoinType.JOIN_INNER, JoinType.JOIN_LEFT):
            refuse(statement, "its RIGHT or FULL JOIN has rows that belong to no row of the first table")
        node = node.larg
    if not isinstance(node, ast.RangeVar):
        refuse(statement, "the first of its FROM is not a table")
    return node


def _no_writing_with(statement: Statement, clause: Any) -> None:
    for each in (clause.ctes if clause else ()) or ():
        if not isinstance(each.ctequery, ast.SelectStmt):
            refuse(statement, f"its WITH {each.ctename} writes, and would with each batch")


class _Calls(Visitor):
    """Names of the functions that a query calls itself, not those of queries within it."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.over = False

    def visit_FuncCall(self, _: Any, node: Any) -> None:
        self.names.add(str(node.funcname[-1].sval))
        self.over = self.over or node.over is not None

    def visit_SubLink(self, _: Any, node: Any) -> Any:
        return Skip()


def _named(relation: Any) -> tuple[str, str]:
    name = identifier(relation.relname)
    qualified = f"{identifier(relation.schemaname)}.{name}" if relation.schemaname else name
    return qualified, identifier(relation.alias.aliasname) if relation.alias else name


def refuse(statement: Statement, why: str) -> NoReturn:
    """Say why a statement cannot be carried out in batches.

    Raises:
        MigrationUnreadable: always.
    """
    raise MigrationUnreadable(
        f"{statement.place}:{statement.line}: batch={statement.batch}: this statement cannot be carried out "
        f"in batches: {why}. Take `-- nexus: batch=` away to carry it out at once."
    )
