"""Asks the database whether the invariants hold.

CheckError             the database cannot be asked at all
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg

from nexus.business.invariants import Invariant

_EVERYTHING = 2**31 - 1


class CheckError(RuntimeError):
    """The invariants could not be asked: the database is away or refuses the role."""


@dataclass(frozen=True)
class Result:
    """The answer to one invariant.

    `rows` counts the offending rows, `sample` holds the first of them, `ms` is the time it took in
    milliseconds, `error` says why the question could not be asked ("" when it could).
    """

    name: str
    title: str
    ok: bool
    rows: int
    ms: float
    sample: tuple[Mapping[str, Any], ...] = ()
    error: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON: values that JSON does not know become text."""
        sample = [{name: _plain(value) for name, value in row.items()} for row in self.sample]
        return {
            "name": self.name,
            "title": self.title,
            "ok": self.ok,
            "rows": self.rows,
            "ms": self.ms,
            "sample": sample,
            **({"error": self.error} if self.error else {}),
        }


async def check_invariants(
    dsn: str, invariants: Iterable[Invariant], sample: int = 20, timeout: float = 30.0
) -> AsyncIterator[Result]:
    """Ask each invariant in a read-only transaction and yield its answer as soon as it is known.

    `dsn` belongs to a role that may read every schema. `sample` limits the rows returned, `timeout` (seconds)
    each question. Raises CheckError when the database is away, also in the middle.
    """
    settings = {
        "application_name": "nexus check",
        "statement_timeout": str(round(timeout * 1000)),
        "default_transaction_read_only": "on",
    }
    try:
        connection = await asyncpg.connect(dsn, timeout=10, server_settings=settings)
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        raise CheckError(f"the database cannot be asked ({error}); is it up?") from error
    try:
        for invariant in invariants:
            yield await _ask(connection, invariant, sample)
    finally:
        await connection.close(timeout=5)


async def _ask(connection: asyncpg.Connection[Any], invariant: Invariant, sample: int) -> Result:
    began = time.perf_counter()
    rows: list[Mapping[str, Any]] = []
    count, error = 0, ""
    try:
        async with connection.transaction(readonly=True):
            cursor = await connection.cursor(invariant.sql)
            rows = [dict(row) for row in await cursor.fetch(sample)]
            count = len(rows)
            if count == sample:
                count += await cursor.forward(_EVERYTHING)
    except asyncpg.QueryCanceledError:
        error = "took longer than allowed"
    except (
        OSError,
        asyncpg.InterfaceError,
        asyncpg.PostgresConnectionError,
        asyncpg.OperatorInterventionError,
    ) as lost:
        raise CheckError(f"the database went away while asking {invariant.name} ({lost})") from lost
    except asyncpg.PostgresError as refused:
        error = f"{refused}".splitlines()[0]
    ms = round((time.perf_counter() - began) * 1000, 1)
    return Result(invariant.name, invariant.title, not (count or error), count, ms, tuple(rows), error)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value)
