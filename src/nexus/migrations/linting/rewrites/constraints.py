"""Constraints without a scan under a lock: first for new rows, then looked up beside the users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pglast import ast
from pglast.enums import ConstrType
from pglast.visitors import Visitor

from nexus.migrations.linting.rewrites.sql import ALONE, changed, lines, listed, made_name, names
from nexus.migrations.linting.rewrites.sql import relation as table_of
from nexus.migrations.linting.rewrites.sql import told as printed
from nexus.migrations.shape.quoting import name

_SUFFIXES = {
    ConstrType.CONSTR_CHECK: "check",
    ConstrType.CONSTR_FOREIGN: "fkey",
    ConstrType.CONSTR_UNIQUE: "key",
    ConstrType.CONSTR_PRIMARY: "pkey",
    ConstrType.CONSTR_NOTNULL: "not_null",
}


def not_null(relation: Any, column: str) -> str:
    """SET NOT NULL that a valid CHECK has proved already."""
    return lines(ALONE, *not_null_steps(relation, column))


def not_null_steps(relation: Any, column: str) -> tuple[str, ...]:
    """Its statements."""
    table, proof = table_of(relation), name(made_name(str(relation.relname), column, "present"))
    return (
        f"ALTER TABLE {table} ADD CONSTRAINT {proof} CHECK ({name(column)} IS NOT NULL) NOT VALID",
        f"ALTER TABLE {table} VALIDATE CONSTRAINT {proof}",
        f"ALTER TABLE {table} ALTER COLUMN {name(column)} SET NOT NULL",
        f"ALTER TABLE {table} DROP CONSTRAINT {proof}",
    )


def validated_later(relation: Any, constraint: Any, column: str = "") -> str:
    """CHECK, NOT NULL or a foreign key: NOT VALID, then VALIDATE, which stops nobody."""
    return lines(ALONE, *validated_steps(relation, constraint, column))


def validated_steps(relation: Any, constraint: Any, column: str = "") -> tuple[str, ...]:
    """Its statements. `column`: the one that the constraint was written with."""
    own = str(constraint.conname or _default(relation, constraint, column))
    later = changed(constraint, conname=own, skip_validation=True, initially_valid=False)
    if column and constraint.contype == ConstrType.CONSTR_FOREIGN and not constraint.fk_attrs:
        later.fk_attrs = (ast.String(sval=column),)
    table = table_of(relation)
    return (
        f"ALTER TABLE {table} ADD {printed(later)}",
        f"ALTER TABLE {table} VALIDATE CONSTRAINT {name(own)}",
    )


def unique(relation: Any, constraint: Any, nullable: Sequence[str] = (), column: str = "") -> str:
    """UNIQUE or PRIMARY KEY from an index that was built beside the users. `nullable`: columns of a primary
    key of which nothing proves that they hold no null.
    """
    return lines(ALONE, *unique_steps(relation, constraint, nullable, column))


def unique_steps(
    relation: Any, constraint: Any, nullable: Sequence[str] = (), column: str = ""
) -> tuple[str, ...]:
    """Its statements."""
    own = str(constraint.conname or _default(relation, constraint, column))
    columns = names(constraint.keys) or (column,)
    primary = constraint.contype == ConstrType.CONSTR_PRIMARY
    including = f" INCLUDE ({listed(names(constraint.including))})" if constraint.including else ""
    nulls = " NULLS NOT DISTINCT" if constraint.nulls_not_distinct else ""
    deferred = " DEFERRABLE" if constraint.deferrable else ""
    deferred += " INITIALLY DEFERRED" if constraint.initdeferred else ""
    table = table_of(relation)
    proofs = tuple(step for each in nullable if primary for step in not_null_steps(relation, each))
    return (
        *proofs,
        f"CREATE UNIQUE INDEX CONCURRENTLY {name(own)} ON {table} ({listed(columns)}){including}{nulls}",
        f"ALTER TABLE {table} ADD CONSTRAINT {name(own)} {'PRIMARY KEY' if primary else 'UNIQUE'} "
        f"USING INDEX {name(own)}{deferred}",
    )


def domain_checked_later(tree: Any) -> str:
    """A domain's constraint: NOT VALID, then VALIDATE."""
    told, domain = tree.def_, name(*names(tree.typeName))
    own = str(told.conname or made_name(names(tree.typeName)[-1], "check"))
    later = changed(told, conname=own, skip_validation=True, initially_valid=False)
    return lines(
        ALONE,
        f"ALTER DOMAIN {domain} ADD {printed(later)}",
        f"ALTER DOMAIN {domain} VALIDATE CONSTRAINT {name(own)}",
    )


def attached(tree: Any, command: Any, check: str) -> str:
    """ATTACH PARTITION of a table of which a valid CHECK has proved its bounds already."""
    part = command.def_.name
    proof = name(made_name(str(part.relname), "bounds"))
    return lines(
        ALONE,
        f"ALTER TABLE {table_of(part)} ADD CONSTRAINT {proof} CHECK ({check}) NOT VALID",
        f"ALTER TABLE {table_of(part)} VALIDATE CONSTRAINT {proof}",
        printed(tree),
        f"ALTER TABLE {table_of(part)} DROP CONSTRAINT {proof}",
    )


def _default(relation: Any, constraint: Any, column: str) -> str:
    """The name that PostgreSQL would give (ChooseConstraintName)."""
    kind = ConstrType(constraint.contype)
    columns: Sequence[str] = names(constraint.fk_attrs) or names(constraint.keys) or (column,)
    if kind == ConstrType.CONSTR_PRIMARY:
        columns = ()
    elif kind == ConstrType.CONSTR_CHECK:
        used = _Columns()
        used(constraint.raw_expr)
        columns = tuple(used.found) if len(used.found) == 1 else ()
    parts = [str(relation.relname), "_".join(each for each in columns if each), _SUFFIXES.get(kind, "key")]
    return made_name(*(each for each in parts if each))


class _Columns(Visitor):
    def __init__(self) -> None:
        self.found: dict[str, None] = {}

    def visit_ColumnRef(self, ancestors: Any, node: ast.ColumnRef) -> None:
        self.found[str(getattr((node.fields or ())[-1], "sval", "*"))] = None
