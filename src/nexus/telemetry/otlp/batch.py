"""Rows on their way into the store, and how many were refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa


@dataclass
class Batch:
    """Rows in the order of the schema's columns. `refused` rows are not among them; `why` says the reason of
    the last.
    """

    schema: pa.Schema
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    refused: int = 0
    why: str = ""

    def refuse(self, why: str) -> None:
        self.refused += 1
        self.why = why

    def table(self) -> pa.Table:
        """The rows as Arrow; times are microseconds since the epoch."""
        if not self.rows:
            return self.schema.empty_table()
        columns = zip(*self.rows, strict=True)
        return pa.table(
            [_array(list(column), kind) for column, kind in zip(columns, self.schema.types, strict=True)],
            schema=self.schema,
        )


def _array(values: list[Any], kind: pa.DataType) -> pa.Array[Any]:
    if pa.types.is_timestamp(kind):
        return pa.array(values, pa.int64()).cast(kind)
    if pa.types.is_string(kind):
        return _texts(values)
    return pa.array(values, kind)


def _texts(values: list[Any]) -> pa.Array[Any]:
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:  # lone surrogates out of JSON
        whole = [value and value.encode("utf-8", "replace").decode() for value in values]
        return pa.array(whole, pa.string())
