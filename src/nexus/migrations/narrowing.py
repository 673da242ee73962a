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
from pglast.enums import ObjectType

from nexus.migrations.narrowing_tables import alter_table, index
from nexus.migrations.script import Script, name_of

_INDIFFERENT = frozenset(
    {
        ObjectType.OBJECT_INDEX,
        ObjectType.OBJECT_TABCONSTRAINT,
        ObjectType.OBJECT_DOMCONSTRAINT,
        ObjectType.OBJECT_TRIGGER,
        ObjectType.OBJECT_POLICY,
        ObjectType.OBJECT_RULE,
        ObjectType.OBJECT_STATISTIC_EXT,
        ObjectType.OBJECT_PUBLICATION,
        ObjectType.OBJECT_SUBSCRIPTION,
        ObjectType.OBJECT_EVENT_TRIGGER,
    }
)
_UNIQUE_INDEX = re.compile(r"_(key|pkey)\d*$")  # as PostgreSQL and Prisma name what makes rows unique
_OPAQUE = re.compile(r"\b(drop|alter|rename|revoke)\b", re.IGNORECASE)


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
    hides = kind is ObjectType.OBJECT_POLICY  # what no policy admits is not seen
    for each in statement.objects:
        name = name_of(each)
        unique = kind is ObjectType.OBJECT_INDEX and _UNIQUE_INDEX.search(name)
        if name not in script.made and (kind not in _INDIFFERENT or unique or hides):
            yield f"drops the {_word(kind)} {name}"


def _rename(statement: Any, script: Script) -> Iterator[str]:
    kind = ObjectType(statement.renameType)
    owner = statement.relation.relname if statement.relation else name_of(statement.object)
    if kind in _INDIFFERENT or owner in script.made:
        return
    part = statement.subname if kind is not ObjectType.OBJECT_SCHEMA else ""
    old = f"{part} of {owner}" if part else statement.subname or owner
    yield f"renames the {_word(kind)} {old} to {statement.newname}"


def _move(statement: Any, script: Script) -> Iterator[str]:
    name = statement.relation.relname if statement.relation else name_of(statement.object)
    if name not in script.made:
        yield f"moves {name} to the schema {statement.newschema}"


def _enum(statement: Any, script: Script) -> Iterator[str]:
    name = name_of(statement.typeName)
    if statement.oldVal and name not in script.made:
        yield f"renames the value {statement.oldVal} of {name} to {statement.newVal}"


def _domain(statement: Any, script: Script) -> Iterator[str]:
    name = name_of(statement.typeName)
    demanding = statement.subtype in ("C", "O") or (statement.subtype == "T" and statement.def_ is None)
    if demanding and name not in script.made:
        yield f"demands more of values of the type {name}"


def _grant(statement: Any, script: Script) -> Iterator[str]:
    names = [name_of(each) for each in statement.objects or ()]
    lost = [name for name in names if name not in script.made]
    if not statement.is_grant and (lost or not names):
        yield f"revokes rights on {', '.join(lost) or 'objects'}"


def _membership(statement: Any, script: Script) -> Iterator[str]:
    if not statement.is_grant:
        names = ", ".join(str(each.priv_name) for each in statement.granted_roles)
        yield f"revokes the membership in {names}"


def _role(statement: Any, script: Script) -> Iterator[str]:
    yield f"drops the role {', '.join(str(each.rolename) for each in statement.roles)}"


def _policy(statement: Any, script: Script) -> Iterator[str]:
    if not statement.permissive and statement.table.relname not in script.made:
        yield f"hides rows of {statement.table.relname} by a restrictive policy"


def _owned(statement: Any, script: Script) -> Iterator[str]:
    yield "drops all that a role owns"


def _block(statement: Any, script: Script) -> Iterator[str]:
    """What a DO block does is known when it has run; one that never drops or alters only adds."""
    body = next((each.arg.sval for each in statement.args if each.defname == "as"), "")
    word = _OPAQUE.search(body)
    if word:
        yield f"runs a DO block with {word[0].upper()}, which nobody can judge before it has run"


_JUDGES: dict[type, Callable[[Any, Script], Iterator[str]]] = {
    ast.DropStmt: _drop,
    ast.RenameStmt: _rename,
    ast.AlterObjectSchemaStmt: _move,
    ast.AlterTableStmt: alter_table,
    ast.IndexStmt: index,
    ast.AlterEnumStmt: _enum,
    ast.AlterDomainStmt: _domain,
    ast.GrantStmt: _grant,
    ast.GrantRoleStmt: _membership,
    ast.DropRoleStmt: _role,
    ast.CreatePolicyStmt: _policy,
    ast.DropOwnedStmt: _owned,
    ast.DoStmt: _block,
}


def _word(kind: ObjectType) -> str:
    return kind.name.removeprefix("OBJECT_").lower().replace("_", " ")
