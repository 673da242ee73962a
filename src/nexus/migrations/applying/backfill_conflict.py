"""Whether an INSERT with ON CONFLICT DO NOTHING leaves alone what it has written itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nexus.migrations.applying.backfill_statement import Batched

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

# Rows with a null are told apart by no unique index, unless it says NULLS NOT DISTINCT.
_UNIQUE = """
SELECT array_agg(a.attname::text) AS columns
FROM pg_index i
CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
WHERE i.indrelid = $1::text::regclass AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indisready
    AND i.indpred IS NULL AND i.indexprs IS NULL AND k.place <= i.indnkeyatts
GROUP BY i.indexrelid, i.indnullsnotdistinct
HAVING bool_and(a.attnotnull) OR i.indnullsnotdistinct
"""
_COLUMNS = """
SELECT attname::text FROM pg_attribute
WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""


async def ignores_its_own(connection: Connection, batch: Batched) -> bool:
    """Whether a unique index of the target holds nothing but values of the source's row: then a row that was
    written before is in conflict with itself. False also where the text does not tell.
    """
    if not (batch.ignores and batch.values):
        return False
    columns = batch.columns or [row["attname"] for row in await connection.fetch(_COLUMNS, batch.target)]
    fed = dict(zip(columns, batch.values, strict=False))
    for row in await connection.fetch(_UNIQUE, batch.target):
        kinds = {fed.get(column, "other") for column in row["columns"]}
        if "other" not in kinds and "column" in kinds:
            return True
    return False
