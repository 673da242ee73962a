"""What an open run has done of a migration whose file was edited since: the new run goes on behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nexus.migrations.applying.steps import fingerprint, steps
from nexus.migrations.statements import Statement

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

_COPY = """
INSERT INTO nexus.migration_step (run, number, state, at, detail)
SELECT $1, new, state, at, detail FROM unnest($3::int[], $4::int[]) AS pair (old, new)
JOIN nexus.migration_step ON run = $2 AND number = old
"""


async def carry_over(
    connection: Connection, former: str, run_id: str, script: Sequence[Statement]
) -> tuple[Statement, ...]:
    """Copies the steps of the run `former` whose statements stand in `script` unchanged; returns those that
    are done. The rest is run.
    """
    pairs = unchanged(await steps(connection, former, "done"), script)
    kept = tuple(script[new - 1] for new in sorted(pairs.values()))
    begun = await steps(connection, former, "begun")
    pairs |= {old: new for old, new in unchanged(begun, script).items() if new not in pairs.values()}
    await connection.execute(_COPY, run_id, former, list(pairs), list(pairs.values()))
    return kept


def unchanged(former: Mapping[int, str], script: Sequence[Statement]) -> dict[int, int]:
    """Number of a step → number of the statement in `script` that says the same; each is taken once."""
    found: dict[int, int] = {}
    among: dict[str, list[int]] = {}
    for each in script:
        among.setdefault(fingerprint(each), []).append(each.number)
    for number in sorted(former):
        if among.get(former[number]):
            found[number] = among[former[number]].pop(0)
    return found
