"""The parts of a table, one after the other: by its key, or by its pages where it has none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nexus.migrations.applying.backfill_statement import Batched
from nexus.migrations.applying.backfill_table import Key, Walked
from nexus.migrations.quoting import literal

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

Last = list[str]  # the texts of the last key; or the number of the next page
ROWS_A_PAGE = 50  # where nothing is known


@dataclass(frozen=True)
class Part:
    """`condition`: which rows belong to it, as SQL. `last`: where it ends; None: with the table."""

    condition: str
    last: Last | None


class KeyWalk:
    """Parts of `size` rows in the order of the key. Rows that come meanwhile behind the last one are seen."""

    def __init__(self, batch: Batched, key: Key) -> None:
        self._key = key
        self._columns = [f"{batch.alias}.{column}" for column in key.columns]
        self._from = f"{'ONLY ' if batch.only else ''}{batch.table} AS {batch.alias}"

    async def part(self, connection: Connection, last: Last | None, size: int) -> Part:
        """The part behind `last`."""
        behind = [] if last is None else [self._compare(">", last)]
        texts = ", ".join(f"{column}::text" for column in self._columns)
        row = await connection.fetchrow(
            f"SELECT {texts} FROM {self._from} WHERE {' AND '.join(behind) or 'TRUE'} "
            f"ORDER BY {', '.join(self._columns)} OFFSET {size - 1} LIMIT 1"
        )
        if row is None:
            return Part(" AND ".join(behind) or "TRUE", None)
        until = list(row.values())
        return Part(" AND ".join([*behind, self._compare("<=", until)]), until)

    def _compare(self, operator: str, last: Sequence[str]) -> str:
        """`(a, b) > (1, 2)`. The first column alone comes beside it: PostgreSQL estimates pairs badly."""
        values = [f"{literal(text)}::{kind}" for text, kind in zip(last, self._key.types, strict=True)]
        if len(values) == 1:
            return f"{self._columns[0]} {operator} {values[0]}"
        row = f"({', '.join(self._columns)}) {operator} ({', '.join(values)})"
        return f"{self._columns[0]} {operator.rstrip('=')}= {values[0]} AND {row}"


class PageWalk:
    """Parts of whole pages, about `size` rows each; of all partitions at once. What is appended meanwhile
    belongs to the last part, or to the next pass.
    """

    def __init__(self, batch: Batched, table: Walked) -> None:
        self._ctid = f"{batch.alias}.ctid"
        self._pages = table.pages
        self._density = table.rows / table.pages if table.rows and table.pages else ROWS_A_PAGE

    async def part(self, _: Connection, last: Last | None, size: int) -> Part:
        """The pages from `last` on."""
        begin = 0 if last is None else int(last[0])
        end = begin + max(1, math.ceil(size / self._density))
        parts = [f"{self._ctid} >= '({begin},0)'::tid"]
        if end >= self._pages:
            return Part(parts[0], None)
        return Part(f"{parts[0]} AND {self._ctid} < '({end},0)'::tid", [str(end)])


Walk = KeyWalk | PageWalk


def walk_of(batch: Batched, table: Walked) -> Walk:
    """How to go over a table."""
    return PageWalk(batch, table) if table.key is None else KeyWalk(batch, table.key)
