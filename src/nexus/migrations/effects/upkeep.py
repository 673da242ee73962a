"""What upkeep locks and works through: vacuum, new indexes, refreshed views, explicit locks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pglast import ast
from pglast.enums import ReindexObjectType

from nexus.migrations.effects.effect import Effect, LockLevel, Work
from nexus.migrations.effects.scene import Scene


def refresh(tree: Any, scene: Scene) -> Iterator[Effect]:
    """REFRESH MATERIALIZED VIEW."""
    level = LockLevel.EXCLUSIVE if tree.concurrent else LockLevel.ACCESS_EXCLUSIVE
    if tree.concurrent:
        yield scene.lock(tree.relation, level, "scan", "is computed anew and compared")
    else:
        yield scene.lock(tree.relation, level, "rewrite", "is computed anew")


def cluster(tree: Any, scene: Scene) -> Iterator[Effect]:
    """CLUSTER."""
    if tree.relation is not None:
        yield scene.lock(
            tree.relation, LockLevel.ACCESS_EXCLUSIVE, "rewrite", "is rewritten in an index's order"
        )


def vacuum(tree: Any, scene: Scene) -> Iterator[Effect]:
    """VACUUM and ANALYZE."""
    full = any(each.defname == "full" and _on(each) for each in tree.options or ())
    for each in tree.rels or ():
        if full:
            yield scene.lock(each.relation, LockLevel.ACCESS_EXCLUSIVE, "rewrite", "is rewritten")
        else:
            why = "is vacuumed" if tree.is_vacuumcmd else "is sampled for statistics"
            work: Work = "scan" if tree.is_vacuumcmd else ""
            yield scene.lock(each.relation, LockLevel.SHARE_UPDATE_EXCLUSIVE, work, why)


def reindex(tree: Any, scene: Scene) -> Iterator[Effect]:
    """REINDEX of a table or an index."""
    if tree.relation is None:
        return
    told = scene.table(tree.relation)
    concurrent = any(each.defname == "concurrently" and _on(each) for each in tree.params or ())
    level = LockLevel.SHARE_UPDATE_EXCLUSIVE if concurrent else LockLevel.SHARE
    if tree.kind == ReindexObjectType.REINDEX_OBJECT_INDEX:
        table = scene.owner_of(told)
        if table is None:
            yield Effect(told, LockLevel.ACCESS_EXCLUSIVE, "index", "is built anew")
            return
        yield Effect(table, level, "index", f"builds {told.name} anew; reads by this index wait")
    else:
        has = not scene.living.indexes or told in scene.living.indexes.values() or scene.partitioned(told)
        yield Effect(told, level, "index" if has else "", "builds all its indexes anew; reads by them wait")


def lock_table(tree: Any, scene: Scene) -> Iterator[Effect]:
    """LOCK TABLE."""
    for each in tree.relations or ():
        yield scene.lock(each, LockLevel(tree.mode), "", "is locked until the transaction ends")


def _on(option: Any) -> bool:
    return option.arg is None or str(getattr(option.arg, "sval", option.arg)).lower() not in (
        "false",
        "off",
        "0",
    )


JUDGES: Mapping[type, Callable[[Any, Scene], Iterator[Effect]]] = {
    ast.RefreshMatViewStmt: refresh,
    ast.ClusterStmt: cluster,
    ast.VacuumStmt: vacuum,
    ast.ReindexStmt: reindex,
    ast.LockStmt: lock_table,
}
