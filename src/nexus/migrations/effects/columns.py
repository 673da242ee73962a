"""What a new column costs, and what proves that a column holds no null."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pglast import ast, parse_sql
from pglast.enums import BoolExprType, ConstrType, NullTestType
from pglast.visitors import Visitor

from nexus.migrations.column import no_value
from nexus.migrations.effects.effect import Effect, LockLevel, Table, Work
from nexus.migrations.effects.scene import Scene
from nexus.migrations.naming import name_of

_STORED = "s"


def added_column(told: Any, table: Table, scene: Scene) -> Iterator[Effect]:
    """ADD COLUMN with what is told along with it."""
    level, name = LockLevel.ACCESS_EXCLUSIVE, str(told.colname)
    by_kind = {each.contype: each for each in told.constraints or ()}
    default = by_kind.get(ConstrType.CONSTR_DEFAULT)
    filled = default is not None and not no_value(default.raw_expr)
    fills = _fills(told, by_kind, filled, scene)
    virtual = _virtual(by_kind)
    if fills:
        yield Effect(table, level, "rewrite", f"adds {name}: {fills}")
    elif ConstrType.CONSTR_NOTNULL in by_kind and (virtual or not filled):
        yield Effect(
            table, level, "scan", f"adds {name}, NOT NULL without a default: fails if there is a row"
        )
    else:
        yield Effect(table, level, "", f"adds {name}")
    for kind, each in by_kind.items():
        if kind == ConstrType.CONSTR_CHECK and not each.skip_validation:
            yield Effect(table, level, "scan", f"checks all rows against the check of {name}")
        elif kind in (ConstrType.CONSTR_UNIQUE, ConstrType.CONSTR_PRIMARY):
            yield Effect(table, level, "index", f"builds the index of {name}")
        elif kind == ConstrType.CONSTR_FOREIGN:
            work: Work = "scan" if filled or fills else ""
            yield scene.lock(each.pktable, LockLevel.SHARE_ROW_EXCLUSIVE, work, f"is referred to by {name}")
            if work:
                yield Effect(table, level, "scan", f"checks all keys of {name}")


def not_null_holds(column: str, table: Table, scene: Scene, checks_stay: bool = True) -> bool:
    """Whether the living database has proved that there is no null: NOT NULL itself, or a valid CHECK.

    `checks_stay`: whether the statement drops no constraint; it drops before it looks for nulls.
    """
    facts = scene.facts(table)
    if facts and column in facts.not_null:
        return True
    return checks_stay and any(
        column in _proved(check) for check in scene.living.validated_checks.get(table, ())
    )


def _fills(told: Any, by_kind: dict[Any, Any], filled: bool, scene: Scene) -> str:
    """Why the new column is written into each row; "" when it is not."""
    if name_of(told.typeName).endswith("serial") or ConstrType.CONSTR_IDENTITY in by_kind:
        return "numbers all rows"
    if ConstrType.CONSTR_GENERATED in by_kind and not _virtual(by_kind):
        return "computes it in all rows"
    if filled and _volatile(by_kind[ConstrType.CONSTR_DEFAULT].raw_expr, scene):
        return "its default is another in each row"
    if scene.table(told.typeName.names) in scene.living.domains:
        return "its domain constrains its values"
    return ""


def _virtual(by_kind: dict[Any, Any]) -> bool:
    generated = by_kind.get(ConstrType.CONSTR_GENERATED)
    return generated is not None and getattr(generated, "generated_kind", _STORED) != _STORED


def _volatile(expression: Any, scene: Scene) -> bool:
    found = _Calls()
    found(expression)
    return not found.names <= scene.living.settled


def _proved(check: str) -> set[str]:
    """The columns that a check of `pg_get_constraintdef` says are not null, each by itself."""
    text = check.removeprefix("CHECK ").removesuffix(" NOT VALID").removesuffix(" NO INHERIT")
    select: Any = parse_sql(f"SELECT {text}")[0].stmt
    return set(_not_null(select.targetList[0].val))


def _not_null(expression: Any) -> Iterator[str]:
    match expression:
        case ast.NullTest(nulltesttype=NullTestType.IS_NOT_NULL, arg=ast.ColumnRef() as column):
            yield name_of(column.fields)
        case ast.BoolExpr(boolop=BoolExprType.AND_EXPR):
            for each in expression.args or ():
                yield from _not_null(each)


class _Calls(Visitor):
    def __init__(self) -> None:
        self.names: set[str] = set()

    def visit_FuncCall(self, ancestors: Any, node: ast.FuncCall) -> None:
        self.names.add(name_of(node.funcname))
