"""What KPIs, invariants, objectives, contracts and other modules read, and a migration takes from them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from pglast import ast
from pglast.enums import AlterTableType as Kind
from pglast.enums import ObjectType

from nexus.migrations.effects.effect import Table
from nexus.migrations.linting.case import Case
from nexus.migrations.linting.hit import Hit, Known
from nexus.migrations.linting.rewrites.sql import as_contract, told
from nexus.migrations.linting.rewrites.table import rewrite
from nexus.migrations.linting.said import Listed, Said, said
from nexus.migrations.naming import key_of
from nexus.migrations.readers import Reader

_RELATIONS = (ObjectType.OBJECT_TABLE, ObjectType.OBJECT_VIEW, ObjectType.OBJECT_MATVIEW)
_WORD = re.compile(r"[a-z]+")
_NAMED = 3  # readers that one sentence names


class Taken(NamedTuple):
    """What is taken: a column, or with "" a whole relation; a relation without a name is a whole schema."""

    table: Table
    column: str
    how: str


def judge(case: Case, known: Known) -> Iterator[Hit]:
    """drops-, renames-what-others-read, changes-type-others-read."""
    for taken in taken_by(case):
        if taken.table in case.made:
            continue
        found = [each for each in known.readers if reads(each, taken)]
        sure = [each for each in found if each.kind != "contract"]
        if not found:
            continue
        what = str(taken.table) + (f".{taken.column}" if taken.column else "")
        yield Hit(
            _RULES[taken.how],
            case,
            said(
                f"{taken.how} {{what}}, which is read by {{readers}}",
                what=what.rstrip("."),
                readers=_named(sure or found),
            ),
            _rewrite(case, known, taken),
            "error" if sure and taken.how != "changes the type of" else "warning",
        )


def taken_by(case: Case) -> Iterator[Taken]:
    """What a statement takes from those who read it as it was."""
    tree = case.tree
    if case.kind is Kind.AT_DropColumn:
        yield Taken(case.table, str(case.command.name), "drops")
    elif case.kind is Kind.AT_AlterColumnType:
        yield Taken(case.table, str(case.command.name), "changes the type of")
    elif isinstance(tree, ast.DropStmt) and tree.removeType in _RELATIONS:
        for each in tree.objects or ():
            yield Taken(_table(ObjectType(tree.removeType), each, case.schema), "", "drops")
    elif isinstance(tree, ast.DropStmt) and tree.removeType == ObjectType.OBJECT_SCHEMA:
        for each in tree.objects or ():
            yield Taken(Table(str(each.sval), ""), "", "drops")
    elif isinstance(tree, ast.RenameStmt) and tree.relation is not None:
        if tree.renameType == ObjectType.OBJECT_COLUMN:
            yield Taken(case.table, str(tree.subname), "renames")
        elif tree.renameType in _RELATIONS:
            yield Taken(case.table, "", "renames")
    elif isinstance(tree, ast.RenameStmt) and tree.renameType == ObjectType.OBJECT_SCHEMA:
        yield Taken(Table(str(tree.subname), ""), "", "renames")
    elif isinstance(tree, ast.AlterObjectSchemaStmt) and tree.relation is not None:
        yield Taken(case.table, "", "moves")


def reads(reader: Reader, taken: Taken) -> bool:
    """Whether a reader reads what is taken. A contract names a field of an answer or an event: it may be a
    column where that has the field's name and its table the name of what the request or event is about.
    """
    if reader.table.schema != taken.table.schema:
        return False
    if reader.kind == "contract":
        about = reader.column == taken.column or not taken.column
        return about and taken.how != "changes the type of" and _is_about(reader.name, taken.table.name)
    if taken.table.name and reader.table.name != taken.table.name:
        return False
    return not taken.column or reader.column == taken.column or reader.column is None


def _is_about(use: str, table: str) -> bool:
    """Whether a request or an event with its field names all that the table's name does: `order.confirmed
    lines[].total` is about `order_lines`, and about `orders`.
    """
    wanted = {_singular(each) for each in table.lower().split("_") if each}
    return bool(wanted) and wanted <= {_singular(each) for each in _WORD.findall(use.lower())}


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-2] if word.endswith(("sses", "xes", "ches")) else word.removesuffix("s")


def _named(readers: list[Reader]) -> Said | Listed:
    """Each reader once, with the first of its places."""
    titles = {(each.who, each.kind, each.name): each for each in reversed(readers)}
    order = dict.fromkeys((each.who, each.kind, each.name) for each in readers)
    told_of = [_title(titles[each]) for each in order]
    more = len(told_of) - _NAMED
    first = Listed(told_of[:_NAMED])
    return said("{readers} and {more} more", readers=first, more=more) if more > 0 else first


def _title(reader: Reader) -> Said:
    who = said("the stack") if reader.who == "stack" else reader.who
    return said(_TITLES[reader.kind], name=reader.name, who=who, place=reader.place)


def _rewrite(case: Case, known: Known, taken: Taken) -> str:
    if taken.how == "renames" and taken.column:
        return rewrite("renaming-column", case, known)
    if taken.how == "renames" and taken.table.name:
        return rewrite("renaming-table", case, known)
    if taken.how == "changes the type of":
        return rewrite("changing-column-type", case, known)
    return as_contract(told(case.tree), case.file.module)


def _table(kind: ObjectType, named: object, schema: str) -> Table:
    _, own, name = key_of(kind, named)
    return Table(own or schema, name)


_TITLES = {
    "kpi": "the KPI {name} of {who} ({place})",
    "invariant": "the invariant {name} of {who} ({place})",
    "objective": "the objective {name} of {who} ({place})",
    "contract": "the contract of {who} ({name}) ({place})",
    "sql": "the SQL of {who} ({place})",
}
_RULES = {
    "drops": "drops-what-others-read",
    "moves": "renames-what-others-read",
    "renames": "renames-what-others-read",
    "changes the type of": "changes-type-others-read",
}
