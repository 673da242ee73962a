"""Which functions a statement executes, and which of them are known to change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pglast import ast
from pglast.enums import AlterTableType
from pglast.visitors import Visitor

from nexus.migrations.shape.thing import Shape

if TYPE_CHECKING:
    import asyncpg

# Volatile, but they only make values.
_HARMLESS = frozenset(
    {"gen_random_uuid", "uuidv4", "uuidv7", "random", "random_normal", "clock_timestamp", "timeofday"}
)
_STORES = (  # what is written there is kept, and executed by who uses it
    ast.CreateFunctionStmt, ast.ViewStmt, ast.RuleStmt, ast.CreatePolicyStmt, ast.AlterPolicyStmt,
    ast.CreateTrigStmt, ast.CreateDomainStmt, ast.CreateStatsStmt,
)  # fmt: skip
_KNOWN = """
SELECT proname FROM pg_catalog.pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace
GROUP BY proname HAVING bool_and(provolatile <> 'v')
"""


async def known_functions(connection: asyncpg.Connection[asyncpg.Record], shape: Shape) -> frozenset[str]:
    """PostgreSQL's own functions that change nothing, of whose names the schemas have none."""
    known = {str(row["proname"]) for row in await connection.fetch(_KNOWN)} | _HARMLESS
    return frozenset(known - {each.key.name.partition("(")[0] for each in shape.kind("function")})


def calls(tree: Any, known: frozenset[str]) -> tuple[str, ...]:
    """The functions that a statement executes and that are not known, by name."""
    seen = _Calls(known)
    for part in _executed(tree):
        seen(part)
    return tuple(sorted(seen.found))


def _executed(tree: Any) -> Iterator[Any]:
    match tree:
        case ast.CreateStmt():
            if tree.partbound is not None:
                yield tree.partbound
        case ast.AlterTableStmt():
            for command in tree.cmds or ():
                if command.def_ is not None and command.subtype != AlterTableType.AT_ColumnDefault:
                    yield command.def_
        case _ if not isinstance(tree, _STORES):
            yield tree


class _Calls(Visitor):
    def __init__(self, known: frozenset[str]) -> None:
        self.known = known
        self.found: set[str] = set()

    def visit_FuncCall(self, ancestors: Any, node: ast.FuncCall) -> None:
        parts = [str(each.sval) for each in node.funcname or ()]
        if parts[-1] not in self.known or (len(parts) > 1 and parts[0] != "pg_catalog"):
            self.found.add(parts[-1])
