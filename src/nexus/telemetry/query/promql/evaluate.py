"""Evaluates a PromQL expression at one time after another."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import promql_parser as promql

from nexus.telemetry.query.errors import QueryError
from nexus.telemetry.query.promql.aggregate import AGGREGATIONS, aggregate, histogram_quantile
from nexus.telemetry.query.promql.binary import ARITHMETIC, COMPARISON, SETS, combine
from nexus.telemetry.query.promql.ranges import KEEP_NAME, RANGES, Range, quantile_over
from nexus.telemetry.query.promql.series import Samples, load
from nexus.telemetry.query.promql.vectors import (
    Labels,
    Vector,
    nameless,
    only,
    unsupported,
    without,
)
from nexus.telemetry.store import Store

Value = Vector | float
Step = Callable[[float], Value]
_SIMPLE: dict[str, Callable[..., float]] = {
    "abs": abs,
    "round": lambda value, to=1.0: math.floor(value / to + 0.5) * to if math.isfinite(value) else value,
    "clamp_min": max,
    "clamp_max": min,
}


@dataclass
class _Source:
    """A selector, and its series once they are loaded. `seconds` is the length of its range (0: none)."""

    selector: promql.VectorSelector
    seconds: float = 0.0
    series: dict[Labels, Samples] = field(default_factory=dict)

    @property
    def shift(self) -> float:
        offset = self.selector.offset
        return offset.total_seconds() if offset else 0.0


class Evaluation:
    """One expression, to be evaluated at times from `start` to `end` (seconds since the epoch).

    Raises QueryError when it is no expression or uses what is not supported, before any point is read.
    """

    def __init__(self, store: Store, text: str, start: float, end: float) -> None:
        self._text = text
        self._sources: list[_Source] = []
        try:
            self._step = self._compile(promql.parse(text))
        except ValueError as error:
            if isinstance(error, QueryError):
                raise
            raise QueryError(f"{text!r} cannot be read: {error}{_place(text, str(error))}") from error
        for source in self._sources:
            source.series = load(
                store, source.selector, start - source.seconds - source.shift, end - source.shift
            )

    def at(self, time: float) -> Value:
        """The value at a time: a number, or a number for each set of labels."""
        return self._step(time)

    def _compile(self, node: Any) -> Step:
        match node:
            case promql.NumberLiteral():
                return lambda time: float(node.val)
            case promql.ParenExpr():
                return self._compile(node.expr)
            case promql.UnaryExpr():
                inner = self._compile(node.expr)
                return lambda time: combine("*", inner(time), -1.0, None)
            case promql.VectorSelector():
                return self._instant(node)
            case promql.AggregateExpr():
                return self._aggregate(node)
            case promql.BinaryExpr():
                return self._binary(node)
            case promql.Call():
                return self._call(node)
            case promql.MatrixSelector():
                raise QueryError(f"{node} is a range; put it into a function such as rate()")
            case promql.SubqueryExpr():
                raise QueryError(f"{node} is a subquery, which is not supported here")
        raise QueryError(f"{node} cannot be shown as numbers")

    def _source(self, selector: promql.VectorSelector, seconds: float = 0.0) -> _Source:
        if selector.at is not None:
            raise unsupported("@", self._text)
        source = _Source(selector, seconds)
        self._sources.append(source)
        return source

    def _instant(self, selector: promql.VectorSelector) -> Step:
        source = self._source(selector)

        def step(time: float) -> Vector:
            found = ((labels, samples.at(time - source.shift)) for labels, samples in source.series.items())
            return {labels: value for labels, value in found if value is not None}

        return step

    def _aggregate(self, node: promql.AggregateExpr) -> Step:
        op = str(node.op)
        if op not in AGGREGATIONS:
            raise unsupported(op, self._text)
        inner = self._compile(node.expr)
        parameter = self._compile(node.param) if node.param is not None else _nothing
        key = _grouping(node.modifier)
        return lambda time: aggregate(op, _vector(inner(time)), key, _number(parameter(time)))

    def _binary(self, node: promql.BinaryExpr) -> Step:
        op = str(node.op)
        if op not in ARITHMETIC and op not in COMPARISON and op not in SETS:
            raise unsupported(op, self._text)
        left, right = self._compile(node.lhs), self._compile(node.rhs)
        return lambda time: combine(op, left(time), right(time), node.modifier)

    def _call(self, node: promql.Call) -> Step:
        name, arguments = node.func.name, node.args
        if name in RANGES:
            return self._range(RANGES[name], arguments[0], keep_name=name in KEEP_NAME)
        if name == "quantile_over_time":
            return self._quantile_over_time(arguments)
        given = [self._compile(argument) for argument in arguments if name in _FUNCTIONS]
        match name:
            case "time":
                return lambda time: time
            case "vector":
                return lambda time: {(): _number(given[0](time))}
            case "scalar":
                return lambda time: _only_value(_vector(given[0](time)))
            case "histogram_quantile":
                return lambda time: histogram_quantile(_number(given[0](time)), _vector(given[1](time)))
        if name not in _SIMPLE:
            raise unsupported(name, self._text)
        return lambda time: {
            nameless(labels): _SIMPLE[name](value, *(_number(each(time)) for each in given[1:]))
            for labels, value in _vector(given[0](time)).items()
        }

    def _quantile_over_time(self, arguments: list[Any]) -> Step:
        q, source = self._compile(arguments[0]), self._source_of(arguments[1])
        return lambda time: _ranged(source, quantile_over(_number(q(time))), time, nameless)

    def _range(self, function: Range, argument: Any, keep_name: bool) -> Step:
        source, name = self._source_of(argument), _same if keep_name else nameless
        return lambda time: _ranged(source, function, time, name)

    def _source_of(self, argument: Any) -> _Source:
        if not isinstance(argument, promql.MatrixSelector):
            raise QueryError(
                f"{argument} is a subquery, which is not supported here; give a range such as x[5m]"
            )
        return self._source(argument.vector_selector, argument.range.total_seconds())


_FUNCTIONS = ("time", "vector", "scalar", "histogram_quantile", *_SIMPLE)


def _ranged(source: _Source, function: Range, time: float, name: Callable[[Labels], Labels]) -> Vector:
    end = time - source.shift
    start = end - source.seconds
    found = {
        labels: function(*samples.between(start, end), start, end)
        for labels, samples in source.series.items()
    }
    return {name(labels): value for labels, value in found.items() if value is not None}


def _grouping(modifier: promql.AggModifier | None) -> Callable[[Labels], Labels]:
    if modifier is None:
        return lambda labels: ()
    if modifier.type == promql.AggModifierType.By:
        return lambda labels: only(labels, modifier.labels)
    return lambda labels: without(nameless(labels), modifier.labels)


def _same(labels: Labels) -> Labels:
    return labels


def _nothing(time: float) -> float:
    return math.nan


def _vector(value: Value) -> Vector:
    if isinstance(value, dict):
        return value
    raise QueryError("a number stands where a metric is expected")


def _number(value: Value) -> float:
    if isinstance(value, dict):
        raise QueryError("a metric stands where a number is expected; scalar() makes a number of one series")
    return value


def _only_value(vector: Vector) -> float:
    return next(iter(vector.values())) if len(vector) == 1 else math.nan


def _place(text: str, error: str) -> str:
    name = error.split("'")[1] if error.count("'") >= 2 else ""
    place = text.find(name) + 1 if name else 0
    return f" (position {place})" if place else ""
