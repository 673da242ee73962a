"""What upkeep locks and works through: vacuum, new indexes, refreshed views, explicit locks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pglast import ast
from pglast.enums import ReindexObjectType

from nexus.migrations.effects.effect import Effect, LockLevel, Table, Work
from nexus.migrations.effects.rows import unknown
from nexus.migrations.effects.scene import Scene

_WITH_ROWS = frozenset("rmp")  # kinds of pg_class


def refresh(tree: Any, scene: Scene) -> Iterator[Effect]:
    """REFRESH MATERIALIZED VIEW."""
    level = LockLevel.EXCLUSIVE if tree.concurrent else LockLevel.ACCESS_EXCLUSIVE
    if tree.concurrent:
        yield scene.lock(tree.relation, level, "scan", "is computed anew and compared")
    else:
        yield scene.lock(tree.relation, level, "rewrite", "is computed anew")


def cluster(tree: Any, scene: Scene) -> Iterator[Effect]:
    """CLUSTER."""
    if tree.relation is None:
        yield unknown("CLUSTER of all tables that were clustered before")
        return
    yield scene.lock(tree.relation, LockLevel.ACCESS_EXCLUSIVE, "rewrite", "is rewritten in an index's order")


def vacuum(tree: Any, scene: Scene) -> Iterator[Effect]:
    """VACUUM and ANALYZE."""
    full = any(each.defname == "full" and _on(each) for each in tree.options or ())
    told = [scene.table(each.relation) for each in tree.rels or ()]
    if not told and not scene.living.tables:
        yield unknown("VACUUM of all tables" if tree.is_vacuumcmd else "ANALYZE of all tables")
    for each in told or _all(scene):
        if full:
            yield scene.lock(each, LockLevel.ACCESS_EXCLUSIVE, "rewrite", "is rewritten")
        else:
            why = "is vacuumed" if tree.is_vacuumcmd else "is sampled for statistics"
            work: Work = "scan" if tree.is_vacuumcmd else ""
            yield scene.lock(each, LockLevel.SHARE_UPDATE_EXCLUSIVE, work, why)


def reindex(tree: Any, scene: Scene) -> Iterator[Effect]:
    """REINDEX of a table or an index, or of all that a schema or the database has."""
    concurrent = any(each.defname == "concurrently" and _on(each) for each in tree.params or ())
    level = LockLevel.SHARE_UPDATE_EXCLUSIVE if concurrent else LockLevel.SHARE
    if tree.relation is None:
        if not scene.living.tables:
            yield unknown("REINDEX of all tables")
        within = str(tree.name) if tree.kind == ReindexObjectType.REINDEX_OBJECT_SCHEMA else ""
        for each in _all(scene, within) if tree.kind != ReindexObjectType.REINDEX_OBJECT_SYSTEM else ():
            yield from _rebuilt(each, level, scene)
        return
    told = scene.table(tree.relation)
    if tree.kind == ReindexObjectType.REINDEX_OBJECT_INDEX:
        table = scene.owner_of(told)
        if table is None:
            yield Effect(told, LockLevel.ACCESS_EXCLUSIVE, "index", "is built anew")
            return
        yield Effect(table, level, "index", f"builds {told.name} anew; reads by this index wait")
    else:
        yield from _rebuilt(told, level, scene)


def _rebuilt(table: Table, level: LockLevel, scene: Scene) -> Iterator[Effect]:
    has = not scene.living.indexes or table in scene.living.indexes.values() or scene.partitioned(table)
    yield Effect(table, level, "index" if has else "", "builds all its indexes anew; reads by them wait")


def _all(scene: Scene, schema: str = "") -> list[Table]:
    """All living tables, or those of one schema."""
    return sorted(
        table
        for table, facts in scene.living.tables.items()
        if facts.kind in _WITH_ROWS and schema in ("", table.schema)
    )


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
