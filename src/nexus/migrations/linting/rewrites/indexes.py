"""Indexes that are built, dropped and built anew beside the users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pglast import ast

from nexus.migrations.effects.effect import Table
from nexus.migrations.linting.rewrites.sql import ALONE, beside, changed, lines, made_name, relation, told
from nexus.migrations.shape.quoting import name


def concurrently(tree: Any) -> str:
    """CREATE INDEX CONCURRENTLY; Nexus cleans up what a failed one leaves."""
    return lines(ALONE, told(changed(tree, concurrent=True, idxname=tree.idxname or _default(tree))))


def on_partitions(tree: Any, partitions: Sequence[Table]) -> str:
    """An index of a partitioned table, which PostgreSQL builds beside the users only on its partitions."""
    own = str(tree.idxname or _default(tree))
    only = changed(tree, idxname=own)
    only.relation = changed(tree.relation, inh=False)
    steps = [told(only)]
    for each in partitions:
        index = made_name(each.name, own, "part")
        part = changed(tree, concurrent=True, idxname=index)
        part.relation = changed(tree.relation, schemaname=each.schema, relname=each.name)
        steps += [
            told(part),
            f"ALTER INDEX {beside(tree.relation, own)} ATTACH PARTITION {name(each.schema, index)}",
        ]
    return lines(ALONE, *steps)


def dropped(tree: Any) -> str:
    """DROP INDEX CONCURRENTLY, one at a time, as PostgreSQL wants it."""
    each = (changed(tree, concurrent=True, objects=(one,), behavior=0) for one in tree.objects)
    return lines(ALONE, *(told(one) for one in each))


def reindexed(tree: Any) -> str:
    """REINDEX CONCURRENTLY."""
    return lines(ALONE, told(tree).replace("REINDEX ", "REINDEX (CONCURRENTLY) ", 1))


def refreshed(tree: Any) -> str:
    """REFRESH MATERIALIZED VIEW CONCURRENTLY; it needs a unique index over all rows."""
    return lines(ALONE, told(changed(tree, concurrent=True)))


def detached(tree: Any) -> str:
    """DETACH PARTITION CONCURRENTLY."""
    hint = "-- afterwards the partition has a CHECK of its former bounds, which may be dropped"
    return lines(ALONE, hint, f"{told(tree)} CONCURRENTLY")


def vacuumed(tree: Any) -> str:
    """What frees space beside the users: dead rows are used again, and the statistics are new."""
    rels = tree.rels if isinstance(tree, ast.VacuumStmt) else ()
    targets = [relation(each.relation) for each in rels or ()]
    if isinstance(tree, ast.ClusterStmt) and tree.relation is not None:
        targets = [relation(tree.relation)]
    told_targets = [f"VACUUM (ANALYZE) {each}" for each in targets] or ["VACUUM (ANALYZE)"]
    return lines(ALONE, *told_targets)


def _default(tree: Any) -> str:
    """The name that PostgreSQL would give (ChooseIndexName)."""
    columns = [str(each.name or "expr") for each in tree.indexParams or ()]
    return made_name(str(tree.relation.relname), "_".join(columns), "idx")
