"""Parsed lines → one Arrow table in the shape of `records.LOGS`, column by column."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from nexus.telemetry.masking_columns import mask_attributes, mask_texts
from nexus.telemetry.parsing.names import METHODS, SECONDS, severity
from nexus.telemetry.parsing.shapes import Shape, Shapes
from nexus.telemetry.parsing.times import TIME, times
from nexus.telemetry.records import INFO, LOGS

Record = dict[str, Any]
_TEXT = pa.string()
_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True)
class Writer:
    """Who wrote the lines. `trusted`: what a line says of its service is true (our own proxy's)."""

    service: str
    instance: str = ""
    release: str = ""
    trusted: bool = False


def table(records: list[Record], shapes: Shapes, writer: Writer, observed: datetime) -> pa.Table:
    """The records as rows, in their order, masked."""
    groups = defaultdict[tuple[str, ...], list[int]](list)
    for index, keys in enumerate(map(tuple, records)):
        groups[keys].append(index)
    if len(groups) == 1:
        return masked(_Group(shapes.of(next(iter(groups))), records, writer, observed).table())
    parts, order = [], list[int]()
    for keys, indices in groups.items():
        group = _Group(shapes.of(keys), [records[index] for index in indices], writer, observed)
        parts.append(group.table())
        order += indices
    whole = pa.concat_tables(parts).combine_chunks()
    return masked(whole.take(pc.sort_indices(pa.array(order, pa.int32()))))


def masked(rows: pa.Table) -> pa.Table:
    """The rows without what nobody may read."""
    texts = dict.fromkeys(("body", "path", "route"), mask_texts)
    for name, mask in {**texts, "attributes": mask_attributes}.items():
        before = rows[name]
        after = mask(before)
        if after is not before:
            rows = rows.set_column(rows.schema.get_field_index(name), LOGS.field(name), after)
    return rows


@dataclass
class _Group:
    """Lines of one shape. `strays`: values that do not fit their column, by row; they become attributes."""

    shape: Shape
    records: list[Record]
    writer: Writer
    observed: datetime
    strays: dict[int, Record] = field(default_factory=dict)

    def table(self) -> pa.Table:
        stamps = self._values("time")
        when, raw = times(stamps, self.observed) if stamps is not None else (self._now(), {})
        for index, value in raw.items():
            self._stray(index, "time.raw", value)
        columns: dict[str, pa.Array[Any]] = {
            "time": when,
            "observed": self._now(),
            "severity": self._severity(),
            "service": self._who("service", self.writer.service, self.writer.trusted),
            "instance": self._who("instance", self.writer.instance, True),
            "release": self._who("release", self.writer.release, True),
            "body": self._body(),
            "trace_id": self._id("trace_id", 32),
            "span_id": self._id("span_id", 16),
            "method": self._checked("method", _TEXT, lambda value: _is_text(value) and value in METHODS),
            "path": self._said("path"),
            "route": self._said("route"),
            "status": self._checked("status", pa.int16(), _is_status),
            "duration_ms": self._duration(),
        }
        columns["attributes"] = self._attributes()  # last: with the values that fit no column
        return pa.table([columns[name] for name in LOGS.names], schema=LOGS)

    def _values(self, column: str) -> list[Any] | None:
        key = self.shape.columns.get(column)
        return None if key is None else self._of(key)

    def _of(self, key: str) -> list[Any]:
        return [record[key] for record in self.records]

    def _stray(self, index: int, name: str, value: Any) -> None:
        self.strays.setdefault(index, {})[name] = value

    def _now(self) -> pa.Array[Any]:
        return pa.repeat(pa.scalar(self.observed, TIME), len(self.records))

    def _severity(self) -> pa.Array[Any]:
        values = self._values("severity")
        if values is None:
            return pa.repeat(pa.scalar(INFO, pa.int8()), len(self.records))
        try:
            known = {level: severity(level) for level in set(values)}
            return pa.array([known[level] for level in values], pa.int8())
        except TypeError:  # lists and objects
            return pa.array([severity(level) for level in values], pa.int8())

    def _who(self, column: str, known: str, trusted: bool) -> pa.Array[Any]:
        """What the line says of its writer, where that may be believed; else what we know."""
        values = self._values(column)
        if values is None or (isinstance(values[0], str) and values.count(values[0]) == len(values)):
            said = values[0] if values else None
            if said is None or said == known or (trusted and said):
                return pa.repeat(pa.scalar(said or known, _TEXT), len(self.records))
        assert values is not None
        for index, value in enumerate(values):
            if not (trusted and value and isinstance(value, str)):
                if value and value != known:
                    self._stray(index, self.shape.columns[column], value)
                values[index] = known
        return pa.array(values, _TEXT)

    def _body(self) -> pa.Array[Any]:
        values = self._values("body")
        if values is None:
            return pa.repeat(pa.scalar("", _TEXT), len(self.records))
        return pa.array([value if type(value) is str else _text(value) for value in values], _TEXT)

    def _id(self, column: str, digits: int) -> pa.Array[Any]:
        values = self._values(column)
        if values is None:
            return pa.nulls(len(self.records), _TEXT)
        try:
            array = pa.array(values, _TEXT)
        except (pa.ArrowInvalid, pa.ArrowTypeError):  # some are no text: each is looked at
            array = None
        if array is not None:
            good = pc.match_substring_regex(array, f"^[0-9a-f]{{{digits}}}$")
            if pc.all(good, min_count=0).as_py():
                return array
        return self._checked(column, _TEXT, lambda value: _is_id(value, digits))

    def _said(self, column: str) -> pa.Array[Any]:
        try:
            return pa.array(self._values(column) or [None] * len(self.records), _TEXT)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            return self._checked(column, _TEXT, _is_text)

    def _duration(self) -> pa.Array[Any]:
        array = self._checked("duration_ms", pa.float64(), _is_duration)
        if self.shape.columns.get("duration_ms") == SECONDS:
            array = pc.multiply(array, 1000.0)
        return array.cast(pa.float32())

    def _checked(self, column: str, kind: pa.DataType, fits: Callable[[Any], bool]) -> pa.Array[Any]:
        """The column's values where they fit; others are null, and attributes under their own name."""
        values = self._values(column)
        if values is None:
            return pa.array([None] * len(self.records), kind)
        try:
            unfit = {value for value in set(values) if value is not None and not fits(value)}
        except TypeError:  # lists and objects
            unfit = None
        if unfit is None or unfit:
            for index, value in enumerate(values):
                if value is not None and not fits(value):
                    if value not in ("", "-", -1):
                        self._stray(index, self.shape.columns[column], value)
                    values[index] = None
        return pa.array(values, kind)

    def _attributes(self) -> pa.Array[Any]:
        count = len(self.records)
        told = [(name, self._rest(key)) for key, name in self.shape.rest]
        told = [(name, values) for name, values in told if values.count(None) < count]
        names = [name for name, _ in told]
        if not (names or self.strays):
            return pa.repeat(pa.scalar("", _TEXT), count)
        rows = zip(*(values for _, values in told), strict=True) if names else ((),) * count
        if not self.strays and len(set(names)) == len(names) and all(_complete(values) for _, values in told):
            return pa.array([_object(dict(zip(names, row, strict=True))) for row in rows], _TEXT)
        texts = []
        for index, row in enumerate(rows):
            found = {name: value for name, value in zip(names, row, strict=True) if _is_some(value)}
            found |= self.strays.get(index, {})
            texts.append(_object(found) if found else b"")
        return pa.array(texts, _TEXT)

    def _rest(self, key: str) -> list[Any]:
        """One attribute's values; masked, or left out where a column has it already."""
        values = self._of(key)
        mark = self.shape.secret.get(key)
        if mark:
            return [mark if _is_some(value) else None for value in values]
        traces = self._values("trace_id") if key == "request_id" else None
        if traces is not None:
            return [None if value == trace else value for value, trace in zip(values, traces, strict=True)]
        return values


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else orjson.dumps(value).decode()


def _object(attributes: Record) -> bytes:
    try:
        return orjson.dumps(attributes)
    except TypeError:  # nested more deeply than JSON's writer can go
        return orjson.dumps({name: _text(repr(value)) for name, value in attributes.items()})


def _is_some(value: Any) -> bool:
    return value is not None and value != ""


def _complete(values: list[Any]) -> bool:
    return None not in values and "" not in values


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_id(value: Any, digits: int) -> bool:
    return isinstance(value, str) and len(value) == digits and _HEX.issuperset(value)


def _is_status(value: Any) -> bool:
    return type(value) is int and 100 <= value <= 599


def _is_duration(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < 1e12
