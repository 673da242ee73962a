"""Indexes, and what else PostgreSQL can do beside the users when it is told to."""

from __future__ import annotations

from collections.abc import Iterator

from pglast import ast

from nexus.migrations.linting.case import Case
from nexus.migrations.linting.hit import Hit, Known
from nexus.migrations.linting.rewrites import indexes
from nexus.migrations.linting.rewrites.table import rewrite
from nexus.migrations.linting.said import said


def judge(case: Case, known: Known) -> Iterator[Hit]:
    """index-, refresh-without-concurrently and vacuum-full."""
    tree = case.tree
    if isinstance(tree, ast.IndexStmt) and not tree.concurrent and not case.new and _heavy(case):
        yield Hit(
            "index-without-concurrently",
            case,
            said(
                "builds {index} while nobody may write into {table}",
                index=tree.idxname or said("an index"),
                table=case.table,
            ),
            rewrite("require-concurrent-index-creation", case, known),
        )
    elif isinstance(tree, ast.RefreshMatViewStmt) and not tree.concurrent and case.effects:
        yield Hit(
            "refresh-without-concurrently",
            case,
            said("computes {table} while nobody may read it", table=case.table),
            indexes.refreshed(tree),
        )
    elif _rewrites_whole(tree) and not (getattr(tree, "relation", None) is not None and case.new):
        yield Hit(
            "vacuum-full",
            case,
            said("writes whole tables anew while nobody may read or write them"),
            indexes.vacuumed(tree),
            None if case.effects else "warning",
        )


def _heavy(case: Case) -> bool:
    return any(each.work for each in case.effects)


def _rewrites_whole(tree: object) -> bool:
    if isinstance(tree, ast.ClusterStmt):
        return True
    if not isinstance(tree, ast.VacuumStmt) or not tree.is_vacuumcmd:
        return False
    return any(each.defname == "full" for each in tree.options or ())
