"""Constraints that look at all rows while nobody may write."""

from __future__ import annotations

from collections.abc import Iterator

from pglast.enums import AlterTableType as Kind
from pglast.enums import ConstrType

from nexus.migrations.linting.case import Case
from nexus.migrations.linting.hit import Hit, Known
from nexus.migrations.linting.rewrites import columns, constraints
from nexus.migrations.linting.rewrites.bounds import bounds
from nexus.migrations.linting.rewrites.sql import names
from nexus.migrations.linting.said import said

_SCANS = "{what} scans {table} while nobody may read or write it"
_LOOKS_UP = "{what} looks up all keys while nobody may write into either table"
_BUILDS = "{what} builds its index while nobody may read or write {table}"
_INDEXED = (ConstrType.CONSTR_UNIQUE, ConstrType.CONSTR_PRIMARY)


def judge(case: Case, known: Known) -> Iterator[Hit]:
    """not-null-, check-, fk- and unique-; what works through nothing is no finding."""
    if case.command is None or not any(each.work for each in case.effects):
        return
    if case.kind is Kind.AT_SetNotNull:
        own = str(case.command.name)
        yield _not_null(case, own)
    elif case.kind is Kind.AT_AddConstraint:
        yield from _added(case, known)
    elif case.kind is Kind.AT_AddColumn:
        yield from _with_column(case)
    elif case.kind is Kind.AT_AttachPartition:
        part, check = str(case.command.def_.name.relname), bounds(case, known)
        yield Hit(
            "attach-without-check",
            case,
            said("ATTACH PARTITION scans {part} under a lock that stops all who use it", part=part),
            constraints.attached(case.tree, case.command, check) if check else "",
        )


def _not_null(case: Case, column: str) -> Hit:
    return Hit(
        "not-null-without-check",
        case,
        said(
            "NOT NULL of {column} scans {table} while nobody may read or write it",
            column=column,
            table=case.table,
        ),
        constraints.not_null(case.tree.relation, column),
    )


def _added(case: Case, known: Known) -> Iterator[Hit]:
    told = case.command.def_
    kind, what = ConstrType(told.contype), told.conname or said("the constraint")
    if kind == ConstrType.CONSTR_NOTNULL:
        yield Hit(
            "not-null-without-check",
            case,
            said(_SCANS, what=what, table=case.table),
            constraints.validated_later(case.tree.relation, told),
        )
    elif kind == ConstrType.CONSTR_FOREIGN:
        yield Hit(
            "fk-without-not-valid",
            case,
            said(_LOOKS_UP, what=what),
            constraints.validated_later(case.tree.relation, told),
        )
    elif kind == ConstrType.CONSTR_CHECK:
        yield Hit(
            "check-without-not-valid",
            case,
            said(_SCANS, what=what, table=case.table),
            constraints.validated_later(case.tree.relation, told),
        )
    elif kind in _INDEXED and not told.indexname:
        nullable = [each for each in names(told.keys) if each not in known.not_null(case.table)]
        yield Hit(
            "unique-without-concurrently",
            case,
            said(_BUILDS, what=what, table=case.table),
            constraints.unique(case.tree.relation, told, nullable),
        )
    elif kind == ConstrType.CONSTR_EXCLUSION:
        yield Hit(
            "exclusion-builds-index",
            case,
            said(_BUILDS, what=what, table=case.table),
        )


def _with_column(case: Case) -> Iterator[Hit]:
    column = case.command.def_
    rewrite = columns.added(case.tree, column)
    why = "; ".join(dict.fromkeys(each.why for each in case.effects))
    for told in column.constraints or ():
        kind = ConstrType(told.contype)
        if kind in _INDEXED and "builds the index" in why:
            yield Hit(
                "unique-without-concurrently",
                case,
                said(_BUILDS, what=column.colname, table=case.table),
                rewrite,
            )
        elif kind == ConstrType.CONSTR_CHECK and not told.skip_validation:
            yield Hit(
                "check-without-not-valid",
                case,
                said(_SCANS, what=said("the check of {column}", column=column.colname), table=case.table),
                rewrite,
            )
        elif kind == ConstrType.CONSTR_FOREIGN and "checks all keys" in why:
            yield Hit(
                "fk-without-not-valid",
                case,
                said(_LOOKS_UP, what=column.colname),
                rewrite,
            )
