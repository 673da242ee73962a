"""Asking restored data as if it were the time that they are of.

Questions such as "no event is on its way for more than a minute" compare with `now()`. Nothing was on its way
in what lay in an archive: for as long as the questions are asked, `now()` is a function that returns the
instant that was restored (PostgreSQL finds it first where search_path names its schema before pg_catalog).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import quote

import asyncpg

from nexus.migrations.quoting import identifier, literal

SCHEMA = "nexus_instant"
CONNECT = 10.0


@asynccontextmanager
async def asked_as_of(url: str, at: float | None) -> AsyncIterator[str]:
    """An address of the same database under which it is `at` (seconds since the epoch; None: the present),
    for as long as the block runs. `url` is its superuser's.

    Raises:
        asyncpg.PostgresError, OSError: the server refuses or is away.
    """
    if at is None:
        yield url
        return
    schema = identifier(SCHEMA)
    moment = literal(datetime.fromtimestamp(at, UTC).isoformat())
    await _do(
        url,
        f"DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}; "
        f"GRANT USAGE ON SCHEMA {schema} TO PUBLIC; CREATE FUNCTION {schema}.now() RETURNS timestamptz "
        f"LANGUAGE sql STABLE AS $$SELECT {moment}::timestamptz$$",
    )
    try:
        yield f"{url}?search_path={quote(f'{SCHEMA},pg_catalog,public')}"
    finally:
        await _do(url, f"DROP SCHEMA IF EXISTS {schema} CASCADE")


async def _do(url: str, statements: str) -> None:
    connection = await asyncpg.connect(url, timeout=CONNECT)
    try:
        await connection.execute(statements)
    finally:
        await connection.close(timeout=CONNECT)
