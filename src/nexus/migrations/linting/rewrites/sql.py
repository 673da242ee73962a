"""Parts of rewrites: names, statements, and the comments that tell Nexus how to run them."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from pglast.stream import RawStream

from nexus.migrations.shape.quoting import name

ALONE = "-- nexus: transaction=none"
BATCH = "-- nexus: batch=5000"
NEXT = "-- next migration"
_LONGEST = 63  # bytes of a name


def told(tree: Any) -> str:
    """A part of a parse tree as SQL."""
    return str(RawStream()(tree))


def lines(*parts: str) -> str:
    """Statements, each ended by a semicolon; comments as they are."""
    return "\n".join(each if each.startswith("--") or each.endswith(";") else f"{each};" for each in parts)


def relation(tree: Any) -> str:
    """The name of a relation as the statement has it, without ONLY and alias."""
    parts = (tree.schemaname, tree.relname) if tree.schemaname else (tree.relname,)
    return name(*map(str, parts))


def beside(tree: Any, other: str) -> str:
    """Another name in the schema of a relation."""
    return name(str(tree.schemaname), other) if tree.schemaname else name(other)


def made_name(*parts: str) -> str:
    """A name from parts, cut where PostgreSQL would cut it: the longest part first."""
    words = list(parts)
    while len("_".join(words).encode()) > _LONGEST:
        longest = max(range(len(words)), key=lambda each: len(words[each]))
        words[longest] = words[longest][:-1]
    return "_".join(words)


def names(told: Iterable[Any]) -> tuple[str, ...]:
    """The texts of a list of names."""
    return tuple(str(each.sval) for each in told or ())


def listed(columns: Iterable[str]) -> str:
    """`a, b`."""
    return ", ".join(map(name, columns))


def changed(tree: Any, **change: Any) -> Any:
    """A copy of a part with other fields."""
    other = copy.deepcopy(tree)
    for key, value in change.items():
        setattr(other, key, value)
    return other


def without(column: Any, *kinds: Any) -> Any:
    """A new column without its constraints of these kinds."""
    kept = tuple(each for each in column.constraints or () if each.contype not in kinds)
    return changed(column, constraints=kept or None)


def as_contract(sql: str, module: str = "") -> str:
    """The same as a contract of its own: it waits until nothing runs that still needs what it takes."""
    of = module or "module"
    return lines(
        "-- in a migration of its own; after-release names the first release that needs it no longer",
        "-- nexus: phase=contract",
        f"-- nexus: after-release={of}>=1.0.0",
        sql.rstrip().removesuffix(";"),
    )


def backfill(sql: str) -> str:
    """A statement over many rows, some at a time, each batch committed by itself."""
    return lines(ALONE, BATCH, sql.rstrip().removesuffix(";"))
