"""Which columns of which tables SQL reads, found in PostgreSQL's parse tree.

Without the database nobody knows which columns a table has: a name that may be of several tables counts for
each of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from pglast import ast

from nexus.migrations.effects.effect import Table
from nexus.migrations.effects.scene import SYSTEM
from nexus.migrations.naming import name_of
from nexus.migrations.readers.scope import Columns, Names, Scope

_WRITES = (ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt, ast.MergeStmt)

_FROM = frozenset(
    {"selectStmt", "relation", "withClause", "fromClause", "usingClause", "sourceRelation", "cols"}
)


class Reading(NamedTuple):
    """One column as it is read. `column`: None for all, "" for rows alone. `at`: characters into the SQL."""

    table: Table
    column: str | None
    at: int


def columns_of(tree: Any, schema: str) -> tuple[Reading, ...]:
    """What one statement reads. `schema`: of names without one."""
    walk = _Walk()
    walk.statement(tree, Names(schema), None)
    return tuple(dict.fromkeys(walk.found))


class _Walk:
    def __init__(self) -> None:
        self.found: list[Reading] = []

    def statement(self, tree: Any, names: Names, outer: Scope | None) -> Columns:
        """Reads a query or a statement that writes, and tells the columns it returns."""
        if isinstance(tree, ast.SelectStmt):
            return self._select(tree, self._ctes(tree, names, outer), outer)
        if isinstance(tree, _WRITES):
            self._write(tree, self._ctes(tree, names, outer), outer)
            return self._outputs(tree.returningList if hasattr(tree, "returningList") else None)
        self._expression(tree, Scope(outer=outer), names)
        return None

    def _ctes(self, tree: Any, names: Names, outer: Scope | None) -> Names:
        if tree.withClause is None:
            return names
        for each in tree.withClause.ctes:
            told = _aliases(each.aliascolnames)
            known = names.with_cte(each.ctename, told) if tree.withClause.recursive else names
            columns = self.statement(each.ctequery, known, outer)
            names = names.with_cte(each.ctename, told or columns)
        return names

    def _select(self, tree: Any, names: Names, outer: Scope | None) -> Columns:
        if tree.larg is not None:
            columns = self.statement(tree.larg, names, outer)
            self.statement(tree.rarg, names, outer)
            self._expressions(tree.limitCount, tree.limitOffset, scope=Scope(outer=outer), names=names)
            return columns
        scope = Scope(outer=outer)
        for each in tree.fromClause or ():
            self._source(each, scope, names)
        outputs = self._outputs(tree.targetList)
        self._expressions(
            tree.targetList,
            tree.whereClause,
            tree.groupClause,
            tree.havingClause,
            tree.windowClause,
            tree.distinctClause,
            tree.valuesLists,
            tree.limitCount,
            tree.limitOffset,
            scope=scope,
            names=names,
        )
        for each in tree.sortClause or ():
            if not _is_output(each.node, outputs):
                self._expression(each, scope, names)
        return outputs

    def _write(self, tree: Any, names: Names, outer: Scope | None) -> None:
        scope = Scope(outer=outer)
        self._source(tree.relation, scope, names)
        for each in (*(getattr(tree, "fromClause", None) or ()), *(getattr(tree, "usingClause", None) or ())):
            self._source(each, scope, names)
        if getattr(tree, "sourceRelation", None) is not None:
            self._source(tree.sourceRelation, scope, names)
        target = next(iter(scope.tables.values()), None)
        for clause in (getattr(tree, "cols", None), getattr(tree, "targetList", None)):
            for each in clause or ():
                if target is not None and getattr(each, "name", None):
                    self.found.append(Reading(target, str(each.name), each.location))
        if getattr(tree, "selectStmt", None) is not None:
            self.statement(tree.selectStmt, names, outer)
        for part in tree:
            if part not in (
                "selectStmt",
                "relation",
                "withClause",
                "fromClause",
                "usingClause",
                "sourceRelation",
                "cols",
            ):
                self._expression(getattr(tree, part), scope, names)

    def _source(self, told: Any, scope: Scope, names: Names) -> None:
        """Adds what one part of FROM offers."""
        if isinstance(told, ast.RangeVar):
            self._relation(told, scope, names)
        elif isinstance(told, ast.JoinExpr):
            inner = Scope(outer=scope.outer) if told.alias else scope
            self._source(told.larg, inner, names)
            self._source(told.rarg, inner, names)
            at = int(getattr(told.rarg, "location", None) or 0)
            for each in told.usingClause or ():
                for table in inner.tables.values():
                    self.found.append(Reading(table, str(each.sval), at))
            self._expression(told.quals, inner, names)
            if told.alias:
                scope.derived[str(told.alias.aliasname)] = _aliases(told.alias.colnames)
        elif isinstance(told, ast.RangeSubselect):
            columns = self.statement(told.subquery, names, scope if told.lateral else scope.outer)
            if told.alias:
                scope.derived[str(told.alias.aliasname)] = _aliases(told.alias.colnames) or columns
        elif isinstance(told, (ast.RangeFunction, ast.RangeTableFunc, ast.JsonTable)):
            self._expression(told, scope, names)
            if told.alias:
                own = _aliases(told.alias.colnames) or frozenset({str(told.alias.aliasname)})
                scope.derived[str(told.alias.aliasname)] = own
        elif isinstance(told, ast.RangeTableSample):
            self._source(told.relation, scope, names)

    def _relation(self, told: Any, scope: Scope, names: Names) -> None:
        alias = str(told.alias.aliasname if told.alias else told.relname)
        if not told.schemaname and told.relname in names.ctes:
            scope.derived[alias] = names.ctes[str(told.relname)]
            return
        if told.schemaname in SYSTEM:
            scope.derived[alias] = None
            return
        table = Table(str(told.schemaname or names.schema), str(told.relname))
        scope.tables[alias] = table
        self.found.append(Reading(table, "", told.location))

    def _expressions(self, *trees: Any, scope: Scope, names: Names) -> None:
        for each in trees:
            self._expression(each, scope, names)

    def _expression(self, tree: Any, scope: Scope, names: Names) -> None:
        """Reads what is anywhere within an expression; queries in it see the scope around them."""
        if isinstance(tree, tuple):
            for each in tree:
                self._expression(each, scope, names)
        elif isinstance(tree, ast.ColumnRef):
            self.found.extend(_named(tree, scope))
        elif isinstance(tree, (ast.SelectStmt, *_WRITES)):
            self.statement(tree, names, scope)
        elif isinstance(tree, ast.RangeVar):
            self._relation(tree, Scope(), names)
        elif isinstance(tree, ast.Node):
            for part in tree:
                self._expression(getattr(tree, part), scope, names)

    def _outputs(self, targets: Any) -> Columns:
        """The names of what a query returns; None when a `*` hides some."""
        found: set[str] = set()
        for each in targets or ():
            if each.name:
                found.add(str(each.name))
            elif isinstance(each.val, ast.ColumnRef):
                last = (each.val.fields or ())[-1]
                if isinstance(last, ast.A_Star):
                    return None
                found.add(str(last.sval))
            elif isinstance(each.val, ast.FuncCall):
                found.add(name_of(each.val.funcname))
        return frozenset(found)


def _named(told: Any, scope: Scope) -> Iterator[Reading]:
    fields = told.fields
    column = None if isinstance(fields[-1], ast.A_Star) else str(fields[-1].sval)
    if len(fields) == 1:
        if column is None:
            for table in dict.fromkeys(scope.tables.values()):
                yield Reading(table, None, told.location)
        elif scope.behind(column) is not None:
            yield Reading(scope.behind(column) or Table("", ""), None, told.location)  # the row as a whole
        elif not scope.holds(column):
            for table in scope.candidates(column):
                yield Reading(table, column, told.location)
        return
    found = scope.behind(str(fields[-2].sval))
    if found is not None:
        yield Reading(found, column, told.location)
    elif scope.behind(str(fields[0].sval)) is not None:  # (alias.column).field
        yield Reading(scope.behind(str(fields[0].sval)) or Table("", ""), str(fields[1].sval), told.location)


def _is_output(tree: Any, outputs: Columns) -> bool:
    fields = tree.fields or () if isinstance(tree, ast.ColumnRef) else ()
    return len(fields) == 1 and getattr(fields[0], "sval", None) in (outputs or ())


def _aliases(told: Any) -> Columns:
    return frozenset(str(each.sval) for each in told) if told else None
