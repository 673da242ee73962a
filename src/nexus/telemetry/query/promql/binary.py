"""PromQL's operators between scalars and vectors.

Semantics: https://prometheus.io/docs/prometheus/latest/querying/operators/
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

import promql_parser as promql

from nexus.telemetry.query.errors import QueryError
from nexus.telemetry.query.promql.vectors import Labels, Vector, nameless, only, without


def _divide(a: float, b: float) -> float:
    if b:
        return a / b
    return math.nan if not a or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1, b)


def _power(a: float, b: float) -> float:
    try:
        result = a**b
    except (OverflowError, ZeroDivisionError):
        return math.inf
    return result if isinstance(result, float) else math.nan


ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
    "%": lambda a, b: math.fmod(a, b) if b and math.isfinite(a) else math.nan,
    "^": _power,
}
COMPARISON: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
SETS = ("and", "or", "unless")


def combine(
    op: str, left: Vector | float, right: Vector | float, modifier: promql.BinModifier | None
) -> Vector | float:
    """The operator's result. Raises QueryError when elements cannot be matched one to one."""
    as_bool = bool(modifier and modifier.return_bool)
    if isinstance(left, dict) and isinstance(right, dict):
        if op in SETS:
            return _sets(op, left, right, _key(modifier))
        return _matched(op, left, right, modifier, as_bool)
    if isinstance(left, dict):
        assert isinstance(right, float)
        return _each(op, left, as_bool, lambda value: (value, right))
    if isinstance(right, dict):
        scalar = left
        return _each(op, right, as_bool, lambda value: (scalar, value))
    return ARITHMETIC[op](left, right) if op in ARITHMETIC else float(COMPARISON[op](left, right))


def _each(op: str, vector: Vector, as_bool: bool, pair: Callable[[float], tuple[float, float]]) -> Vector:
    if op in ARITHMETIC:
        return {nameless(labels): ARITHMETIC[op](*pair(value)) for labels, value in vector.items()}
    if as_bool:
        return {nameless(labels): float(COMPARISON[op](*pair(value))) for labels, value in vector.items()}
    return {labels: value for labels, value in vector.items() if COMPARISON[op](*pair(value))}


def _key(modifier: promql.BinModifier | None) -> Callable[[Labels], Labels]:
    matching = modifier.matching if modifier else None
    if matching is None:
        return nameless
    if matching.type == promql.LabelModifierType.Include:
        return lambda labels: only(labels, matching.labels)
    return lambda labels: without(nameless(labels), matching.labels)


def _sets(op: str, left: Vector, right: Vector, key: Callable[[Labels], Labels]) -> Vector:
    keys = {key(labels) for labels in (left if op == "or" else right)}
    if op == "or":
        return {**left, **{labels: value for labels, value in right.items() if key(labels) not in keys}}
    return {labels: value for labels, value in left.items() if (key(labels) in keys) == (op == "and")}


def _matched(
    op: str, left: Vector, right: Vector, modifier: promql.BinModifier | None, as_bool: bool
) -> Vector:
    key = _key(modifier)
    card = modifier.card if modifier else promql.VectorMatchCardinality.OneToOne
    many_right = card == promql.VectorMatchCardinality.OneToMany
    many, one = (right, left) if many_right else (left, right)
    grouped = many_right or card == promql.VectorMatchCardinality.ManyToOne
    others = _unique(one, key, "group_left or group_right is" if grouped else "more labels are")
    if not grouped:
        _unique(many, key, "group_left or group_right is")
    result: Vector = {}
    for labels, value in many.items():
        other = others.get(key(labels))
        if other is None:
            continue
        pair = (other[1], value) if many_right else (value, other[1])
        outcome = _outcome(op, pair, value if many_right else pair[0], as_bool)
        if outcome is not None:
            result[_labels(op, labels, other[0], modifier, key, grouped, as_bool)] = outcome
    return result


def _outcome(op: str, pair: tuple[float, float], kept: float, as_bool: bool) -> float | None:
    if op in ARITHMETIC:
        return ARITHMETIC[op](*pair)
    holds = COMPARISON[op](*pair)
    if as_bool:
        return float(holds)
    return kept if holds else None


def _unique(
    vector: Vector, key: Callable[[Labels], Labels], needed: str
) -> dict[Labels, tuple[Labels, float]]:
    found: dict[Labels, tuple[Labels, float]] = {}
    for labels, value in vector.items():
        if key(labels) in found:
            shown = ", ".join(f'{name}="{text}"' for name, text in key(labels))
            raise QueryError(
                f"several elements match {{{shown}}}: {needed} needed to tell which belong together"
            )
        found[key(labels)] = (labels, value)
    return found


def _labels(
    op: str,
    labels: Labels,
    other: Labels,
    modifier: promql.BinModifier | None,
    key: Callable[[Labels], Labels],
    grouped: bool,
    as_bool: bool,
) -> Labels:
    if op in COMPARISON and not as_bool:
        return labels
    if not grouped:
        return key(labels)
    taken = (modifier.group_labels if modifier else None) or []
    return tuple(sorted([*without(nameless(labels), taken), *only(other, taken)]))
