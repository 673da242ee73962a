"""What statements that define things lock and work through, other than ALTER TABLE.

Source: PostgreSQL 18 manual, 13.3.1 and each command's page; the commands' own files for what these omit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pglast import ast
from pglast.enums import ConstrType, ObjectType

from nexus.migrations.effects.effect import Effect, LockLevel
from nexus.migrations.effects.scene import Scene

_COMMENTED = frozenset(
    {
        ObjectType.OBJECT_TABLE,
        ObjectType.OBJECT_VIEW,
        ObjectType.OBJECT_MATVIEW,
        ObjectType.OBJECT_INDEX,
        ObjectType.OBJECT_SEQUENCE,
    }
)
_OF_TABLES = frozenset({ObjectType.OBJECT_TRIGGER, ObjectType.OBJECT_POLICY, ObjectType.OBJECT_RULE})


def create_table(tree: Any, scene: Scene) -> Iterator[Effect]:
    """CREATE TABLE locks what it refers to, inherits from or is a part of."""
    exclusive = tree.partbound is not None
    for parent in tree.inhRelations or ():
        level = LockLevel.ACCESS_EXCLUSIVE if exclusive else LockLevel.SHARE_UPDATE_EXCLUSIVE
        yield scene.lock(parent, level, "", "gets a partition" if exclusive else "is inherited from")
        if exclusive:
            yield from scene.default_of(scene.table(parent), str(tree.relation.relname))
    for told in tree.tableElts or ():
        if isinstance(told, ast.TableLikeClause):
            yield scene.lock(told.relation, LockLevel.ACCESS_SHARE, "", "is copied in its form")
        constraints = (
            (told,) if isinstance(told, ast.Constraint) else getattr(told, "constraints", None) or ()
        )
        for each in constraints:
            if each.contype == ConstrType.CONSTR_FOREIGN:
                yield scene.lock(each.pktable, LockLevel.SHARE_ROW_EXCLUSIVE, "", "is referred to")


def create_index(tree: Any, scene: Scene) -> Iterator[Effect]:
    """CREATE INDEX."""
    level = LockLevel.SHARE_UPDATE_EXCLUSIVE if tree.concurrent else LockLevel.SHARE
    name = tree.idxname or "an index"
    yield scene.lock(tree.relation, level, "index", f"builds {name}")


def create_view(tree: Any, scene: Scene) -> Iterator[Effect]:
    """CREATE VIEW reads; with OR REPLACE it locks the former view."""
    if tree.replace:
        yield scene.lock(tree.view, LockLevel.ACCESS_EXCLUSIVE, "", "is replaced")
    yield from scene.read(tree.query, "", "is read by the view")


def create_trigger(tree: Any, scene: Scene) -> Iterator[Effect]:
    """CREATE TRIGGER."""
    yield scene.lock(tree.relation, LockLevel.SHARE_ROW_EXCLUSIVE, "", f"gets the trigger {tree.trigname}")
    if tree.constrrel:
        yield scene.lock(tree.constrrel, LockLevel.ACCESS_SHARE, "", "is referred to by the trigger")


def create_rule(tree: Any, scene: Scene) -> Iterator[Effect]:
    """CREATE RULE."""
    yield scene.lock(tree.relation, LockLevel.ACCESS_EXCLUSIVE, "", f"gets the rule {tree.rulename}")


def policy(tree: Any, scene: Scene) -> Iterator[Effect]:
    """CREATE POLICY and ALTER POLICY."""
    why = f"gets or changes the policy {tree.policy_name}"
    yield scene.lock(tree.table, LockLevel.ACCESS_EXCLUSIVE, "", why)


def statistics(tree: Any, scene: Scene) -> Iterator[Effect]:
    """CREATE STATISTICS."""
    for each in tree.relations or ():
        yield scene.lock(each, LockLevel.SHARE_UPDATE_EXCLUSIVE, "", "gets statistics")


def comment(tree: Any, scene: Scene) -> Iterator[Effect]:
    """COMMENT ON, SECURITY LABEL ON."""
    kind, told = ObjectType(tree.objtype), tree.object
    level = LockLevel.SHARE_UPDATE_EXCLUSIVE
    if kind in (ObjectType.OBJECT_COLUMN, ObjectType.OBJECT_TABCONSTRAINT) or kind in _OF_TABLES:
        yield scene.lock(scene.table(told[:-1]), _commented(kind), "", "gets a comment")
    elif kind in _COMMENTED:
        yield scene.lock(scene.table(told), level, "", "gets a comment")


def _commented(kind: ObjectType) -> LockLevel:
    whole = kind is ObjectType.OBJECT_COLUMN
    return LockLevel.SHARE_UPDATE_EXCLUSIVE if whole else LockLevel.ACCESS_SHARE


def rename(tree: Any, scene: Scene) -> Iterator[Effect]:
    """ALTER … RENAME."""
    if tree.relation is None:
        return
    kind = ObjectType(tree.renameType)
    light = kind is ObjectType.OBJECT_INDEX
    level = LockLevel.SHARE_UPDATE_EXCLUSIVE if light else LockLevel.ACCESS_EXCLUSIVE
    what = f"{tree.subname} of it is renamed" if tree.subname else "is renamed"
    yield scene.lock(tree.relation, level, "", f"{what} to {tree.newname}")


def move(tree: Any, scene: Scene) -> Iterator[Effect]:
    """ALTER … SET SCHEMA."""
    if tree.relation is not None:
        yield scene.lock(tree.relation, LockLevel.ACCESS_EXCLUSIVE, "", f"moves to {tree.newschema}")


def sequence(tree: Any, scene: Scene) -> Iterator[Effect]:
    """CREATE SEQUENCE and ALTER SEQUENCE."""
    if isinstance(tree, ast.AlterSeqStmt):
        yield scene.lock(tree.sequence, LockLevel.SHARE_ROW_EXCLUSIVE, "", "changes")
    for each in tree.options or ():
        if each.defname == "owned_by" and len(each.arg) > 1:
            yield scene.lock(scene.table(each.arg[:-1]), LockLevel.ACCESS_SHARE, "", "owns the sequence")


def publication(tree: Any, scene: Scene) -> Iterator[Effect]:
    """CREATE PUBLICATION … FOR TABLE, ALTER PUBLICATION … TABLE."""
    for each in tree.pubobjects or ():
        if each.pubtable is not None:
            yield scene.lock(each.pubtable.relation, LockLevel.SHARE_UPDATE_EXCLUSIVE, "", "is published")


def domain(tree: Any, scene: Scene) -> Iterator[Effect]:
    """ALTER DOMAIN looks at all columns of the domain for a new constraint, and for NOT NULL."""
    checks = tree.subtype == "O" or (
        tree.subtype in ("C", "V") and not (tree.def_ is not None and tree.def_.skip_validation)
    )
    name = scene.table(tree.typeName)
    if not checks:
        return
    for table, facts in scene.living.tables.items():
        if facts.kind in "rpm" and any(kind in (str(name), name.name) for kind in facts.columns.values()):
            yield Effect(table, LockLevel.SHARE, "scan", f"checks all rows against the domain {name.name}")


JUDGES: Mapping[type, Callable[[Any, Scene], Iterator[Effect]]] = {
    ast.CreateStmt: create_table,
    ast.IndexStmt: create_index,
    ast.ViewStmt: create_view,
    ast.CreateTrigStmt: create_trigger,
    ast.RuleStmt: create_rule,
    ast.CreatePolicyStmt: policy,
    ast.AlterPolicyStmt: policy,
    ast.CreateStatsStmt: statistics,
    ast.CommentStmt: comment,
    ast.SecLabelStmt: comment,
    ast.RenameStmt: rename,
    ast.AlterObjectSchemaStmt: move,
    ast.CreateSeqStmt: sequence,
    ast.AlterSeqStmt: sequence,
    ast.CreatePublicationStmt: publication,
    ast.AlterPublicationStmt: publication,
    ast.AlterDomainStmt: domain,
}
