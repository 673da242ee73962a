"""What one SQL statement takes from the code that ran before it.

Read with PostgreSQL's own parser. A statement narrows a schema when code written for the schema before it can
fail on the schema after it: what it reads or calls is gone or has another name or type, or what it writes is
refused. Whatever a script made itself is its own to change.

Follows the expand and contract pattern ("parallel change", D. Sato, martinfowler.com, 2014).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from pglast import ast
from pglast.enums import GrantTargetType, ObjectType

from nexus.migrations.deletions import COMMANDS, deletions
from nexus.migrations.naming import key_of, name_of, table_of
from nexus.migrations.narrowing_tables import alter_table, index, rule, trigger
from nexus.migrations.script import Script

_INDIFFERENT = frozenset(
    {
        ObjectType.OBJECT_TABCONSTRAINT,
        ObjectType.OBJECT_DOMCONSTRAINT,
        ObjectType.OBJECT_STATISTIC_EXT,
        ObjectType.OBJECT_PUBLICATION,
        ObjectType.OBJECT_SUBSCRIPTION,
        ObjectType.OBJECT_EVENT_TRIGGER,
    }
)
_OF_TABLES = frozenset({ObjectType.OBJECT_POLICY, ObjectType.OBJECT_TRIGGER, ObjectType.OBJECT_RULE})
_LABELS = _INDIFFERENT | _OF_TABLES | {ObjectType.OBJECT_INDEX}  # nobody calls them by name
_OPAQUE = re.compile(rf"\b(?:(?:drop|alter|rename|revoke|disable)\b|{COMMANDS})", re.IGNORECASE)
_LOGIN = frozenset(
    {"canlogin", "superuser", "createrole", "createdb", "inherit", "bypassrls", "isreplication"}
)
_LIMITS = frozenset({"connectionlimit", "validUntil", "password"})


def narrows(statement: Any, script: Script) -> tuple[str, ...]:
    """What a statement takes away, as parts of a sentence; empty where it only adds.

    `script` knows what the statements before it made, and is told what this one makes.
    """
    judge = _JUDGES.get(type(statement))
    found = tuple(judge(statement, script)) if judge else ()
    script.take(statement)
    return found


def _drop(statement: Any, script: Script) -> Iterator[str]:
    kind = ObjectType(statement.removeType)
    for each in () if kind in _INDIFFERENT else statement.objects:
        name = name_of(each)
        if kind in _OF_TABLES:  # what no policy admits is not seen, and what a trigger copied is lost
            mine = script.owns(key_of(ObjectType.OBJECT_TABLE, each[:-1]))
        else:
            mine = script.owns(key_of(kind, each))
        if mine or (kind is ObjectType.OBJECT_INDEX and name in script.plain):
            continue
        maybe = ", which may be unique" if kind is ObjectType.OBJECT_INDEX else ""
        yield f"drops the {_word(kind)} {name}{maybe}"


def _rename(statement: Any, script: Script) -> Iterator[str]:
    kind = ObjectType(statement.renameType)
    told = statement.relation or statement.object or statement.subname
    owner = name_of(told)
    if kind in _LABELS or script.owns(key_of(kind, told)):
        return
    part = statement.subname if kind is not ObjectType.OBJECT_SCHEMA else ""
    old = f"{part} of {owner}" if part else statement.subname or owner
    yield f"renames the {_word(kind)} {old} to {statement.newname}"


def _move(statement: Any, script: Script) -> Iterator[str]:
    told = statement.relation or statement.object
    if not script.owns(key_of(ObjectType(statement.objectType), told)):
        yield f"moves {name_of(told)} to the schema {statement.newschema}"


def _enum(statement: Any, script: Script) -> Iterator[str]:
    if statement.oldVal and not script.owns(key_of(ObjectType.OBJECT_TYPE, statement.typeName)):
        name = name_of(statement.typeName)
        yield f"renames the value {statement.oldVal} of {name} to {statement.newVal}"


def _domain(statement: Any, script: Script) -> Iterator[str]:
    demanding = statement.subtype in ("C", "O") or (statement.subtype == "T" and statement.def_ is None)
    if demanding and not script.owns(key_of(ObjectType.OBJECT_DOMAIN, statement.typeName)):
        yield f"demands more of values of the type {name_of(statement.typeName)}"


def _grant(statement: Any, script: Script) -> Iterator[str]:
    whole = statement.targtype == GrantTargetType.ACL_TARGET_ALL_IN_SCHEMA
    kind = ObjectType.OBJECT_SCHEMA if whole else ObjectType(statement.objtype)
    objects = statement.objects or ()
    lost = [name_of(each) for each in objects if not script.owns(key_of(kind, each))]
    if not statement.is_grant and (lost or not objects):
        yield f"revokes rights on {', '.join(lost) or 'objects'}"


def _membership(statement: Any, script: Script) -> Iterator[str]:
    if not statement.is_grant:
        names = ", ".join(str(each.priv_name) for each in statement.granted_roles)
        yield f"revokes the membership in {names}"


def _role(statement: Any, script: Script) -> Iterator[str]:
    yield f"drops the role {', '.join(str(each.rolename) for each in statement.roles)}"


def _altered_role(statement: Any, script: Script) -> Iterator[str]:
    """Attributes that a role loses, and limits that it gets."""
    for each in statement.options or ():
        value = getattr(each.arg, "boolval", getattr(each.arg, "ival", None))
        lost = each.defname in _LOGIN and not value
        limited = each.defname in _LIMITS and not (each.defname == "connectionlimit" and value == -1)
        removed = each.defname == "rolemembers" and statement.action < 0
        if lost or limited or removed:
            yield f"takes from the role {statement.role.rolename or 'of the session'} ({each.defname})"


def _default_rights(statement: Any, script: Script) -> Iterator[str]:
    if not statement.action.is_grant:
        yield "revokes rights on what is made later"


def _owner(statement: Any, script: Script) -> Iterator[str]:
    """Former code may have its rights as the owner."""
    if not script.owns(key_of(ObjectType(statement.objectType), statement.relation or statement.object)):
        yield f"changes the owner of {name_of(statement.relation or statement.object)}"


def _altered_policy(statement: Any, script: Script) -> Iterator[str]:
    if not script.owns(table_of(statement.table)):
        yield f"changes which rows of {statement.table.relname} the policy {statement.policy_name} shows"


def _policy(statement: Any, script: Script) -> Iterator[str]:
    if not statement.permissive and not script.owns(table_of(statement.table)):
        yield f"hides rows of {statement.table.relname} by a restrictive policy"


def _truncated(statement: Any, script: Script) -> Iterator[str]:
    """Rows that are gone are gone for former code too."""
    for relation in statement.relations:
        if not script.owns(table_of(relation)):
            yield f"deletes all rows of {relation.relname}"


def _deleting(statement: Any, script: Script) -> Iterator[str]:
    """DELETE and MERGE … DELETE, also in a WITH; a DELETE of some rows is a matter of its own."""
    for relation, every, merge in deletions(statement):
        if (every or merge) and not script.owns(table_of(relation)):
            yield f"deletes {'all rows' if every else 'rows'} of {relation.relname}"


def _owned(statement: Any, script: Script) -> Iterator[str]:
    yield "drops all that a role owns"


def _block(statement: Any, script: Script) -> Iterator[str]:
    """What a DO block does is known when it has run; one that drops, alters and deletes
    nothing only adds.
    """
    body = next((each.arg.sval for each in statement.args if each.defname == "as"), "")
    word = _OPAQUE.search(body)
    if word:
        yield f"runs a DO block with {word[0].split()[0].upper()}, which nobody can judge before it has run"


_JUDGES: dict[type, Callable[[Any, Script], Iterator[str]]] = {
    ast.DropStmt: _drop,
    ast.RenameStmt: _rename,
    ast.AlterObjectSchemaStmt: _move,
    ast.AlterTableStmt: alter_table,
    ast.IndexStmt: index,
    ast.CreateTrigStmt: trigger,
    ast.RuleStmt: rule,
    ast.AlterEnumStmt: _enum,
    ast.AlterDomainStmt: _domain,
    ast.GrantStmt: _grant,
    ast.GrantRoleStmt: _membership,
    ast.DropRoleStmt: _role,
    ast.AlterRoleStmt: _altered_role,
    ast.AlterDefaultPrivilegesStmt: _default_rights,
    ast.AlterOwnerStmt: _owner,
    ast.AlterPolicyStmt: _altered_policy,
    ast.CreatePolicyStmt: _policy,
    ast.DropOwnedStmt: _owned,
    ast.TruncateStmt: _truncated,
    ast.DeleteStmt: _deleting,
    ast.MergeStmt: _deleting,
    ast.InsertStmt: _deleting,
    ast.UpdateStmt: _deleting,
    ast.SelectStmt: _deleting,
    ast.CreateTableAsStmt: _deleting,
    ast.DoStmt: _block,
}


def _word(kind: ObjectType) -> str:
    return kind.name.removeprefix("OBJECT_").lower().replace("_", " ")
