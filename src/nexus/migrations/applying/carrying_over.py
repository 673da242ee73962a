"""What an earlier, failed run of a migration has done already, so that the next one goes on behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pglast import ast

from nexus.migrations.applying.steps import failed_run, fingerprint, steps
from nexus.migrations.history.table import quoted
from nexus.migrations.naming import Key, table_of
from nexus.migrations.script import ColumnKey, Script
from nexus.migrations.statements import Statement

if TYPE_CHECKING:
    import asyncpg

    from nexus.migrations.migration import Source

    Connection = asyncpg.Connection[asyncpg.Record]

_COPY = """
INSERT INTO nexus.migration_step (run, number, state, at, detail)
SELECT $1, new, state, at, detail FROM unnest($3::int[], $4::int[]) AS pair (old, new)
JOIN nexus.migration_step ON run = $2 AND number = old
"""
_THERE = {
    "relation": "SELECT to_regclass($1) IS NOT NULL",
    "type": "SELECT to_regtype($1) IS NOT NULL",
    "schema": "SELECT to_regnamespace($1) IS NOT NULL",
}
_COLUMN = """
SELECT EXISTS (SELECT FROM pg_attribute
               WHERE attrelid = to_regclass($1) AND attname = $2 AND NOT attisdropped)
"""


async def carry_over(
    connection: Connection, source: Source, name: str, run_id: str, script: Sequence[Statement]
) -> tuple[Statement, ...]:
    """Copies the steps of the last failed run whose statements stand in `script` unchanged; returns those
    that are done. None, when something that they made is gone: somebody undid them, and all is run again.
    """
    former = await failed_run(connection, source, name, run_id)
    if former is None:
        return ()
    done = await steps(connection, former, "done")
    pairs = unchanged(done, script)
    kept = tuple(script[new - 1] for new in sorted(pairs.values()))
    if not await still_there(connection, source.schema, kept):
        return ()
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


async def still_there(connection: Connection, schema: str, done: Sequence[Statement]) -> bool:
    """Whether all that these statements made, as far as their text tells, is in the database."""
    keys, columns = made_by(done)
    for among, own, name in keys:
        wanted = quoted(name) if among == "schema" else f"{quoted(own or schema)}.{quoted(name)}"
        if among in _THERE and not await connection.fetchval(_THERE[among], wanted):
            return False
    for (_, own, table), column in columns:
        if not await connection.fetchval(_COLUMN, f"{quoted(own or schema)}.{quoted(table)}", column):
            return False
    return True


def made_by(done: Sequence[Statement]) -> tuple[frozenset[Key], frozenset[ColumnKey]]:
    """The objects and columns that statements made; none when one of them drops or renames something, since
    then what is missing proves nothing.
    """
    script = Script()
    for each in done:
        tree = each.tree
        script.take(tree)
        if isinstance(tree, ast.AlterTableStmt):
            for command in tree.cmds or ():
                script.alter(table_of(tree.relation), command)
        if isinstance(tree, ast.DropStmt | ast.RenameStmt | ast.AlterObjectSchemaStmt):
            return frozenset(), frozenset()
    return frozenset(script.made), frozenset(script.columns)
