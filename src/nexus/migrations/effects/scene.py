"""What a statement meets: names as its schema resolves them, and what is known of the tables behind them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pglast import ast
from pglast.visitors import Skip, Visitor

from nexus.migrations.effects.effect import Effect, Living, LockLevel, Table, TableFacts, Work
from nexus.migrations.naming import key_of, table_of

SYSTEM = frozenset({"pg_catalog", "information_schema", "pg_toast"})


@dataclass(frozen=True)
class Scene:
    """`schema`: of names that are told without one. `made`: relations that the same script made."""

    schema: str
    living: Living
    made: set[Table]

    def table(self, relation: Any) -> Table:
        """A relation as it is told (RangeVar, or the parts of a name)."""
        _, schema, name = table_of(relation)
        return Table(schema or self.schema, name)

    def named(self, kind: Any, told: Any) -> Table:
        """Any object by its kind."""
        _, schema, name = key_of(kind, told)
        return Table(schema or self.schema, name)

    def facts(self, table: Table) -> TableFacts | None:
        """What the living database knows of a table."""
        return self.living.tables.get(table)

    def children(self, table: Table) -> tuple[Table, ...]:
        """What inherits from a table, or its partitions."""
        return self.living.children.get(table, ())

    def partitioned(self, table: Table) -> bool:
        """Whether a table is a partitioned one."""
        facts = self.facts(table)
        return facts is not None and facts.kind == "p"

    def default_of(self, table: Table, partition: str) -> Iterator[Effect]:
        """What a new partition does to the DEFAULT one, which must hold no row that belongs into the new."""
        told = self.living.defaults.get(table)
        if told is not None and told.name != partition:
            why = f"is searched for rows that belong into {partition}"
            for each in (told, *self.children(told)):
                yield Effect(each, LockLevel.ACCESS_EXCLUSIVE, "scan", why)

    def owner_of(self, index: Table) -> Table | None:
        """The table of an index."""
        return self.living.indexes.get(index)

    def keys_of(self, table: Table, column: str = "") -> Iterator[tuple[Table, str]]:
        """The tables that a table's foreign keys refer to, or only those of one column, each with the key."""
        for name, key in self.living.foreign_keys.get(table, {}).items():
            if (not column or column in key.columns) and key.table != table:
                yield key.table, name

    def keys_to(self, table: Table, column: str = "") -> Iterator[tuple[Table, str]]:
        """The tables whose foreign keys refer to a table, or to one column of it, each with the key."""
        for other, keys in sorted(self.living.foreign_keys.items()):
            for name, key in keys.items():
                if key.table == table and other != table and (not column or column in key.referred):
                    yield other, name

    def lock(
        self, relation: Any, level: LockLevel, work: Work = "", why: str = "", destroys: bool = False
    ) -> Effect:
        """An effect on a relation."""
        table = relation if isinstance(relation, Table) else self.table(relation)
        return Effect(table, level, work, why, destroys)

    def read(self, tree: Any, work: Work = "", why: str = "") -> Iterator[Effect]:
        """What a query only reads; what it writes is told besides."""
        for table, locked in _tables(tree, self):
            level = LockLevel.ROW_SHARE if locked else LockLevel.ACCESS_SHARE
            yield Effect(table, level, work, why)


def _tables(tree: Any, scene: Scene) -> list[tuple[Table, bool]]:
    found = _Reading()
    if tree is not None:
        found(tree)
    return [
        (scene.table(each), found.locks)
        for each in found.relations
        if (each.schemaname or each.relname not in found.own) and each.schemaname not in SYSTEM
    ]


class _Reading(Visitor):
    """The relations that a query names; `own`: names of its WITH; `locks`: whether it says FOR UPDATE."""

    def __init__(self) -> None:
        self.relations: list[ast.RangeVar] = []
        self.own: set[str] = set()
        self.locks = False

    def visit_RangeVar(self, ancestors: Any, node: ast.RangeVar) -> None:
        self.relations.append(node)

    def visit_IntoClause(self, ancestors: Any, node: ast.IntoClause) -> Any:
        return Skip  # what SELECT INTO makes is not read

    def visit_CommonTableExpr(self, ancestors: Any, node: ast.CommonTableExpr) -> None:
        self.own.add(str(node.ctename))

    def visit_LockingClause(self, ancestors: Any, node: ast.LockingClause) -> None:
        self.locks = True
